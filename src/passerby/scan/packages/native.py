"""What projects in Go, Rust, Swift, Objective-C and Ruby name and lock."""

from __future__ import annotations

import re
from collections.abc import Iterator

from passerby.scan.files import list_of, read_json, read_text, read_toml, read_yaml, table_of, text_of
from passerby.scan.packages.names import exact_version, github_name, mention, shown
from passerby.scan.values import Ecosystem, Evidence, Observation, PackageMention, TargetFile

_MOST_BYTES = 8 << 20
_GO_REQUIRE = re.compile(r"(?:require\s+)?([\w.-]+\.[\w.-]+/[\w./~+-]+)\s+v(\S+)(\s*//\s*indirect)?", re.ASCII)
_POD = re.compile(r"""\s*pod(?:\s*\()?\s*["']([^"']+)["'](?:\s*,\s*["']([^"']*)["'])?""")
_POD_LOCKED = re.compile(r"([^\s()]+)(?: \(([^()]*)\))?")
_SWIFT_PACKAGE = re.compile(r"""\.package\s*\([^)]{0,300}?url:\s*["']([^"']+)["']""")
_CARTFILE = re.compile(r"""\s*github\s+["']([\w.-]+/[\w.-]+)["']""")
_GEM = re.compile(r"""\s*gem(?:\s*\()?\s*["']([\w.-]+)["'](?:\s*,\s*["']([^"']*)["'])?""")
_GEM_LOCKED = re.compile(r"( +)([\w.-]+)(?: \(([^()]*)\))?!?$")


def _lines(file: TargetFile) -> Iterator[tuple[int, str]]:
    yield from enumerate(read_text(file, _MOST_BYTES).split("\n"), 1)


def _named(
    file: TargetFile,
    ecosystem: Ecosystem,
    name: str,
    version: str,
    *,
    line: int | None = None,
    root: bool | None = True,
) -> Iterator[PackageMention]:
    word = "requires" if root else "locks"
    where = Evidence(file.path, f"{word} {shown(name, version)}", line)
    yield from mention(ecosystem, name, version, where, root=root)


def read_go_mod(file: TargetFile) -> Iterator[Observation]:
    """Yield what a go.mod requires.

    Raises:
        ScanError: it is too long.
    """
    for number, line in _lines(file):
        found = _GO_REQUIRE.match(line.strip())
        if found and not line.startswith(("replace", "exclude", "module")):
            root = None if found[3] else True
            yield from _named(file, Ecosystem.GO, found[1], found[2], line=number, root=root)


def read_go_sum(file: TargetFile) -> Iterator[Observation]:
    """Yield the modules whose code a go.sum pins; those of which only the go.mod was read are left out.

    Raises:
        ScanError: it is too long.
    """
    for number, line in _lines(file):
        parts = line.split()
        if len(parts) == 3 and not parts[1].endswith("/go.mod"):
            yield from _named(file, Ecosystem.GO, parts[0], parts[1].removeprefix("v"), line=number, root=None)


def read_go_vendor(file: TargetFile) -> Iterator[Observation]:
    """Yield the modules that vendor/modules.txt lists: their code is here.

    Raises:
        ScanError: it is too long.
    """
    for number, line in _lines(file):
        parts = line.split()
        if len(parts) >= 3 and parts[0] == "#" and parts[2].startswith("v"):
            where = Evidence(file.path, f"holds {shown(parts[1], parts[2][1:])}", number)
            yield from mention(Ecosystem.GO, parts[1], parts[2][1:], where, installed=True)


def read_cargo_toml(file: TargetFile) -> Iterator[Observation]:
    """Yield what a Cargo.toml requires.

    Raises:
        ScanError: it is no TOML.
    """
    document = read_toml(file)
    places = [document, table_of(document.get("workspace")), *map(table_of, table_of(document.get("target")).values())]
    found = [
        (text_of(table_of(value).get("package")) or key, value)
        for place in places
        for group in ("dependencies", "dev-dependencies", "build-dependencies")
        for key, value in table_of(place.get(group)).items()
    ]
    package = table_of(document.get("package"))
    own, version = text_of(package.get("name")), text_of(package.get("version"))
    where = Evidence(file.path, f"is the manifest of {shown(own, version)}")
    yield from mention(
        Ecosystem.CARGO, own, version, where, requires=tuple(name for name, _ in found), root=True, own=True
    )
    for name, value in found:
        stated = exact_version(text_of(table_of(value).get("version")).removeprefix("=")) if table_of(value) else ""
        yield from _named(file, Ecosystem.CARGO, name, stated)
        yield from mention(Ecosystem.GITHUB, github_name(text_of(table_of(value).get("git"))), "", where, root=True)


def read_cargo_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield the crates of a Cargo.lock, each with what it needs.

    Raises:
        ScanError: it is no TOML.
    """
    for package in map(table_of, list_of(read_toml(file).get("package"))):
        name, version = text_of(package.get("name")), text_of(package.get("version"))
        own = "source" not in package
        needed = tuple(text_of(one).partition(" ")[0] for one in list_of(package.get("dependencies")))
        where = Evidence(file.path, f"is the lock file of {shown(name)}" if own else f"locks {shown(name, version)}")
        yield from mention(Ecosystem.CARGO, name, version, where, requires=needed, root=own or None, own=own)


def read_podfile(file: TargetFile) -> Iterator[Observation]:
    """Yield the pods that a Podfile names.

    Raises:
        ScanError: it is too long.
    """
    for number, line in _lines(file):
        found = _POD.match(line)
        if found:
            yield from _named(file, Ecosystem.COCOAPODS, found[1], exact_version(found[2] or ""), line=number)


def read_podfile_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield the pods of a Podfile.lock, each with what it needs; Pods/Manifest.lock says what is installed.

    Raises:
        ScanError: it is no YAML.
    """
    document = table_of(read_yaml(file))
    direct = {found[1] for one in list_of(document.get("DEPENDENCIES")) if (found := _POD_LOCKED.match(text_of(one)))}
    installed = file.name == "Manifest.lock"
    for one in list_of(document.get("PODS")):
        table = table_of(one)
        for text in [text_of(one), *table]:
            found = _POD_LOCKED.match(text)
            if not found:
                continue
            needed = [inner[1] for need in list_of(table.get(text)) if (inner := _POD_LOCKED.match(text_of(need)))]
            where = Evidence(file.path, f"locks {shown(found[1], found[2] or '')}")
            root = found[1] in direct or None
            yield from mention(
                Ecosystem.COCOAPODS,
                found[1],
                found[2] or "",
                where,
                installed=installed,
                requires=tuple(needed),
                root=root,
            )


def read_package_resolved(file: TargetFile) -> Iterator[Observation]:
    """Yield the packages that a Package.resolved pins, versions 1 to 3.

    Raises:
        ScanError: it is no JSON.
    """
    document = table_of(read_json(file))
    pins = list_of(document.get("pins")) or list_of(table_of(document.get("object")).get("pins"))
    for pin in map(table_of, pins):
        address = text_of(pin.get("location")) or text_of(pin.get("repositoryURL"))
        name = github_name(address) or text_of(pin.get("identity")) or text_of(pin.get("package"))
        yield from _named(file, Ecosystem.SWIFT, name, text_of(table_of(pin.get("state")).get("version")), root=None)


def read_swift_manifest(file: TargetFile) -> Iterator[Observation]:
    """Yield the repositories that a Package.swift or a Cartfile names.

    Raises:
        ScanError: it is too long.
    """
    text = read_text(file, 1 << 20)
    for found in _SWIFT_PACKAGE.finditer(text):
        yield from _named(file, Ecosystem.SWIFT, github_name(found[1]), "")
    for number, line in enumerate(text.split("\n"), 1):
        cart = _CARTFILE.match(line)
        if cart:
            yield from _named(file, Ecosystem.GITHUB, cart[1], "", line=number)


def read_gemfile(file: TargetFile) -> Iterator[Observation]:
    """Yield the gems that a Gemfile names.

    Raises:
        ScanError: it is too long.
    """
    for number, line in _lines(file):
        found = _GEM.match(line)
        if found:
            yield from _named(file, Ecosystem.GEM, found[1], exact_version(found[2] or ""), line=number)


def read_gemfile_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield the gems of a Gemfile.lock, each with what it needs.

    Raises:
        ScanError: it is too long.
    """
    section = ""
    gems: dict[tuple[str, str], tuple[int, list[str]]] = {}
    direct: set[str] = set()
    needed: list[str] = []
    for number, line in _lines(file):
        found = _GEM_LOCKED.match(line)
        if line and not line.startswith(" "):
            section = line
        elif found and section == "DEPENDENCIES":
            direct.add(found[2])
        elif found and section in ("GEM", "GIT", "PATH") and len(found[1]) == 4:
            _, needed = gems.setdefault((found[2], found[3] or ""), (number, []))
        elif found and len(found[1]) == 6:
            needed.append(found[2])
    for (name, version), (number, needs) in gems.items():
        where = Evidence(file.path, f"locks {shown(name, version)}", number)
        yield from mention(Ecosystem.GEM, name, version, where, requires=tuple(needs), root=name in direct or None)

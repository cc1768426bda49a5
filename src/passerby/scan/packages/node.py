"""What JavaScript projects ask for, lock and hold: package.json, and the lock files of npm, Yarn, pnpm and Bun."""

from __future__ import annotations

import re
from collections.abc import Iterator

from passerby.errors import ScanError
from passerby.scan.files import list_of, read_json, read_text, read_yaml, table_of, text_of
from passerby.scan.packages.names import exact_version, github_name, mention, shown
from passerby.scan.values import Ecosystem, Evidence, Observation, PackageMention, TargetFile

_INSTALLED = re.compile(r"(?:^|/)node_modules/(?:@[^/]+/)?[^/]+/package\.json$|(?:^|[/!])package/package\.json$")
_SPECIFIER = re.compile(r"/?((?:@[\w.~-]+/)?[\w.~-]+)@(?:npm:)?(.*)", re.ASCII)
_NEEDS = ("dependencies", "optionalDependencies", "peerDependencies")
_DIRECT = (*_NEEDS, "devDependencies")
_PNPM_5 = re.compile(r"/((?:@[^/]+/)?[^/@]+)/([^/_(]+)")
_MOST_DEPTH = 40


def read_package_json(file: TargetFile) -> Iterator[Observation]:
    """Yield what a package.json names: the package itself where it is installed or unpacked, and what it needs.

    Raises:
        ScanError: it is no JSON.
    """
    document = table_of(read_json(file))
    name, version = text_of(document.get("name")), text_of(document.get("version"))
    installed = bool(_INSTALLED.search(file.path)) and "_id" not in name
    needed = tuple(_needs(document, _NEEDS))
    if name and (version or not installed):
        what = (
            f"is the metadata of {shown(name, version)}" if installed else f"is the manifest of {shown(name, version)}"
        )
        own = not installed
        where = Evidence(file.path, what)
        yield from mention(
            Ecosystem.NPM, name, version, where, installed=installed, requires=needed, root=own or None, own=own
        )
    groups = ("dependencies",) if installed else _DIRECT
    for group in groups:
        for alias, value in table_of(document.get(group)).items():
            real, constraint = _aliased(alias, text_of(value))
            exact = exact_version(constraint)
            word = "requires, for development," if group == "devDependencies" else "requires"
            subject = f"{shown(name)} {word}" if installed else word
            where = Evidence(file.path, f"{subject} {shown(real, exact)}")
            yield from mention(Ecosystem.NPM, real, exact, where, root=not installed)
            yield from _from_github(constraint, where, root=not installed)


def _needs(document: dict[str, object], groups: tuple[str, ...]) -> Iterator[str]:
    for group in groups:
        for alias, value in table_of(document.get(group)).items():
            yield _aliased(alias, text_of(value))[0]


def _aliased(alias: str, constraint: str) -> tuple[str, str]:
    """Return the real name and constraint: ``"face": "npm:face-api.js@0.22.2"`` installs another package under a name."""
    if not constraint.startswith("npm:"):
        return alias, constraint
    head, at, version = constraint[4:].rpartition("@")
    return (head, version) if at and head else (constraint[4:], "")


def _from_github(address: str, where: Evidence, *, root: bool | None) -> Iterator[PackageMention]:
    repository = github_name(address, short=True)
    if repository:
        yield from mention(Ecosystem.GITHUB, repository, "", where, root=root)


def read_npm_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield the packages of package-lock.json or npm-shrinkwrap.json, versions 1 to 3; the hidden one says what is installed.

    Raises:
        ScanError: it is no JSON.
    """
    document = table_of(read_json(file))
    installed = file.name == ".package-lock.json"
    packages = table_of(document.get("packages"))
    for place, value in packages.items():
        package = table_of(value)
        real = text_of(package.get("name")) or place.rpartition("node_modules/")[2]
        if package.get("link") is True or not real:
            continue
        version = text_of(package.get("version"))
        own = "node_modules/" not in place
        where = Evidence(file.path, f"is the lock file of {shown(real)}" if own else f"locks {shown(real, version)}")
        needed = tuple(_needs(package, _DIRECT if own else _NEEDS))
        yield from mention(
            Ecosystem.NPM,
            real,
            version,
            where,
            installed=installed and not own,
            requires=needed,
            root=own or None,
            own=own,
        )
        if not own:
            yield from _from_github(text_of(package.get("resolved")), where, root=None)
    if not packages:
        yield from _first_lock(file, document)


def _first_lock(file: TargetFile, document: dict[str, object]) -> Iterator[Observation]:
    """Yield the packages of version 1, where what is nested lies inside what needs it."""
    left = [(table_of(document.get("dependencies")), 0)]
    while left:
        packages, depth = left.pop()
        if depth > _MOST_DEPTH:
            raise ScanError(f"lock file must nest at most {_MOST_DEPTH} levels, got more")
        for alias, value in packages.items():
            package = table_of(value)
            name, version = _aliased(alias, text_of(package.get("version")))
            where = Evidence(file.path, f"locks {shown(name, exact_version(version))}")
            needed = tuple(table_of(package.get("requires")))
            yield from mention(Ecosystem.NPM, name, exact_version(version), where, requires=needed)
            yield from _from_github(version, where, root=None)
            left.append((table_of(package.get("dependencies")), depth + 1))


def read_yarn_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield the packages of a yarn.lock, of Yarn 1 or later; both are read by lines.

    Raises:
        ScanError: it is too long.
    """
    entry = _YarnEntry(file.path)
    for number, line in enumerate(read_text(file).split("\n"), 1):
        if line[:1] not in (" ", "#", ""):
            yield from entry.mentions()
            entry = _YarnEntry(file.path, line.rstrip(" :"), number)
        elif line.strip():
            entry.add(line)
    yield from entry.mentions()


class _YarnEntry:
    """One entry of a yarn.lock: its heading, then indented keys, then lists that are indented once more."""

    def __init__(self, path: str, heading: str = "", line: int = 0) -> None:
        self._path = path
        self._line = line
        first = heading.split(",")[0].strip().strip('"')
        found = _SPECIFIER.match(first)
        self._name = found[1] if found else ""
        if found and (inner := _SPECIFIER.fullmatch(found[2])) and "npm:" in first:
            self._name = inner[1]
        self._version = ""
        self._address = ""
        self._own = False
        self._needs: list[str] = []
        self._section = ""

    def add(self, line: str) -> None:
        """Take one indented line."""
        key, _, value = line.strip().partition(" ")
        if key.startswith('"') and '"' in key[1:]:
            key = key[1:].partition('"')[0]
        key, value = key.rstrip(":"), value.strip().strip('"')
        if line.startswith("    "):
            if self._section in _NEEDS:
                self._needs.append(_aliased(key, value)[0])
            return
        self._section = key
        if key == "version":
            self._version = value
        elif key == "resolved":
            self._address = value
        elif key == "resolution":
            found = _SPECIFIER.fullmatch(value)
            self._name = found[1] if found else self._name
            self._address = found[2] if found else ""
            self._own = self._address.startswith("workspace:")

    def mentions(self) -> Iterator[PackageMention]:
        """Yield what the entry names."""
        if self._name and self._name != "__metadata":
            what = (
                f"is the lock file of {shown(self._name)}" if self._own else f"locks {shown(self._name, self._version)}"
            )
            where = Evidence(self._path, what, self._line)
            yield from mention(
                Ecosystem.NPM,
                self._name,
                "" if self._own else self._version,
                where,
                requires=tuple(self._needs),
                root=self._own or None,
                own=self._own,
            )
            if not self._own:
                yield from _from_github(self._address, where, root=None)


def read_pnpm_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield the packages of a pnpm-lock.yaml, versions 5 to 9.

    Raises:
        ScanError: it is no YAML.
    """
    document = table_of(read_yaml(file, 16 << 20))
    for importer in [document, *table_of(document.get("importers")).values()]:
        for group in _DIRECT:
            for alias, value in table_of(table_of(importer).get(group)).items():
                version = text_of(value) or text_of(table_of(value).get("version"))
                name, version = (
                    _pnpm_name(version.lstrip("/")) if "@" in version.partition("(")[0] else (alias, version)
                )
                version = version.partition("(")[0].partition("_")[0]
                where = Evidence(file.path, f"requires {shown(name or alias, version)}")
                yield from mention(Ecosystem.NPM, name or alias, version, where, root=True)
    snapshots = table_of(document.get("snapshots"))
    for key, value in {**table_of(document.get("packages")), **snapshots}.items():
        name, version = _pnpm_name(key)
        where = Evidence(file.path, f"locks {shown(name, version)}")
        needed = tuple(_needs(table_of(value), ("dependencies", "optionalDependencies")))
        yield from mention(Ecosystem.NPM, name, version, where, requires=needed)
        yield from _from_github(key, where, root=None) if "github.com" in key else ()


def _pnpm_name(key: str) -> tuple[str, str]:
    found = _PNPM_5.match(key)
    if found:
        return found[1], found[2]
    found = _SPECIFIER.match(key)
    return (found[1], exact_version(found[2].partition("(")[0])) if found else ("", "")


def read_bun_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield the packages of a bun.lock.

    Raises:
        ScanError: it is no JSON with comments.
    """
    document = table_of(read_json(file, lenient=True))
    for value in table_of(document.get("workspaces")).values():
        for name in _needs(table_of(value), _DIRECT):
            yield from mention(Ecosystem.NPM, name, "", Evidence(file.path, f"requires {shown(name)}"), root=True)
    for value in table_of(document.get("packages")).values():
        parts = list_of(value)
        found = _SPECIFIER.fullmatch(text_of(parts[0])) if parts else None
        if found and not found[2].startswith("workspace:"):
            version = exact_version(found[2])
            needed = tuple(name for part in parts[1:] for name in _needs(table_of(part), _NEEDS))
            where = Evidence(file.path, f"locks {shown(found[1], version)}")
            yield from mention(Ecosystem.NPM, found[1], version, where, requires=needed)
            yield from _from_github(found[2], where, root=None)

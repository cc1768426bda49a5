"""What Java, Kotlin and Android projects name: Maven, Gradle, and what their archives say of themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from passerby.scan.files import XmlElement, read_text, read_toml, read_xml, table_of, text_of
from passerby.scan.packages.names import exact_version, mention, shown
from passerby.scan.values import Ecosystem, Evidence, Observation, PackageMention, TargetFile

_MOST_BYTES = 4 << 20
_COORDINATES = re.compile(r"""["']([\w.-]+:[\w.-]+)(?::([\w.+$\{\}-]+))?(?::[\w-]+)?(?:@\w+)?["']""", re.ASCII)
_NAMED_PARTS = re.compile(
    r"""group\s*[:=]\s*["']([\w.-]+)["']\s*,\s*(?:name|module)\s*[:=]\s*["']([\w.-]+)["'](?:\s*,\s*version\s*[:=]\s*["']([\w.+-]+)["'])?""",
    re.ASCII,
)
_LOCKED = re.compile(r"([\w.-]+:[\w.-]+):([\w.+-]+)=", re.ASCII)


def _coordinates(
    path: str, name: str, version: str, *, line: int | None = None, root: bool | None = True
) -> Iterator[PackageMention]:
    version = exact_version(version)
    word = "requires" if root else "locks"
    where = Evidence(path, f"{word} {shown(name, version)}", line)
    yield from mention(Ecosystem.MAVEN, name, version, where, root=root)


def read_pom(file: TargetFile) -> Iterator[Observation]:
    """Yield what a pom.xml names; versions that a property states are filled in.

    Raises:
        ScanError: it is no XML.
    """
    project = read_xml(file, 4 << 20)
    properties = {child.name: child.text for element in project.all("properties") for child in element.children}
    group = project.value("groupId") or project.value("parent", "groupId")
    version = project.value("version") or project.value("parent", "version")
    properties |= {"project.groupId": group, "project.version": version}
    places = [project, *project.all("profiles", "profile")]
    found = [
        (
            f"{_filled(one, 'groupId', properties)}:{_filled(one, 'artifactId', properties)}",
            _filled(one, "version", properties),
        )
        for place in places
        for one in place.all("dependencies", "dependency")
    ]
    own = f"{group}:{project.value('artifactId')}"
    inside = "META-INF/maven/" in file.path
    where = Evidence(file.path, f"is the manifest of {shown(own, version)}")
    yield from mention(
        Ecosystem.MAVEN,
        own,
        version,
        where,
        installed=inside,
        requires=tuple(name for name, _ in found),
        root=None if inside else True,
        own=not inside,
    )
    for name, stated in found:
        yield from _coordinates(file.path, name, stated, root=not inside)


def _filled(element: XmlElement, key: str, properties: dict[str, str]) -> str:
    return re.sub(r"\$\{([^}]*)\}", lambda match: properties.get(match[1], ""), element.value(key))


def read_gradle(file: TargetFile) -> Iterator[Observation]:
    """Yield the coordinates that stand as text in a build.gradle or build.gradle.kts; it is not run.

    Raises:
        ScanError: it is too long.
    """
    for number, line in enumerate(read_text(file, _MOST_BYTES).split("\n"), 1):
        code = line.strip()
        if code.startswith(("//", "*", "/*")):
            continue
        for found in _COORDINATES.finditer(code):
            yield from _coordinates(file.path, found[1], found[2] or "", line=number)
        for found in _NAMED_PARTS.finditer(code):
            yield from _coordinates(file.path, f"{found[1]}:{found[2]}", found[3] or "", line=number)


def read_gradle_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield what a gradle.lockfile settles.

    Raises:
        ScanError: it is too long.
    """
    for number, line in enumerate(read_text(file, _MOST_BYTES).split("\n"), 1):
        found = _LOCKED.match(line)
        if found:
            yield from _coordinates(file.path, found[1], found[2], line=number, root=None)


def read_version_catalogue(file: TargetFile) -> Iterator[Observation]:
    """Yield the libraries of a Gradle version catalogue (libs.versions.toml).

    Raises:
        ScanError: it is no TOML.
    """
    document = read_toml(file)
    versions = table_of(document.get("versions"))
    for value in table_of(document.get("libraries")).values():
        library = table_of(value)
        module = text_of(value) or text_of(library.get("module"))
        name = ":".join(module.split(":")[:2]) or f"{text_of(library.get('group'))}:{text_of(library.get('name'))}"
        version = library.get("version")
        stated = text_of(version) or text_of(versions.get(text_of(table_of(version).get("ref"))))
        yield from _coordinates(file.path, name, stated or ":".join(module.split(":")[2:3]))


def read_pom_properties(file: TargetFile) -> Iterator[Observation]:
    """Yield what an archive says it holds, in META-INF/maven/GROUP/ARTIFACT/pom.properties.

    Raises:
        ScanError: it is too long.
    """
    pairs = (line.partition("=") for line in read_text(file, 1 << 20).split("\n") if not line.startswith("#"))
    stated = {key.strip(): value.strip() for key, _, value in pairs}
    name, version = f"{stated.get('groupId', '')}:{stated.get('artifactId', '')}", stated.get("version", "")
    where = Evidence(file.path, f"is the metadata of {shown(name, version)}")
    yield from mention(Ecosystem.MAVEN, name, version, where, installed=True)

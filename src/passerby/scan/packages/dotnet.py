"""What .NET projects name: packages.config, project files, lock files, deps.json and nuspec."""

from __future__ import annotations

from collections.abc import Iterator

from passerby.scan.files import read_json, read_xml, table_of, text_of
from passerby.scan.packages.names import exact_version, mention, shown
from passerby.scan.values import Ecosystem, Evidence, Observation, PackageMention, TargetFile


def _named(path: str, name: str, version: str, *, root: bool | None = True) -> Iterator[PackageMention]:
    version = exact_version(version.strip("[] "))
    where = Evidence(path, f"requires {shown(name, version)}")
    yield from mention(Ecosystem.NUGET, name, version, where, root=root)


def read_project(file: TargetFile) -> Iterator[Observation]:
    """Yield what a project file (csproj, fsproj, vbproj, props, targets) or a packages.config names.

    Raises:
        ScanError: it is no XML.
    """
    root = read_xml(file, 4 << 20)
    left = [root]
    while left:
        element = left.pop()
        left += element.children
        stated = element.attributes
        if element.name in ("PackageReference", "PackageVersion", "GlobalPackageReference"):
            version = stated.get("Version") or element.value("Version")
            yield from _named(file.path, stated.get("Include") or stated.get("Update", ""), version)
        elif element.name == "package" and "id" in stated:
            yield from _named(file.path, stated["id"], stated.get("version", ""))


def read_nuspec(file: TargetFile) -> Iterator[Observation]:
    """Yield what a package says of itself and what it needs.

    Raises:
        ScanError: it is no XML.
    """
    metadata = next(iter(read_xml(file, 4 << 20).all("metadata")), None)
    if metadata is None:
        return
    listed = [*metadata.all("dependencies", "dependency"), *metadata.all("dependencies", "group", "dependency")]
    needed = [(one.attributes.get("id", ""), one.attributes.get("version", "")) for one in listed]
    name, version = metadata.value("id"), metadata.value("version")
    where = Evidence(file.path, f"is the metadata of {shown(name, version)}")
    requires = tuple(other for other, _ in needed)
    yield from mention(Ecosystem.NUGET, name, version, where, installed=True, requires=requires)
    for other, stated in needed:
        yield from _named(file.path, other, stated, root=False)


def read_nuget_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield what a packages.lock.json settles, each with what it needs.

    Raises:
        ScanError: it is no JSON.
    """
    for framework in table_of(table_of(read_json(file)).get("dependencies")).values():
        for name, value in table_of(framework).items():
            package = table_of(value)
            version = text_of(package.get("resolved"))
            where = Evidence(file.path, f"locks {shown(name, version)}")
            needed = tuple(table_of(package.get("dependencies")))
            direct = package.get("type") == "Direct" or None
            yield from mention(Ecosystem.NUGET, name, version, where, requires=needed, root=direct)


def read_deps_json(file: TargetFile) -> Iterator[Observation]:
    """Yield what a built program's deps.json or a project.assets.json lists, each with what it needs.

    Raises:
        ScanError: it is no JSON.
    """
    document = table_of(read_json(file))
    needs: dict[str, tuple[str, ...]] = {}
    for framework in table_of(document.get("targets")).values():
        for key, value in table_of(framework).items():
            needs[key] = (*needs.get(key, ()), *table_of(table_of(value).get("dependencies")))
    for key, value in table_of(document.get("libraries")).items():
        name, _, version = key.partition("/")
        own = table_of(value).get("type") == "project"
        where = Evidence(file.path, f"lists {shown(name, version)}")
        built = file.name.endswith(".deps.json") and not own
        yield from mention(
            Ecosystem.NUGET,
            name,
            version,
            where,
            installed=built,
            requires=needs.get(key, ()),
            root=own or None,
            own=own,
        )

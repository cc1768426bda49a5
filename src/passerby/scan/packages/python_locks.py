"""What lock files of Python projects settle: poetry.lock, uv.lock, pdm.lock, pylock.toml, Pipfile.lock."""

from __future__ import annotations

from collections.abc import Iterator

from passerby.scan.files import list_of, read_json, read_toml, table_of, text_of
from passerby.scan.packages.names import exact_version, github_name, mention, parse_requirement, shown
from passerby.scan.values import Ecosystem, Evidence, Observation, TargetFile


def read_toml_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield the packages of poetry.lock, uv.lock, pdm.lock or pylock.toml, each with what it needs.

    Raises:
        ScanError: it is no TOML.
    """
    document = read_toml(file)
    for package in map(table_of, [*list_of(document.get("package")), *list_of(document.get("packages"))]):
        name, version = text_of(package.get("name")), text_of(package.get("version"))
        source = table_of(package.get("source"))
        own = bool({"virtual", "editable"} & set(source))
        where = Evidence(file.path, f"is the lock file of {shown(name)}" if own else f"locks {shown(name, version)}")
        needed = tuple(_needed(package))
        yield from mention(Ecosystem.PYPI, name, version, where, requires=needed, root=own or None, own=own)
        repository = next(filter(None, (github_name(text_of(source.get(key))) for key in ("git", "url"))), "")
        if repository:
            yield from mention(Ecosystem.GITHUB, repository, "", where)


def _needed(package: dict[str, object]) -> Iterator[str]:
    """Yield names: Poetry has a table by name, uv and pylock a list of tables, PDM a list of requirements."""
    dependencies = package.get("dependencies")
    yield from table_of(dependencies)
    further = [list_of(dependencies), *map(list_of, table_of(package.get("optional-dependencies")).values())]
    for one in (one for group in further for one in group):
        requirement = parse_requirement(text_of(one))
        name = text_of(table_of(one).get("name")) or (requirement.name if requirement else "")
        if name:
            yield name


def read_pipfile_lock(file: TargetFile) -> Iterator[Observation]:
    """Yield the packages of a Pipfile.lock.

    Raises:
        ScanError: it is no JSON.
    """
    document = table_of(read_json(file))
    for group in ("default", "develop"):
        for name, value in table_of(document.get(group)).items():
            version = exact_version(text_of(table_of(value).get("version")))
            where = Evidence(file.path, f"locks {shown(name, version)}")
            yield from mention(Ecosystem.PYPI, name, version, where)
            repository = github_name(text_of(table_of(value).get("git")))
            if repository:
                yield from mention(Ecosystem.GITHUB, repository, "", where)

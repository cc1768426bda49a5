"""What recipes install or start: Dockerfiles, compose and other YAML files that name images, workflows, shell scripts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from passerby.scan.files import read_text
from passerby.scan.packages.names import comparable, exact_version, github_name, mention, parse_requirement, shown
from passerby.scan.values import Ecosystem, Evidence, Observation, PackageMention, TargetFile

_MOST_BYTES = 1 << 20
_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.I)
_IMAGE = re.compile(
    r"""\s*(?:-\s+)?["']?(?:image|repository|container)["']?\s*:\s*["']?(\w[\w./:@-]+)["']?(?:\s*,)?\s*(?:#.*)?$""",
    re.ASCII,
)
_USES = re.compile(r"""\s*(?:-\s+)?uses\s*:\s*["']?([\w.-]+/[\w.-]+)""", re.ASCII)
_INSTALLS = re.compile(
    r"\b(?:(pip[\d.]*|uv\s+pip)\s+(?:install|download)|(uv\s+add|poetry\s+add|pdm\s+add|pipx\s+install|uv\s+tool\s+install)"
    r"|((?:npm|pnpm|bun)\s+(?:install|i|add)|yarn\s+(?:global\s+)?add)|((?:apt-get|apt|aptitude)\b[^&|;]{0,200}?\binstall)"
    r"|(apk\s+(?:--\S+\s+)*add)|((?:dnf|yum|microdnf|zypper)\b[^&|;]{0,200}?\binstall)"
    r"|((?:conda|mamba|micromamba)\s+(?:install|create))|(gem\s+install)|(go\s+(?:install|get))|(cargo\s+(?:install|add))"
    r"|(git\s+clone))\s+([^&|;\n]*)"
)
_REGISTRIES = (
    Ecosystem.PYPI, Ecosystem.PYPI, Ecosystem.NPM, Ecosystem.DEBIAN, Ecosystem.ALPINE, Ecosystem.RPM,
    Ecosystem.CONDA, Ecosystem.GEM, Ecosystem.GO, Ecosystem.CARGO, Ecosystem.GITHUB,
)  # fmt: skip
_VALUED = {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-t",
           "--target", "--prefix", "-n", "--name", "--channel", "--version", "-b", "--branch", "--depth", "--root"}  # fmt: skip
_NPM_SPECIFIER = re.compile(r"((?:@[\w.~-]+/)?[\w.~-]+)(?:@(.*))?", re.ASCII)


def read_dockerfile(file: TargetFile) -> Iterator[Observation]:
    """Yield the images that a Dockerfile builds on, and what its commands install.

    Raises:
        ScanError: it is too long.
    """
    stages: set[str] = set()
    for number, line in _joined(read_text(file, _MOST_BYTES)):
        found = _FROM.match(line.strip())
        if found:
            if found[1].lower() not in stages and "$" not in found[1]:
                yield from _image(file, found[1], number, "is built on the image")
            stages.add((found[2] or "").lower())
        else:
            yield from _commands(file, line, number)


def read_yaml_names(file: TargetFile) -> Iterator[Observation]:
    """Yield the images, actions and installations that a YAML file names, line by line: templates are no YAML yet.

    Raises:
        ScanError: it is too long.
    """
    for number, line in _joined(read_text(file, _MOST_BYTES)):
        found = _IMAGE.match(line)
        if found:
            yield from _image(file, found[1], number, "names the image")
        used = _USES.match(line)
        if used:
            where = Evidence(file.path, f"uses the action {shown(used[1])}", number)
            yield from mention(Ecosystem.GITHUB, used[1], "", where, root=True)
        yield from _commands(file, line, number)


def read_commands(file: TargetFile) -> Iterator[Observation]:
    """Yield what the commands of a shell script install.

    Raises:
        ScanError: it is too long.
    """
    for number, line in _joined(read_text(file, _MOST_BYTES)):
        if not line.lstrip().startswith("#"):
            yield from _commands(file, line, number)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines with the number of their first; a backslash at the end goes on."""
    held: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.rstrip().endswith("\\"):
            held.append(line.rstrip()[:-1])
        elif not (held and line.lstrip().startswith("#")):
            yield number - len(held), " ".join([*held, line])
            held = []
    if held:
        yield 1, " ".join(held)


def _image(file: TargetFile, image: str, line: int, what: str) -> Iterator[PackageMention]:
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    name = comparable(Ecosystem.DOCKER, image)
    where = Evidence(file.path, f"{what} {shown(name, tag)}", line)
    yield from mention(Ecosystem.DOCKER, name, tag, where, root=True)


def _commands(file: TargetFile, line: str, number: int) -> Iterator[PackageMention]:
    if "install" not in line and " add " not in line and "git " not in line and " i " not in line:
        return
    for found in _INSTALLS.finditer(line):
        kind = next(index for index, group in enumerate(found.groups()[:-1]) if group)
        ecosystem = _REGISTRIES[kind]
        for word in _words(found[found.re.groups]):
            named = _named(ecosystem, word)
            if named:
                where = Evidence(file.path, f"installs {shown(*named[1:])}", number)
                yield from mention(*named, where, root=True)


def _words(text: str) -> Iterator[str]:
    try:
        parts = shlex.split(text, comments=True)
    except ValueError:
        parts = [part.strip("\"'") for part in text.split()]
    skipped = False
    for part in parts:
        if not part.startswith("-") and not skipped and "$" not in part:
            yield part.strip(",[]\"'")
        skipped = part in _VALUED


def _named(ecosystem: Ecosystem, word: str) -> tuple[Ecosystem, str, str] | None:
    """Return registry, name and version that one word of a command names, or None where it names no package."""
    repository = github_name(word)
    if repository:
        return Ecosystem.GITHUB, repository, ""
    if "://" in word or word.startswith((".", "/", "~")):
        return None
    if ecosystem is Ecosystem.GITHUB:
        return None
    if ecosystem is Ecosystem.PYPI:
        one = parse_requirement(word)
        return (ecosystem, one.name, one.version) if one else None
    if ecosystem is Ecosystem.CONDA:
        name, _, version = word.rpartition("::")[2].partition("=")
        return ecosystem, re.split(r"[<>]", name)[0], version.strip("=").partition("=")[0]
    if ecosystem in (Ecosystem.NPM, Ecosystem.GO, Ecosystem.CARGO):
        found = (
            _NPM_SPECIFIER.fullmatch(word) if ecosystem is Ecosystem.NPM else re.fullmatch(r"([^@]+)(?:@v?(.*))?", word)
        )
        return (ecosystem, found[1], exact_version(found[2] or "")) if found else None
    name, _, version = word.partition("=")
    return ecosystem, name, version

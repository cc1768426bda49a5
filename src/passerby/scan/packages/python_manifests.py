"""What a Python project asks for: requirements files, pyproject.toml, setup.cfg, setup.py, Pipfile, environment.yml.

``setup.py`` is read as a syntax tree and never run: what it computes is named as not read.
"""

from __future__ import annotations

import ast
import configparser
import re
import warnings
from collections import deque
from collections.abc import Iterable, Iterator

from passerby.errors import ScanError
from passerby.scan.files import list_of, read_text, read_toml, read_yaml, table_of, text_of
from passerby.scan.packages.names import (
    comparable,
    exact_version,
    github_name,
    mention,
    parse_requirement,
    shown,
    wheel_name,
)
from passerby.scan.values import Ecosystem, Evidence, Observation, PackageMention, TargetFile, Unread

_MOST_BYTES = 4 << 20
_MOST_NODES = 10_000
_OPTION = re.compile(r"\s--(?:hash|global-option|config-settings?)\b.*")
_COMMENT = re.compile(r"(?:^|\s)#")
_FURTHER = re.compile(r"(?:-r|--requirement)[\s=]*(\S+)")
_NAMED = re.compile(
    r"(?:requirements?|reqs?|deps|dependencies)(?:[-_.].*)?\.(?:txt|in|pip|lock)|.*[-_.](?:requirements?|reqs?)\.(?:txt|in|lock)",
    re.I,
)
_FOLDERS = ("requirements", "requirement", "reqs", "deps")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)")


def is_requirements(path: str) -> bool:
    """Tell whether a file is read as requirements: by its name or its folder's.

    >>> is_requirements("app/requirements-dev.txt"), is_requirements("requirements/prod.txt"), is_requirements("words.txt")
    (True, True, False)
    >>> is_requirements("requirements.lock"), is_requirements("poetry.lock")
    (True, False)
    """
    folder, _, name = path.rpartition("/")
    if _NAMED.fullmatch(name):
        return True
    return name.lower().endswith((".txt", ".in", ".lock")) and folder.rpartition("/")[2].lower() in _FOLDERS


def read_requirements(file: TargetFile) -> Iterator[Observation]:
    """Yield what a requirements file names; ``# via`` comments of pip-compile and uv say what brought it in.

    Raises:
        ScanError: it is too long.
    """
    found: list[tuple[int, str, str, str]] = []
    vias = _Vias()
    for number, line in enumerate(read_text(file, _MOST_BYTES).split("\n"), 1):
        code, comment = _uncommented(line)
        if code:
            further = _FURTHER.match(code)
            if further and not is_requirements(further[1]):
                yield Unread(file.path, f"line {number} brings in a file whose name is not one of requirements")
            named = list(_requirement_line(code))
            found += [(number, *one) for one in named]
            vias.last = named[0][0] if named else ""
        vias.take(comment)
    for number, name, version, repository in found:
        root = True if name in vias.direct or not vias.direct else None
        where = Evidence(file.path, f"requires {shown(name, version)}", number)
        needed = tuple(vias.needs.get(name, ()))
        yield from mention(Ecosystem.PYPI, name, version, where, requires=needed, root=root)
        if repository:
            yield from mention(Ecosystem.GITHUB, repository, "", where, root=True)


class _Vias:
    """What the ``# via`` comments say: which package needs which, and which the target's own files name."""

    def __init__(self) -> None:
        self.last = ""
        self.needs: dict[str, set[str]] = {}
        self.direct: set[str] = set()
        self._listing = False

    def take(self, comment: str) -> None:
        """Take one comment; those after the last requirement belong to it."""
        text = comment.strip()
        if text.startswith("via"):
            self._listing = True
            text = text[3:].strip()
        elif not self._listing:
            return
        for part in filter(None, (one.strip().partition(" (")[0] for one in text.split(","))):
            if part.startswith("-"):
                self.direct.add(self.last)
            elif self.last and " " not in part:
                self.needs.setdefault(comparable(Ecosystem.PYPI, part), set()).add(self.last)


def _uncommented(line: str) -> tuple[str, str]:
    """Return what a line says and its comment; a comment begins the line or follows a blank."""
    found = _COMMENT.search(line)
    return (line[: found.start()].strip(), line[found.end() :]) if found else (line.strip(), "")


def _requirement_line(code: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and repository of one line without its comment."""
    code = _OPTION.sub("", code).rstrip("\\ ")
    code = re.sub(r"^(?:-e|--editable)[\s=]+", "", code)
    if not code or code.startswith("-"):
        return
    one = parse_requirement(code)
    if one:
        yield one.name, one.version, github_name(one.address)
    elif "://" in code or code.startswith("git@"):
        egg = _EGG.search(code)
        repository = github_name(code)
        name, version = (egg[1], "") if egg else wheel_name(code)
        name = name or repository.rpartition("/")[2]
        if name:
            yield name, version, repository


def _stated(file: TargetFile, texts: Iterable[object], what: str) -> Iterator[PackageMention]:
    """Yield the requirements that a list in a manifest states."""
    for text in texts:
        one = parse_requirement(text_of(text))
        if one:
            where = Evidence(file.path, f"{what} {shown(one.name, one.version)}")
            yield from mention(Ecosystem.PYPI, one.name, one.version, where, root=True)
            if repository := github_name(one.address):
                yield from mention(Ecosystem.GITHUB, repository, "", where, root=True)


def _constrained(file: TargetFile, table: object, what: str) -> Iterator[PackageMention]:
    """Yield the names of a table as Poetry and Pipenv write them: name, then a constraint or a table with one."""
    for name, value in table_of(table).items():
        for one in list_of(value) or [value]:
            constraint = text_of(one) or text_of(table_of(one).get("version"))
            version = exact_version(constraint)
            where = Evidence(file.path, f"{what} {shown(name, version)}")
            if name.lower() != "python":
                yield from mention(Ecosystem.PYPI, name, version, where, root=True)
            if repository := github_name(text_of(table_of(one).get("git"))):
                yield from mention(Ecosystem.GITHUB, repository, "", where, root=True)


def read_pyproject(file: TargetFile) -> Iterator[Observation]:
    """Yield what a pyproject.toml names: PEP 621, PEP 735, build requirements, and the tables of Poetry, PDM, uv and Hatch.

    Raises:
        ScanError: it is no TOML.
    """
    document = read_toml(file)
    project = table_of(document.get("project"))
    tool = table_of(document.get("tool"))
    poetry = table_of(tool.get("poetry"))
    found = [*_stated(file, list_of(project.get("dependencies")), "requires")]
    for extra in table_of(project.get("optional-dependencies")).values():
        found += _stated(file, list_of(extra), "requires, as an extra,")
    found += _constrained(file, poetry.get("dependencies"), "requires")
    own = text_of(project.get("name")) or text_of(poetry.get("name"))
    if own:
        version = text_of(project.get("version")) or text_of(poetry.get("version"))
        needed = tuple(one.name for one in found if one.ecosystem is Ecosystem.PYPI)
        where = Evidence(file.path, f"is the manifest of {shown(own, version)}")
        yield from mention(Ecosystem.PYPI, own, version, where, requires=needed, root=True, own=True)
    yield from found
    groups = [*table_of(document.get("dependency-groups")).values()]
    groups += [*table_of(table_of(tool.get("pdm")).get("dev-dependencies")).values()]
    groups.append(table_of(tool.get("uv")).get("dev-dependencies"))
    for environment in table_of(table_of(tool.get("hatch")).get("envs")).values():
        groups += [table_of(environment).get("dependencies"), table_of(environment).get("extra-dependencies")]
    for group in groups:
        yield from _stated(file, list_of(group), "requires, for development,")
    yield from _stated(file, list_of(table_of(document.get("build-system")).get("requires")), "is built with")
    yield from _constrained(file, poetry.get("dev-dependencies"), "requires, for development,")
    for group in table_of(poetry.get("group")).values():
        yield from _constrained(file, table_of(group).get("dependencies"), "requires, for development,")


def read_pipfile(file: TargetFile) -> Iterator[Observation]:
    """Yield what a Pipfile names.

    Raises:
        ScanError: it is no TOML.
    """
    document = read_toml(file)
    for key, what in (("packages", "requires"), ("dev-packages", "requires, for development,")):
        yield from _constrained(file, document.get(key), what)


def read_setup_cfg(file: TargetFile) -> Iterator[Observation]:
    """Yield what a setup.cfg names.

    Raises:
        ScanError: it is no such file.
    """
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(read_text(file, _MOST_BYTES))
    except configparser.Error as exc:
        raise ScanError("document must be of sections with keys, got something else") from exc
    options = dict(parser["options"]) if parser.has_section("options") else {}
    extras = dict(parser["options.extras_require"]) if parser.has_section("options.extras_require") else {}
    found = [*_stated(file, (options.get("install_requires") or "").split("\n"), "requires")]
    own = parser.get("metadata", "name", fallback=None)
    if own:
        where = Evidence(file.path, f"is the manifest of {shown(own)}")
        yield from mention(
            Ecosystem.PYPI, own, "", where, requires=tuple(one.name for one in found), root=True, own=True
        )
    yield from found
    for value in extras.values():
        yield from _stated(file, (value or "").split("\n"), "requires, as an extra,")


def read_setup_py(file: TargetFile) -> Iterator[Observation]:
    """Yield what the literal lists of a setup.py name, by its syntax tree.

    Raises:
        ScanError: it is no Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(read_text(file, _MOST_BYTES))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise ScanError("setup.py must be Python, got something else") from exc
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or (getattr(called, "id", "") or getattr(called, "attr", "")) != "setup":
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        yield from _setup(file, given, constants)


def _setup(file: TargetFile, given: dict[str, ast.expr], constants: dict[str, ast.expr]) -> Iterator[Observation]:
    found: list[PackageMention] = []
    for key, what in (
        ("install_requires", "requires"),
        ("setup_requires", "is built with"),
        ("tests_require", "requires, for development,"),
        ("extras_require", "requires, as an extra,"),
    ):
        if key in given:
            texts, whole = _texts(given[key], constants)
            found += _stated(file, texts, what)
            if not whole:
                yield Unread(
                    file.path,
                    f"{key} is computed when setup.py runs, and a scan runs nothing",
                    hides=key == "install_requires",
                )
    own = _texts(given["name"], constants)[0] if "name" in given else []
    if own:
        where = Evidence(file.path, f"is the manifest of {shown(own[0])}")
        yield from mention(
            Ecosystem.PYPI, own[0], "", where, requires=tuple(one.name for one in found), root=True, own=True
        )
    yield from found


def _texts(node: ast.expr, constants: dict[str, ast.expr]) -> tuple[list[str], bool]:
    """Return the texts that an expression states literally, and whether these are all of them."""
    texts: list[str] = []
    whole = True
    left = deque([node])
    for _ in range(_MOST_NODES):
        if not left:
            return texts, whole
        match left.popleft():
            case ast.Constant(value=str(text)):
                texts += text.split("\n")
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
                left += parts
            case ast.BinOp(op=ast.Add(), left=first, right=second):
                left += [first, second]
            case ast.Name(id=name) if name in constants:
                left.append(constants[name])
            case _:
                whole = False
    return texts, False


def read_environment(file: TargetFile) -> Iterator[Observation]:
    """Yield what a conda environment or conda-lock file names, with the list for pip inside it.

    Raises:
        ScanError: it is no YAML.
    """
    document = table_of(read_yaml(file))
    for one in list_of(document.get("dependencies")):
        for text in list_of(table_of(one).get("pip")):
            for name, version, repository in _requirement_line(text_of(text)):
                where = Evidence(file.path, f"requires {shown(name, version)}")
                yield from mention(Ecosystem.PYPI, name, version, where, root=True)
                yield from mention(Ecosystem.GITHUB, repository, "", where, root=True)
        found = re.match(r"(?:[^:]*::)?([A-Za-z0-9_.-]+)\s*(?:={1,2}\s*([\w.!+]+)(?:=.*)?)?", text_of(one))
        if found:
            where = Evidence(file.path, f"requires {shown(found[1], found[2] or '')}")
            yield from mention(Ecosystem.CONDA, found[1], found[2] or "", where, root=True)
    for package in map(table_of, list_of(document.get("package"))):
        ecosystem = Ecosystem.PYPI if package.get("manager") == "pip" else Ecosystem.CONDA
        name, version = text_of(package.get("name")), text_of(package.get("version"))
        needed = tuple(table_of(package.get("dependencies")))
        yield from mention(
            ecosystem, name, version, Evidence(file.path, f"locks {shown(name, version)}"), requires=needed
        )

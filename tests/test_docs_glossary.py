"""The glossary is true of the code: no old word is left in a name, and a class name means one thing."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "passerby"
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
SEAL = ROOT / "src" / "passerby_seal"
MODULES = sorted([*SOURCE.rglob("*.py"), *SEAL.rglob("*.py")])


def place(path: Path) -> Path:
    """Return where a module is, from the house's door: `veil/run/file.py`, `passerby_seal/keys/policy.py`."""
    return path.relative_to(SEAL.parent if path.is_relative_to(SEAL) else SOURCE)


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    section = re.search(rf"^## {re.escape(heading)}.*?\n(.*?)(?=^## |\Z)", GLOSSARY, re.M | re.S)
    assert section
    rows = [line for line in section[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def names(path: Path) -> frozenset[str]:
    """Return every name that a module gives or uses, and its own."""
    return frozenset(_names(path))


def _names(path: Path) -> Iterator[str]:
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]


@cache
def words(name: str) -> str:
    """Return a name as its words between blanks, in lower case.

    >>> words("_lastLook_AT"), words("HTTPServer")
    (' last look at ', ' http server ')
    """
    return f" {' '.join(re.findall(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+', name)).lower()} "


def has(old: str, name: str) -> bool:
    return name == old if old[0].isupper() else f" {old.replace('_', ' ')} " in words(name)


OLD = [(old, row[3]) for row in table("Words that changed") for old in ticked(row[0])]


@pytest.mark.parametrize(("old", "where"), OLD, ids=[old for old, _ in OLD])
def test_an_old_word_is_in_no_name(old: str, where: str) -> None:
    folders = [SOURCE / folder for folder in ticked(where)] or [SOURCE]
    assert where == "all" or all(folder.is_dir() for folder in folders), where
    left = {
        f"{place(path)}: {name}"
        for path in MODULES
        if any(path.is_relative_to(folder) for folder in folders)
        for name in names(path)
        if has(old, name)
    }
    assert sorted(left) == []


def test_a_class_name_is_unique_in_its_room_and_the_glossary_explains_the_others() -> None:
    rooms: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        room = place(path).parts[0].removesuffix(".py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                rooms[node.name].append(room)
    twice = {name: sorted(where) for name, where in rooms.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if len(set(where)) < len(where)} == {}, (
        "one room, two meanings"
    )
    explained = {ticked(row[0])[0]: sorted(ticked(row[1])) for row in table("One class name in several rooms")}
    assert twice == explained


def test_a_term_is_explained_once() -> None:
    tables = re.split(r"^## ", GLOSSARY, flags=re.M)
    assert len(tables) > 8
    first = [row[0] for heading in re.findall(r"^## (.+)$", GLOSSARY, re.M) for row in table(heading)]
    terms = [term.strip("` ") for cell in first for term in cell.split(",")]
    assert sorted({term for term in terms if terms.count(term) > 1}) == []

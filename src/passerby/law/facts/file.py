"""Reads a deployment from a file or from standard input: YAML, JSON or TOML, each mistake with file and line.

A deployment is a mapping of facts to values. Beside the facts it may hold a title, a description, a day (`on`) and an id;
the facts may also stand in a mapping of their own under `facts`, as in the worked cases.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from passerby.errors import FactsError
from passerby.law.facts.check import FactsProblem, find_problems, nearest_word
from passerby.law.facts.terms import vocabulary
from passerby.law.facts.text import Entry, parse_text, sniff_format
from passerby.law.values import FactValue

MAX_BYTES = 64 * 1024
"""The largest file read. A deployment with every fact and long comments has under 10 KB."""
ENDINGS = frozenset({".yaml", ".yml", ".json", ".toml"})
"""Endings of the files that a folder of deployments may hold."""
_ABOUT = ("title", "description", "on", "id", "note")
_CASE = ("expected", "cite", "certainty", "certainty_by_position", "depends_on")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as described in one file.

    Attributes:
        name: The file, ``-`` for standard input.
        title: For people; the file's stem when it gives none.
        description: For people, or empty.
        on: The day asked about, or None.
        facts: Checked facts, in the order of the file.
        lines: Line of each fact, from 1.
    """

    name: str
    title: str
    description: str
    on: date | None
    facts: dict[str, FactValue]
    lines: dict[str, int]


def read_deployment(path: str | Path) -> Deployment:
    """Read and check one deployment.

    Args:
        path: A file, or ``-`` for standard input.

    Raises:
        FactsError: the file cannot be read, does not parse, or its facts are unknown, outside the vocabulary or contradict.
    """
    name = str(path)
    return parse_deployment(_read_bytes(name), name)


def read_deployments(folder: Path) -> tuple[Deployment, ...]:
    """Read every deployment of a folder, in the order of their names.

    Raises:
        FactsError: no file has an ending of ``ENDINGS``, or one of them cannot be read.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS and p.is_file())
    if not paths:
        raise FactsError(
            f"{folder}: a folder of deployments must hold files ending in .yaml, .yml, .json or .toml, found none",
            hint="put one file per deployment there",
        )
    return tuple(read_deployment(path) for path in paths)


def parse_deployment(data: bytes, name: str) -> Deployment:
    """Check one deployment that was read already; see ``read_deployment``."""
    text = _decode(data, name)
    entries = parse_text(text, name, sniff_format(name, text))
    about, facts = _parted(entries, name)
    found = _all_problems(facts)
    lines = {entry.key: entry.line for entry in facts}
    if found:
        shown = sorted(found, key=lambda problem: lines[problem.fact])
        raise FactsError(
            "\n".join(f"{name}:{lines[problem.fact]}: {problem.message}" for problem in shown),
            hint="; ".join(dict.fromkeys(problem.write for problem in shown)),
        )
    values = {entry.key: entry.value for entry in facts if isinstance(entry.value, (bool, int, float, str))}
    words = {entry.key: entry.value for entry in about if isinstance(entry.value, str)}
    title = words.get("title") or words.get("id") or ("standard input" if name == "-" else Path(name).stem)
    return Deployment(
        name=name,
        title=title,
        description=words.get("description", ""),
        on=_day(about, name),
        facts=values,
        lines=lines,
    )


def parse_day(text: str, where: str) -> date:
    """Read a day as YYYY-MM-DD.

    Args:
        text: Such as ``2026-11-23``.
        where: What the message starts with, such as ``--on``.

    Raises:
        FactsError: it is no such day.

    >>> parse_day("2026-11-23", "--on")
    datetime.date(2026, 11, 23)
    """
    try:
        return date.fromisoformat(text.strip()[:10] if "T" in text else text.strip())
    except ValueError as exc:
        raise FactsError(
            f"{where}: a day must exist and be written as YYYY-MM-DD, got '{text}'",
            hint="write a day like 2026-11-23",
        ) from exc


def _read_bytes(name: str) -> bytes:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except IsADirectoryError as exc:
        raise FactsError(
            f"{name}: expected a file, got a folder", hint=f"for a folder use: passerby law compare {name}"
        ) from exc
    except OSError as exc:
        raise FactsError(
            f"{name}: cannot be read: {exc.strerror}",
            hint="give the path of a facts file, or - for standard input; passerby assess --ask writes one",
        ) from exc
    return data


def _decode(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise FactsError(
            f"{name}: a facts file must have at most {MAX_BYTES} bytes, got more",
            hint="give one deployment per file",
        )
    head = data.lstrip()[:4]
    if b"\x00" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FactsError(
            f"{name}: a facts file must be text, got binary data", hint="write YAML, JSON or TOML as UTF-8"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise FactsError(
            f"{name}:{line}: a facts file must be text in UTF-8, got another encoding or binary data",
            hint="save it as UTF-8",
        ) from exc
    if not head:
        raise FactsError(f"{name}:1: the file is empty", hint="write one fact per line, as in: actor: police")
    return text


def _parted(entries: tuple[Entry, ...], name: str) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Part what is about the deployment from its facts, each checked for its form."""
    inner = next((entry for entry in entries if entry.key == "facts"), None)
    if inner is None:
        about = tuple(entry for entry in entries if entry.key in _ABOUT)
        facts = tuple(entry for entry in entries if entry.key not in _ABOUT)
    else:
        about = tuple(entry for entry in entries if entry is not inner)
        facts = _inner_facts(inner, name)
        _refuse_strangers(about, name)
    if not facts:
        line = (inner or entries[0]).line if entries else 1
        raise FactsError(f"{name}:{line}: there are no facts", hint="write one fact per line, as in: actor: police")
    _refuse_many_values(facts, name)
    _refuse_no_text(about, name)
    return about, facts


def _inner_facts(inner: Entry, name: str) -> tuple[Entry, ...]:
    if not isinstance(inner.value, tuple):
        raise FactsError(
            f"{name}:{inner.line}: 'facts' must be a mapping of facts to values, got {_describe(inner)}",
            hint="write one fact per line below it, as in: actor: police",
        )
    return inner.value


def _refuse_many_values(facts: tuple[Entry, ...], name: str) -> None:
    for entry in facts:
        if entry.kind != "scalar":
            raise FactsError(
                f"{name}:{entry.line}: '{entry.key}' must have one value, got {_describe(entry)}",
                hint="write one value; for several deployments write several files",
            )


def _refuse_no_text(about: tuple[Entry, ...], name: str) -> None:
    for entry in about:
        if entry.key in _ABOUT and not isinstance(entry.value, str):
            raise FactsError(
                f"{name}:{entry.line}: '{entry.key}' must be text, got {_describe(entry)}", hint="put it in quotes"
            )


def _refuse_strangers(about: tuple[Entry, ...], name: str) -> None:
    for entry in about:
        if entry.key in (*_ABOUT, *_CASE):
            continue
        inside = entry.key in vocabulary()
        close = nearest_word(entry.key, list(_ABOUT))
        raise FactsError(
            f"{name}:{entry.line}: '{entry.key}' does not belong beside 'facts'"
            + (f"; the nearest is '{close}'" if close and not inside else ""),
            hint=f"move {entry.key} below facts" if inside else f"beside facts stand only {', '.join(_ABOUT)}",
        )


def _all_problems(facts: tuple[Entry, ...]) -> tuple[FactsProblem, ...]:
    """Find every mistake; in a file, unlike in a mapping, a fact without a value is one: a line that was never finished."""
    empty = [
        FactsProblem(
            entry.key,
            f"'{entry.key}' has no value",
            f"write {entry.key}: unknown if it is not known, or delete the line",
        )
        for entry in facts
        if entry.value is None
    ]
    return (*find_problems({entry.key: entry.value for entry in facts}), *empty)


def _describe(entry: Entry) -> str:
    if entry.kind != "scalar":
        return f"a {entry.kind}"
    return "nothing" if entry.value is None else f"'{entry.value}'"


def _day(about: tuple[Entry, ...], name: str) -> date | None:
    entry = next((entry for entry in about if entry.key == "on"), None)
    return parse_day(str(entry.value), f"{name}:{entry.line}: on") if entry else None

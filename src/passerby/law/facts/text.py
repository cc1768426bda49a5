"""Reads YAML, JSON and TOML text into keys and values that know their line, and finds keys written twice.

What this adds to the parsers: the line of every key, for messages; a refusal of duplicate keys in all three formats; and no
guessing by the format (YAML's sexagesimal numbers and dates stay text). Nothing here knows what a fact is.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

import yaml

from passerby.errors import FactsError

Scalar = bool | int | float | str | None
TextFormat = Literal["yaml", "json", "toml"]
# control characters but tab and line end, and those that turn the direction of writing around
_UNSEEN = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")
_YAML_TRUE = frozenset({"true", "yes", "on", "y"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One key with its value and the line, from 1, where the key stands.

    ``value`` is a scalar, the entries of a mapping, or the word ``"list"`` in ``kind`` for anything that is a list.
    """

    key: str
    value: Scalar | tuple[Entry, ...]
    line: int
    kind: Literal["scalar", "mapping", "list"] = "scalar"


def sniff_format(name: str, text: str) -> TextFormat:
    r"""Tell the format by the file's ending, else by its first line that says something.

    >>> sniff_format("-", '# who\nactor = "police"')
    'toml'
    """
    ending = name.rpartition(".")[2].lower()
    if ending in {"yaml", "yml"}:
        return "yaml"
    if ending == "json":
        return "json"
    if ending == "toml":
        return "toml"
    first = next((line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")), "")
    if first.startswith("{"):
        return "json"
    if re.match(r"(\[[A-Za-z_.]+\]|[A-Za-z_-]+\s*=)", first):
        return "toml"
    return "yaml"


def parse_text(text: str, name: str, text_format: TextFormat) -> tuple[Entry, ...]:
    """Return the entries of the one mapping that the text holds.

    Args:
        text: The whole text.
        name: For messages, which start with ``name:line:``.
        text_format: How to read it.

    Raises:
        FactsError: it does not parse, is no mapping, or has a key twice.
    """
    read = {"yaml": _read_yaml, "json": _read_json, "toml": _read_toml}[text_format]
    try:
        entries = read(text, name)
    except RecursionError as exc:
        raise FactsError(
            f"{name}:1: facts must be plain keys and values, got lists or mappings nested too deeply"
        ) from exc
    _refuse_control(entries, name)
    _refuse_duplicates(entries, name)
    return entries


def _refuse_control(entries: tuple[Entry, ...], name: str) -> None:
    """Refuse what is no text to read: reports and messages repeat it on terminals and pages."""
    for entry in entries:
        for text in (entry.key, entry.value):
            if isinstance(text, str) and _UNSEEN.search(text):
                raise FactsError(
                    f"{name}:{entry.line}: a key and its value must be printable text, got a control character",
                    hint="delete what cannot be seen",
                )
        if isinstance(entry.value, tuple):
            _refuse_control(entry.value, name)


def _refuse_duplicates(entries: tuple[Entry, ...], name: str) -> None:
    seen: dict[str, int] = {}
    for entry in entries:
        if entry.key in seen:
            raise FactsError(
                f"{name}:{entry.line}: '{entry.key}' is given twice; it stands already in line {seen[entry.key]}",
                hint="keep the line that is right and delete the other",
            )
        seen[entry.key] = entry.line
        if isinstance(entry.value, tuple):
            _refuse_duplicates(entry.value, name)


def _no_mapping(name: str, line: int, got: str) -> FactsError:
    return FactsError(
        f"{name}:{line}: a deployment must be a mapping of facts to values, got {got}",
        hint="write one fact per line, as in: actor: police",
    )


def _read_yaml(text: str, name: str) -> tuple[Entry, ...]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        raise FactsError(
            f"{name}:{line}: not readable as YAML: {exc.problem or exc.context}",
            hint="write one fact per line, as in: actor: police",
        ) from exc
    except yaml.YAMLError as exc:
        raise FactsError(f"{name}:1: not readable as YAML: {str(exc).splitlines()[0]}") from exc
    if root is None:
        raise _no_mapping(name, 1, "nothing but comments")
    if not isinstance(root, yaml.MappingNode):
        got = "a list" if isinstance(root, yaml.SequenceNode) else f"the single value {root.value[:40]!r}"
        raise _no_mapping(name, root.start_mark.line + 1, got)
    return tuple(_yaml_entries(root, name, frozenset()))


def _yaml_entries(node: yaml.MappingNode, name: str, above: frozenset[int]) -> Iterator[Entry]:
    if id(node) in above:
        raise FactsError(f"{name}:{node.start_mark.line + 1}: a mapping contains itself")
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise FactsError(
                f"{name}:{line}: the name of a fact must be a word, got a list or mapping",
                hint="write one fact per line, as in: actor: police",
            )
        if isinstance(value, yaml.MappingNode):
            yield Entry(key.value, tuple(_yaml_entries(value, name, above | {id(node)})), line, "mapping")
        elif isinstance(value, yaml.SequenceNode):
            yield Entry(key.value, None, line, "list")
        else:
            yield Entry(key.value, _yaml_scalar(value), line)


def _yaml_scalar(node: yaml.ScalarNode) -> Scalar:
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return node.value.lower() in _YAML_TRUE
    if kind in {"int", "float"}:
        return _number(node.value)
    return str(node.value)


def _number(text: str) -> int | float | str:
    if re.fullmatch(r"[-+]?\d+", text):
        return int(text) if len(text) < 20 else text
    return float(text) if re.fullmatch(r"[-+]?(\d+\.\d*|\.\d+)", text) else text


def _read_json(text: str, name: str) -> tuple[Entry, ...]:
    try:
        whole = json.loads(text)
        if not isinstance(whole, dict):
            raise _no_mapping(name, 1, "a list" if isinstance(whole, list) else f"the single value {str(whole)[:40]!r}")
        return _json_entries(text, _skip(text, 0))[0]
    except json.JSONDecodeError as exc:
        raise FactsError(
            f"{name}:{exc.lineno}: not readable as JSON: {exc.msg} (column {exc.colno})",
            hint='write {"fact": "value", ...} with double quotes and no comma after the last',
        ) from exc
    except ValueError as exc:  # an integer with too many digits
        raise FactsError(f"{name}:1: not readable as JSON: {exc}") from exc


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _json_entries(text: str, at: int) -> tuple[tuple[Entry, ...], int]:
    """Walk one object of JSON that is known to be valid, from its ``{``; return its entries and where it ends."""
    decoder = json.JSONDecoder()
    entries: list[Entry] = []
    at = _skip(text, at + 1)
    while text[at] != "}":
        line = text.count("\n", 0, at) + 1
        key, at = decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if text[at] == "{":
            inside, at = _json_entries(text, at)
            entries.append(Entry(key, inside, line, "mapping"))
        else:
            value, at = decoder.raw_decode(text, at)
            entries.append(Entry(key, None, line, "list") if isinstance(value, list) else Entry(key, value, line))
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return tuple(entries), at + 1


def _read_toml(text: str, name: str) -> tuple[Entry, ...]:
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        found = re.search(r"at line (\d+)", str(exc))
        line = int(found[1]) if found else text.rstrip().count("\n") + 1
        problem = str(exc).partition(" (at ")[0]
        said = "a key is given twice" if problem == "Cannot overwrite a value" else problem
        raise FactsError(
            f"{name}:{line}: not readable as TOML: {said}",
            hint='write one fact per line, as in: actor = "police"; delete what is given twice',
        ) from exc
    if not whole:
        raise _no_mapping(name, 1, "nothing but comments")
    return tuple(_toml_entries(whole, text.splitlines(), 0))


def _toml_entries(table: dict[str, object], lines: list[str], start: int) -> Iterator[Entry]:
    for key, value in table.items():
        pattern = re.compile(rf"\s*\[?\s*[\"']?{re.escape(key)}[\"']?\s*[=\].]")
        line = next((n for n, text in enumerate(lines[start:], start + 1) if pattern.match(text)), start + 1)
        if isinstance(value, dict):
            yield Entry(key, tuple(_toml_entries(value, lines, line - 1)), line, "mapping")
        elif isinstance(value, list):
            yield Entry(key, None, line, "list")
        elif isinstance(value, (datetime, date, time)):
            yield Entry(key, value.isoformat(), line)
        elif isinstance(value, (bool, int, float, str)):
            yield Entry(key, value, line)

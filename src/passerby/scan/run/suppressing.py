"""Reads a file of findings that are known and left out of the answer, each with a reason and an end date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from passerby.errors import ConfigError
from passerby.scan.values import Finding

_MOST_BYTES = 1 << 20
_KEYS = ("component", "path", "reason", "until")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Suppression:
    """Findings that are known.

    Attributes:
        component: Id in the catalogue; empty for any.
        path: Pattern of every place that shows a finding: ``*`` within a folder, ``**`` across; empty for any.
        reason: Why, for every report.
        until: The last day on which it counts.
        line: Where it stands.
    """

    component: str
    path: str
    reason: str
    until: date
    line: int

    def covers(self, finding: Finding) -> bool:
        """Return whether a finding is meant, with all places that show it."""
        if self.component and finding.component != self.component:
            return False
        if not self.path:
            return True
        pattern = _pattern(self.path)
        places = {finding.path, *(evidence.path for evidence in finding.evidence)}
        return all(pattern.fullmatch(place) for place in places)


def read_suppressions(file: Path) -> tuple[Suppression, ...]:
    """Return what a file of suppressions says.

    The file is YAML with one key, ``suppressions``: a list of entries with ``reason``, ``until`` (a date) and ``component`` or
    ``path``, or both.

    Raises:
        ConfigError: it cannot be read, or says something else; the message starts with file and line.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ConfigError(f"{file}:1: suppressions must take at most {_MOST_BYTES} bytes, got more")
        root = yaml.compose(data.decode("utf-8"), Loader=_LOADER)
    except OSError as exc:
        raise ConfigError(f"{file}:1: suppressions must be readable: {exc.strerror or exc}") from exc
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        said = getattr(exc, "problem", None) or exc
        raise ConfigError(f"{file}:{mark.line + 1 if mark else 1}: suppressions must be YAML, got: {said}") from exc
    if root is None:
        return ()
    return tuple(_suppressions(root, file))


def _suppressions(root: yaml.Node, file: Path) -> Iterator[Suppression]:
    top = _mapping(root, file, ("suppressions",))
    entries = top.get("suppressions")
    if not isinstance(entries, yaml.SequenceNode):
        raise _wrong(file, entries or root, "suppressions must be a list")
    for entry in entries.value:
        values = {name: _text(value, file, name) for name, value in _mapping(entry, file, _KEYS).items()}
        if not values.get("reason", "").strip():
            raise _wrong(file, entry, "a suppression must have a reason")
        if not values.get("component") and not values.get("path"):
            raise _wrong(file, entry, "a suppression must have a component or a path")
        try:
            until = date.fromisoformat(values.get("until", ""))
        except ValueError:
            raise _wrong(file, entry, "a suppression must have an end date, until: YYYY-MM-DD") from None
        line = entry.start_mark.line + 1
        yield Suppression(values.get("component", ""), values.get("path", ""), values["reason"].strip(), until, line)


def _mapping(node: yaml.Node, file: Path, keys: tuple[str, ...]) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(file, node, f"{' and '.join(keys)} must stand here as keys")
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.value not in keys:
            raise _wrong(file, key, f"key must be one of {', '.join(keys)}, got {key.value!r}")
        if key.value in found:
            raise _wrong(file, key, f"key must stand once, got {key.value!r} again")
        found[key.value] = value
    return found


def _text(node: yaml.Node, file: Path, name: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _wrong(file, node, f"{name} must be a text")
    return str(node.value)


def _wrong(file: Path, node: yaml.Node, message: str) -> ConfigError:
    return ConfigError(f"{file}:{node.start_mark.line + 1}: {message}")


def _pattern(path: str) -> re.Pattern[str]:
    """Return the expression for a pattern.

    >>> bool(_pattern("a/**/*.onnx").fullmatch("a/b/c/d.onnx")), bool(_pattern("a/*").fullmatch("a/b/c"))
    (True, False)
    """
    parts = re.split(r"(\*\*/?|\*|\?)", path)
    words = {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts), re.DOTALL)

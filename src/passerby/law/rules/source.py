"""Where a layer stands in the world: its sources, with the words quoted, and days on which something else changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from passerby.errors import RuleError
from passerby.law.reference import as_date
from passerby.law.values import Certainty


@dataclass(frozen=True, slots=True)
class LayerSource:
    """One source of a layer.

    Attributes:
        address: Where it stands: a web address, or a plain description where there is none.
        dated: Its own date as it says it: a day, a month or a year.
        kind: What it is: official, summary, press.
        words: Quoted from it, in its own language.
    """

    address: str
    dated: str
    kind: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LayerEvent:
    """A day on which something changes that no rule of the room covers.

    Attributes:
        on: The day.
        text: What changes.
        reference: Where it stands.
        certainty: How that is known.
    """

    on: date
    text: str
    reference: str
    certainty: Certainty


def read_sources(value: object, where: str) -> tuple[LayerSource, ...]:
    """Return sources from the front matter of a layer.

    Args:
        value: A list of mappings with ``address``, ``dated``, ``kind`` and ``words``; None for none.
        where: File and line, for messages.

    Raises:
        RuleError: an entry is no mapping, or one of the four is missing.
    """
    return tuple(
        LayerSource(entry["address"], entry["dated"], entry["kind"], tuple(str(word) for word in words))
        for entry, words in _entries(value, where, "sources", ("address", "dated", "kind", "words"))
    )


def read_events(value: object, where: str) -> tuple[LayerEvent, ...]:
    """Return the events from the front matter of a layer; for arguments and errors see `read_sources`."""
    return tuple(
        LayerEvent(
            as_date(entry["day"], f"{where}: day"),
            entry["text"],
            entry["reference"],
            read_certainty(entry["certainty"], where),
        )
        for entry, _ in _entries(value, where, "events", ("day", "text", "reference", "certainty"))
    )


def read_certainty(word: object, where: str) -> Certainty:
    """Return a certainty by its word.

    Raises:
        RuleError: there is no such certainty.
    """
    try:
        return Certainty(str(word))
    except ValueError as exc:
        raise RuleError(f"{where}: certainty must be one of {', '.join(Certainty)}, got {word}") from exc


def _entries(
    value: object, where: str, what: str, keys: tuple[str, ...]
) -> tuple[tuple[dict[str, str], list[object]], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise RuleError(f"{where}: {what} must be a list, got {type(value).__name__}")
    found = []
    for entry in value:
        if not isinstance(entry, dict) or any(not entry.get(key) for key in keys):
            raise RuleError(f"{where}: each of the {what} must have {', '.join(keys)}, got {entry}")
        words = entry.get("words")
        found.append(({key: str(entry[key]) for key in keys}, words if isinstance(words, list) else [words]))
    return tuple(found)

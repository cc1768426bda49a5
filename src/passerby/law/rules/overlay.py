"""Reads a layer: more rules, rules switched off and days moved, laid over a position; its sources and what it is.

Layers of the room lie in ``overlays`` (amendments, and below ``examples`` invented ones) and in ``national`` (the laws of Member
States, which are chosen by the fact ``member_state``). A layer's name is its folder below the room, without ``overlays``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path

from passerby.errors import RuleError
from passerby.law.facts import nearest_word
from passerby.law.reference import ROOM, as_date
from passerby.law.rules.file import RuleFile, line_of, words_of
from passerby.law.rules.folder import read_head, read_rule_files, require_keys
from passerby.law.rules.source import LayerEvent, LayerSource, read_certainty, read_events, read_sources
from passerby.law.values import Certainty

KEYS = frozenset(
    {
        "title",
        "over",
        "from",
        "until",
        "automatic",
        "disables",
        "dates",
        "states",
        "status",
        "read",
        "certainty",
        "sources",
    }
    | {"says", "events", "unconfirmed"}
)
"""What the front matter of an ``overlay.md`` may hold."""
NATIONAL = "national/"
EXAMPLES = "examples/"


class LayerStatus(StrEnum):
    """What a layer is. Only what is law is laid over a position by itself; the others are told."""

    LAW = "law"
    ADOPTED = "adopted"
    BILL = "bill"
    POSITION = "position"
    EXAMPLE = "example"


@dataclass(frozen=True, slots=True)
class Overlay:
    """A layer over a position: more rules, rules switched off, days moved.

    Attributes:
        name: Its folder below the room, such as ``amendment-2026`` or ``national/sweden-2026``; the folder's name for one's own.
        title: For people.
        over: Positions it may be laid over.
        start: First day on which it holds, or None.
        end: Last day on which it holds, or None.
        automatic: True when it is read with the position from its first day on, unasked.
        states: Member States (values of ``member_state``) whose law it is; empty for other layers.
        status: What it is.
        read: The day on which its sources were last read, or None.
        certainty: How its text is known, or None where that is not said.
        sources: Where it stands, with the words quoted.
        events: Days on which something changes that no rule here covers.
        says: One or two sentences on it, for people; empty when its rules say enough.
        unconfirmed: What is said of it without a source.
        disables: Ids of rules it switches off.
        dates: Dated group to the day it starts with instead.
        files: Its rule files.
    """

    name: str
    title: str
    over: tuple[str, ...]
    start: date | None
    end: date | None
    automatic: bool
    states: tuple[str, ...]
    status: LayerStatus
    read: date | None
    certainty: Certainty | None
    sources: tuple[LayerSource, ...]
    events: tuple[LayerEvent, ...]
    says: str
    unconfirmed: tuple[str, ...]
    disables: tuple[str, ...]
    dates: Mapping[str, date] = field(hash=False)
    files: tuple[RuleFile, ...]

    def holds(self, day: date | None) -> bool:
        """Tell whether it holds on a day; without a day it does."""
        return day is None or ((self.start is None or self.start <= day) and (self.end is None or day <= self.end))


def overlay_names(root: Path = ROOM) -> tuple[str, ...]:
    """Return the names of the layers, sorted: first those in ``overlays``, then the national ones."""
    own = {_name(path.parent.relative_to(root)) for path in root.glob("overlays/**/overlay.md")}
    national = {_name(path.parent.relative_to(root)) for path in root.glob("national/*/overlay.md")}
    return (*sorted(own), *sorted(national))


def _name(folder: Path) -> str:
    return folder.as_posix().removeprefix("overlays/")


def read_overlay(given: str | Path, root: Path = ROOM) -> Overlay:
    """Read one layer: its ``overlay.md`` and its rule files.

    Args:
        given: Name of a layer of the room, or the folder of one's own.
        root: Folder that holds ``overlays`` and ``national``.

    Raises:
        RuleError: there is no such layer, or a file of it is broken.
    """
    if isinstance(given, Path):
        folder, base, name = given, given.parent, given.name
    else:
        folder = root / given if given.startswith(NATIONAL) else root / "overlays" / given
        base, name = root, given
    path = folder / "overlay.md"
    if not path.is_file():
        raise _no_overlay(given, root)
    front, lines = read_head(path)
    shown = str(path.relative_to(base))
    require_keys(front, ("title", "over"), shown)
    _refuse_strange_keys(front, lines, shown)
    start, end, read = (_day(front, lines, key, shown) for key in ("from", "until", "read"))
    if start and end and end < start:
        raise RuleError(f"{shown}:{line_of(lines, 'until')}: until must not lie before from, got {end} before {start}")
    example = name.startswith(EXAMPLES)
    return Overlay(
        name=name,
        title=str(front["title"]),
        over=words_of(front["over"]),
        start=start,
        end=end,
        automatic=bool(front.get("automatic")),
        states=words_of(front.get("states")),
        status=_standing(front.get("status", "example" if example else "law"), lines, shown),
        read=read,
        certainty=_certainty(front.get("certainty"), lines, shown),
        sources=read_sources(front.get("sources"), f"{shown}:{line_of(lines, 'sources')}"),
        events=read_events(front.get("events"), f"{shown}:{line_of(lines, 'events')}"),
        says=str(front.get("says", "")),
        unconfirmed=words_of(front.get("unconfirmed")),
        disables=words_of(front.get("disables")),
        dates=_moved(front, lines, shown),
        files=read_rule_files(folder, name, base),
    )


def _refuse_strange_keys(front: dict[str, object], lines: list[str], shown: str) -> None:
    for key in front:
        if key not in KEYS:
            near = nearest_word(str(key), KEYS)
            raise RuleError(
                f"{shown}:{line_of(lines, str(key))}: front matter of a layer may have {', '.join(sorted(KEYS))}, got {key}",
                hint=f"did you mean {near}?" if near else "remove the line",
            )


def _standing(word: object, lines: list[str], shown: str) -> LayerStatus:
    try:
        return LayerStatus(str(word))
    except ValueError as exc:
        where = f"{shown}:{line_of(lines, 'status')}"
        raise RuleError(f"{where}: status must be one of {', '.join(LayerStatus)}, got {word}") from exc


def _certainty(word: object, lines: list[str], shown: str) -> Certainty | None:
    return None if word is None else read_certainty(word, f"{shown}:{line_of(lines, 'certainty')}")


def _no_overlay(given: str | Path, root: Path) -> RuleError:
    if isinstance(given, Path):
        return RuleError(f"overlay must be a folder with a file overlay.md, got {given}", hint="see docs/law.md")
    known = overlay_names(root)
    near = nearest_word(given, known) or next((name for name in known if name.endswith(f"/{given}")), None)
    return RuleError(
        f"overlay must be one of {', '.join(known)}, got {given}", hint=f"did you mean {near}?" if near else None
    )


def _day(front: dict[str, object], lines: list[str], key: str, shown: str) -> date | None:
    if front.get(key) is None:
        return None
    return as_date(front[key], f"{shown}:{line_of(lines, key)}: {key}")


def _moved(front: dict[str, object], lines: list[str], shown: str) -> dict[str, date]:
    moved = front.get("dates")
    if not isinstance(moved, dict):
        return {}
    where = f"{shown}:{line_of(lines, 'dates')}"
    return {group: as_date(day, f"{where}: {group}") for group, day in moved.items()}

"""Reads an overlay: a layer of more rules, rules switched off and days moved, laid over a position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from passerby.errors import RuleError
from passerby.law.facts import nearest_word
from passerby.law.reference import ROOM, as_date
from passerby.law.rules.file import RuleFile, line_of, words_of
from passerby.law.rules.folder import read_head, read_rule_files, require_keys


@dataclass(frozen=True, slots=True)
class Overlay:
    """A layer over a position: more rules, rules switched off, days moved.

    Attributes:
        name: Name of its folder.
        title: For people.
        over: Positions it may be laid over.
        start: First day on which it holds, or None.
        end: Last day on which it holds, or None.
        automatic: True when it is read with the position from its first day on, unasked.
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
    disables: tuple[str, ...]
    dates: Mapping[str, date] = field(hash=False)
    files: tuple[RuleFile, ...]

    def holds(self, day: date | None) -> bool:
        """Tell whether it holds on a day; without a day it does."""
        return day is None or ((self.start is None or self.start <= day) and (self.end is None or day <= self.end))


def overlay_names(root: Path = ROOM) -> tuple[str, ...]:
    """Return the names of the overlays, sorted."""
    return tuple(sorted(path.parent.name for path in root.glob("overlays/*/overlay.md")))


def read_overlay(given: str | Path, root: Path = ROOM) -> Overlay:
    """Read one overlay: its ``overlay.md`` and its rule files.

    Args:
        given: Name of an overlay of the room, or the folder of one's own.
        root: Folder that holds ``overlays``.

    Raises:
        RuleError: there is no such overlay, or a file of it is broken.
    """
    folder = given if isinstance(given, Path) else root / "overlays" / given
    base = folder.parent if isinstance(given, Path) else root
    path = folder / "overlay.md"
    if not path.is_file():
        raise _no_overlay(given, root)
    front, lines = read_head(path)
    shown = str(path.relative_to(base))
    require_keys(front, ("title", "over"), shown)
    start, end = (_day(front, lines, key, shown) for key in ("from", "until"))
    if start and end and end < start:
        raise RuleError(f"{shown}:{line_of(lines, 'until')}: until must not lie before from, got {end} before {start}")
    return Overlay(
        name=folder.name,
        title=str(front["title"]),
        over=words_of(front["over"]),
        start=start,
        end=end,
        automatic=bool(front.get("automatic")),
        disables=words_of(front.get("disables")),
        dates=_moved(front, lines, shown),
        files=read_rule_files(folder, folder.name, base),
    )


def _no_overlay(given: str | Path, root: Path) -> RuleError:
    if isinstance(given, Path):
        return RuleError(f"overlay must be a folder with a file overlay.md, got {given}", hint="see docs/law.md")
    known = overlay_names(root)
    near = nearest_word(given, known)
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

"""Edits as JSON objects, by what they ``do``: read strictly, written as they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from typing import Any, get_args

from passerby.desk.project.edits import (
    CorrectEdit,
    CoverEdit,
    DeskEdit,
    DrawnBox,
    DrawnBy,
    DrawnStyle,
    DrawnThing,
    JoinEdit,
    KeepEdit,
    SettledAs,
    SettleEdit,
    SplitEdit,
    UncoverEdit,
    UnkeepEdit,
    UnzoneEdit,
    ZoneEdit,
)
from passerby.desk.project.fields import MOST_NAME, MOST_WHY, Fields, is_number, shown
from passerby.errors import UsageError


def parse_edit(row: object) -> DeskEdit:
    """Read an edit.

    Args:
        row: From JSON.

    Raises:
        UsageError: it is none; each mistake has its own words.

    >>> parse_edit({"do": "split", "track": 3, "frame": 20})
    SplitEdit(track=3, frame=20)
    """
    if not isinstance(row, dict):
        raise UsageError(f"edit must be a JSON object, got {shown(row)}")
    do = row.get("do")
    if not isinstance(do, str) or do not in _READERS:
        raise UsageError(f"do must be one of {', '.join(_READERS)}, got {shown(do)}")
    names, read = _READERS[do]
    return read(Fields.of(do, {name: value for name, value in row.items() if name != "do"}, names))


def edit_to_json(edit: DeskEdit) -> dict[str, Any]:
    """Return an edit as :func:`parse_edit` reads it.

    >>> edit_to_json(SplitEdit(3, 20))
    {'do': 'split', 'track': 3, 'frame': 20}
    """
    row: dict[str, Any] = {"do": _NAMES[type(edit)]}
    for field in fields(edit):
        value = getattr(edit, field.name)
        if value is not None:
            row["as" if field.name == "settled" else field.name] = _plain(value)
    return row


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON's own shape
    if isinstance(value, DrawnBox):
        return {"frame": value.frame, "box": list(value.box)}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _cover(row: Fields) -> CoverEdit:
    boxes = drawn_boxes(row, "boxes")
    style = row.one_of("style", get_args(DrawnStyle), default="solid")
    what = row.one_of("what", get_args(DrawnThing), default="face")
    if style != "solid" and what == "face":
        raise UsageError(
            f"style of a face must be solid, got {style}",
            hint="blur and mosaic can be undone: for text and plates only",
        )
    return CoverEdit(boxes, style, what, row.one_of("origin", get_args(DrawnBy), default="drawn"))


def drawn_boxes(row: Fields, name: str) -> tuple[DrawnBox, ...]:
    """Return a list of boxes, in the order of their frames.

    Raises:
        UsageError: there is none, one is none, or two are in one frame.
    """
    value = row.row.get(name)
    if not isinstance(value, list) or not value:
        raise UsageError(f"{name} of {row.what} must be a list of one or more boxes, got {shown(value)}")
    boxes = []
    for one in value:
        given = Fields.of("box", one, ("frame", "box"))
        boxes.append(DrawnBox(given.whole("frame"), given.box("box")))
    boxes.sort(key=lambda one: one.frame)
    twice = next((a.frame for a, b in pairwise(boxes) if a.frame == b.frame), None)
    if twice is not None:
        raise UsageError(f"{name} of {row.what} must have one box in a frame, got two in frame {twice}")
    return tuple(boxes)


def _correct(row: Fields) -> CorrectEdit:
    return CorrectEdit(row.whole("track", least=1), row.whole("frame"), row.box("box"))


def _uncover(row: Fields) -> UncoverEdit:
    first, last = row.whole_or_none("first"), row.whole_or_none("last")
    if first is not None and last is not None and first > last:
        raise UsageError(f"first of uncover must not lie after last, got {first} and {last}")
    return UncoverEdit(row.numbers("tracks"), first, last)


def _split(row: Fields) -> SplitEdit:
    return SplitEdit(row.whole("track", least=1), row.whole("frame"))


def _join(row: Fields) -> JoinEdit:
    numbers = row.numbers("tracks")
    if len(numbers) != 2:
        raise UsageError(f"tracks of join must be two, got {len(numbers)}")
    return JoinEdit((numbers[0], numbers[1]))


def _zone(row: Fields) -> ZoneEdit:
    value = row.row.get("points")
    if not isinstance(value, list) or not 3 <= len(value) <= 200:
        raise UsageError(f"points of zone must be 3 to 200 corners [x, y], got {shown(value)}")
    for one in value:
        if not isinstance(one, list) or len(one) != 2 or not all(is_number(n, 1) and n >= 0 for n in one):
            raise UsageError(
                f"corner of a zone must be two numbers from 0 to 1, got {shown(one)}",
                hint="shares of the picture's width and height",
            )
    return ZoneEdit(tuple((float(x), float(y)) for x, y in value), row.text("name", most=MOST_NAME))


def _unzone(row: Fields) -> UnzoneEdit:
    return UnzoneEdit(row.text("name", most=MOST_NAME))


def _keep(row: Fields) -> KeepEdit:
    return KeepEdit(row.numbers("tracks"), row.text("why", most=MOST_WHY))


def _unkeep(_: Fields) -> UnkeepEdit:
    return UnkeepEdit()


def _settle(row: Fields) -> SettleEdit:
    return SettleEdit(row.text("doubt", most=MOST_NAME), row.one_of("as", get_args(SettledAs)))


_READERS: dict[str, tuple[tuple[str, ...], Callable[[Fields], DeskEdit]]] = {
    "cover": (("boxes", "style", "what", "origin"), _cover),
    "correct": (("track", "frame", "box"), _correct),
    "uncover": (("tracks", "first", "last"), _uncover),
    "split": (("track", "frame"), _split),
    "join": (("tracks",), _join),
    "zone": (("points", "name"), _zone),
    "unzone": (("name",), _unzone),
    "keep": (("tracks", "why"), _keep),
    "unkeep": ((), _unkeep),
    "settle": (("doubt", "as"), _settle),
}
_NAMES: dict[type, str] = {
    CoverEdit: "cover",
    CorrectEdit: "correct",
    UncoverEdit: "uncover",
    SplitEdit: "split",
    JoinEdit: "join",
    ZoneEdit: "zone",
    UnzoneEdit: "unzone",
    KeepEdit: "keep",
    UnkeepEdit: "unkeep",
    SettleEdit: "settle",
}

"""Labels as CSV with a line of names: one row a face."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from passerby.audit.labels.dimensions import COLUMNS, labels_of
from passerby.audit.labels.texts import number, shown, whole
from passerby.audit.labels.values import IGNORED, LabelledItem, LabelRow
from passerby.errors import AuditError

_NAMES = {
    "item": ("file", "video", "clip", "image", "path", "filename", "file_name"),
    "frame": ("frame", "frame_index"),
    "track": ("track", "track_id", "person", "person_id"),
    "x": ("x", "left"), "y": ("y", "top"), "w": ("w", "width"), "h": ("h", "height"),
    "ignore": ("ignore", "ignored", "invalid", "iscrowd"),
    "image_w": ("image_w", "image_width"), "image_h": ("image_h", "image_height"),
}  # fmt: skip
_NEEDED = ("item", "x", "y", "w", "h")
_TRUE, _FALSE = {"1", "true", "t", "yes"}, {"0", "false", "f", "no", ""}


def is_comma_rows(text: str) -> bool:
    """Whether the first line holds names, at least one of them that of a column."""
    first = text.split("\n", 1)[0].lower()
    names = {name.strip().strip('"') for name in first.split(",")}
    known = {one for many in _NAMES.values() for one in many} | COLUMNS.keys()
    return len(names & known) >= 2


def read_comma_rows(path: Path, text: str) -> tuple[list[LabelRow], dict[str, LabelledItem]]:
    """Return rows and items of a CSV file.

    Raises:
        AuditError: a column is missing, or a value cannot be used.
    """
    reader = csv.reader(io.StringIO(text))
    header = [name.strip().lower() for name in next(reader)]
    place = _places(path, header)
    told = [(at, name) for at, name in enumerate(header) if name in COLUMNS]
    rows, items = [], dict[str, LabelledItem]()
    for cells in reader:
        where = f"{path.name}:{reader.line_num}"
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise AuditError(f"{where}: row must have {len(header)} columns as the first line, got {len(cells)}")
        row = {what: None if at is None else cells[at].strip() for what, at in place.items()}
        labels = labels_of((name, cells[at]) for at, name in told)
        rows.append(_row(where, row, labels))
        item = items.setdefault(rows[-1].item, LabelledItem({}))
        if row["image_w"] and row["image_h"]:
            sides = [whole(where, side, row[side], least=1) for side in ("image_w", "image_h")]
            item.size = (sides[0], sides[1])
    return rows, items


def _places(path: Path, header: list[str]) -> dict[str, int | None]:
    """Return the place of each known column."""
    if doubled := sorted({name for name in header if name and header.count(name) > 1}):
        raise AuditError(f"{path.name}: each column must stand once, got {', '.join(doubled)} twice")
    place = {
        what: next((header.index(name) for name in names if name in header), None) for what, names in _NAMES.items()
    }
    if missing := [_NAMES[what][0] for what in _NEEDED if place[what] is None]:
        raise AuditError(
            f"{path.name} must have the columns file (or video), x, y, w, h, got {', '.join(header)}",
            hint=f"add or rename: {', '.join(missing)}; passerby audit veil --formats shows all",
        )
    return place


def _row(where: str, row: dict[str, str | None], labels: tuple[tuple[str, str], ...]) -> LabelRow:
    item = row["item"]
    if not item:
        raise AuditError(f"{where}: file must be named in each row, got an empty cell")
    frame = 0 if row["frame"] is None else whole(where, "frame", row["frame"])
    x, y, w, h = (number(where, side, row[side]) for side in ("x", "y", "w", "h"))
    flag = (row["ignore"] or "").lower()
    if flag not in _TRUE | _FALSE:
        raise AuditError(f"{where}: ignore must be 0 or 1, got {shown(flag)}")
    return LabelRow(
        where, item, frame, row["track"] or None, (x, y, w, h), IGNORED if flag in _TRUE else "face", labels
    )

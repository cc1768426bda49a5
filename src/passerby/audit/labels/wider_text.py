"""Labels as WIDER FACE has them: a picture's path, a count, and so many lines ``x y w h [blur expression ...]``."""

from __future__ import annotations

from pathlib import Path

from passerby.audit.labels.dimensions import labels_of
from passerby.audit.labels.texts import number, shown
from passerby.audit.labels.values import IGNORED, LabelledItem, LabelRow
from passerby.errors import AuditError

_ATTRIBUTES = ("blur", "expression", "illumination", "invalid", "occlusion", "pose")
_PICTURE = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")


def is_wider_text(text: str) -> bool:
    """Whether the first line is the path of a picture and the second a count."""
    lines = text.lstrip().split("\n", 2)
    return len(lines) > 1 and lines[0].strip().lower().endswith(_PICTURE) and lines[1].strip().isdecimal()


def read_wider_text(path: Path, text: str) -> tuple[list[LabelRow], dict[str, LabelledItem]]:
    """Return rows and items.

    A box without width or height, or marked invalid, is ignored, as WIDER's own evaluation does.

    Raises:
        AuditError: the file ends early, or a line cannot be used.
    """
    lines = [line.strip() for line in text.split("\n")]
    rows: list[LabelRow] = []
    items: dict[str, LabelledItem] = {}
    at = 0
    while at < len(lines):
        name = lines[at]
        at += 1
        if not name:
            continue
        where = f"{path.name}:{at}"
        if name in items:
            raise AuditError(f"{where}: each picture must stand once, got {shown(name)} again")
        items[name] = LabelledItem({0: name}, {0})
        if at >= len(lines) or not lines[at].isdecimal():
            got = lines[at] if at < len(lines) else "the end of the file"
            raise AuditError(f"{path.name}:{at + 1}: number of faces must follow the picture, got {shown(got)}")
        count = int(lines[at])
        at += 1
        if not count:
            # a line of zeros may stand in for no face
            at += at < len(lines) and bool(lines[at]) and not lines[at].lower().endswith(_PICTURE)
        for line in range(at, at + count):
            if line >= len(lines) or not lines[line]:
                raise AuditError(f"{path.name}:{line + 1}: {count} faces must follow {shown(name)}, got fewer")
            rows += _row(f"{path.name}:{line + 1}", name, lines[line])
        at += count
    return rows, items


def _row(where: str, name: str, line: str) -> list[LabelRow]:
    cells = line.split()
    if len(cells) not in {4, 10}:
        raise AuditError(f"{where}: line must hold 4 or 10 numbers, got {shown(line)}")
    x, y, w, h = (number(where, side, cell) for side, cell in zip("xywh", cells, strict=False))
    told = dict(zip(_ATTRIBUTES, cells[4:], strict=True)) if len(cells) == 10 else {}
    if w <= 0 or h <= 0:
        return []
    kind = IGNORED if told.get("invalid") == "1" else "face"
    return [LabelRow(where, name, 0, None, (x, y, w, h), kind, labels_of(told.items()))]

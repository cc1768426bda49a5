"""Labels as MOT has them: one file a clip, lines ``frame,id,x,y,w,h[,conf,class,visibility]``, frames counted from 1."""

from __future__ import annotations

import configparser
import csv
from pathlib import Path

from passerby.audit.labels.dimensions import OCCLUSION, visible_share
from passerby.audit.labels.texts import number, shown, whole
from passerby.audit.labels.values import IGNORED, LabelledItem, LabelRow
from passerby.errors import AuditError


def is_mot_rows(text: str) -> bool:
    """Whether the first line holds at least six numbers between commas."""
    cells = text.lstrip().split("\n", 1)[0].split(",")
    try:
        return len([float(cell) for cell in cells]) >= 6
    except ValueError:
        return False


def mot_name(path: Path) -> str:
    """Return the name of the clip that a file belongs to: its own, or of ``NAME/gt/gt.txt`` the folder's."""
    return path.parent.parent.name if path.name == "gt.txt" and path.parent.name == "gt" else path.stem


def read_mot_rows(path: Path, text: str) -> tuple[list[LabelRow], dict[str, LabelledItem]]:
    """Return rows and the one item of a file.

    A confidence of 0 marks what is not to be counted. Beside ``gt/gt.txt`` a ``seqinfo.ini`` gives rate, size and the folder of
    pictures.

    Raises:
        AuditError: a line cannot be used.
    """
    name, rows = mot_name(path), []
    for at, cells in enumerate(csv.reader(text.splitlines()), 1):
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path.name}:{at}"
        if len(cells) < 6:
            raise AuditError(f"{where}: line must be frame,id,x,y,w,h,..., got {shown(','.join(cells))}")
        frame = whole(where, "frame (from 1)", cells[0], least=1) - 1
        track = number(where, "id", cells[1])
        x, y, w, h = (number(where, side, cell) for side, cell in zip("xywh", cells[2:6], strict=True))
        counted = len(cells) < 7 or number(where, "conf", cells[6]) != 0
        seen = number(where, "visibility", cells[8]) if len(cells) > 8 else -1.0
        labels = ((OCCLUSION, visible_share(seen)),) if 0 <= seen <= 1 else ()
        person = None if track < 0 else f"{track:g}"
        rows.append(LabelRow(where, name, frame, person, (x, y, w, h), "face" if counted else IGNORED, labels))
    return rows, {name: _item(path)}


def _item(path: Path) -> LabelledItem:
    item = LabelledItem({})
    info = path.parent.parent / "seqinfo.ini"
    folder = path.parent.parent / "img1"
    if path.name != "gt.txt":
        return item
    if info.is_file():
        parser = configparser.ConfigParser()
        try:
            parser.read(info, encoding="utf-8")
            told = parser["Sequence"]
            item.rate_hz = told.getfloat("frameRate", fallback=None)
            folder = path.parent.parent / told.get("imDir", "img1")
            if "imWidth" in told and "imHeight" in told:
                item.size = (int(told["imWidth"]), int(told["imHeight"]))
        except (configparser.Error, KeyError, ValueError) as exc:
            raise AuditError(f"seqinfo.ini must have a section Sequence with numbers, got {info}: {exc}") from exc
    if folder.is_dir():
        root = path.parent.parent.parent
        pictures = sorted(one for one in folder.iterdir() if one.stem.isdecimal())
        item.pictures = {int(one.stem) - 1: str(one.relative_to(root)) for one in pictures}
    return item

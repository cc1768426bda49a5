"""Reads annotated footage: finds the labels, knows their format by what they hold, and finds the footage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from passerby.audit.labels.coco import is_coco, read_coco
from passerby.audit.labels.comma_rows import is_comma_rows, read_comma_rows
from passerby.audit.labels.gathering import gather
from passerby.audit.labels.media_names import MediaNames
from passerby.audit.labels.mot_rows import is_mot_rows, read_mot_rows
from passerby.audit.labels.texts import label_text
from passerby.audit.labels.values import AnnotatedData, AnnotatedFootage, LabelledItem, LabelRow
from passerby.audit.labels.wider_text import is_wider_text, read_wider_text
from passerby.errors import AuditError, UsageError

Reader = Callable[[Path, str], tuple[list[LabelRow], dict[str, LabelledItem]]]
_READERS: tuple[tuple[str, Callable[[str], bool], Reader], ...] = (
    ("COCO", is_coco, read_coco),
    ("WIDER text", is_wider_text, read_wider_text),
    ("MOT", is_mot_rows, read_mot_rows),
    ("CSV", is_comma_rows, read_comma_rows),
)
_SUFFIXES = {".csv", ".json", ".txt"}
_HINT = "passerby audit veil --formats shows what is read"


def read_annotated(data: Path, media: Path | None = None) -> AnnotatedData:
    """Read labels and find their footage.

    Args:
        data: A file of labels, or a folder that holds one (of MOT: several) beside the footage.
        media: Where the footage lies; None is the folder of the labels.

    Raises:
        UsageError: there is no such file, or a folder holds several files of labels.
        AuditError: they cannot be used.
    """
    if not data.exists():
        raise UsageError(f"labels must exist, got no file or folder {data}")
    if media is not None and not media.is_dir():
        raise UsageError(f"--media must be a folder, got {media}")
    files = _label_files(data) if data.is_dir() else [data]
    rows: list[LabelRow] = []
    items: dict[str, LabelledItem] = {}
    format_name = ""
    for path in files:
        text = label_text(path)
        format_name, reader = _format_of(path, text)
        more, named = reader(path, text)
        if twice := sorted(items.keys() & named.keys()):
            raise AuditError(f"each clip must have one file of labels, got two for {twice[0]}")
        rows += more
        items |= named
    footage = gather(rows, items, MediaNames(media or (data if data.is_dir() else _home(data))))
    return AnnotatedData(data.name, format_name, footage, tuple(_notes(footage)))


def _home(path: Path) -> Path:
    """Return the folder that names in labels begin at: of ``NAME/gt/gt.txt`` the one that holds ``NAME``."""
    return path.parent.parent.parent if path.name == "gt.txt" and path.parent.name == "gt" else path.parent


def _format_of(path: Path, text: str) -> tuple[str, Reader]:
    for name, fits, reader in _READERS:
        if fits(text):
            return name, reader
    first = text.lstrip().split("\n", 1)[0]
    raise AuditError(
        f"labels must be COCO, WIDER text, MOT or CSV with a line of names, got {path.name}: {first[:60]!a}",
        hint=_HINT,
    )


def _label_files(folder: Path) -> list[Path]:
    found = sorted(one for one in folder.iterdir() if one.suffix.lower() in _SUFFIXES and one.is_file())
    found += sorted(folder.glob("*/gt/gt.txt")) + [one for one in (folder / "gt" / "gt.txt",) if one.is_file()]
    fitting = {}
    for path in found:
        if path.stat().st_size:
            try:
                text = label_text(path)
            except AuditError:
                continue
            if any(fits(text) for _, fits, _ in _READERS):
                fitting[path] = is_mot_rows(text)
    if not fitting:
        raise AuditError(f"folder must hold labels beside the footage, got none in {folder}", hint=_HINT)
    if len(fitting) > 1 and not all(fitting.values()):
        names = ", ".join(str(path.relative_to(folder)) for path in list(fitting)[:6])
        raise UsageError(f"folder must hold one file of labels, got {names}", hint="name the file instead")
    return list(fitting)


def _notes(footage: tuple[AnnotatedFootage, ...]) -> list[str]:
    notes = []
    if loose := [one.name for one in footage if not one.tracked]:
        notes.append(
            f"labels of {len(loose)} clips follow nobody from frame to frame: nothing is said of people there, and with a "
            f"single clip intervals are too narrow"
        )
    sparse = [one.name for one in footage if one.frames is not None and len(one.frames) > 1]
    if sparse:
        notes.append(f"of {len(sparse)} clips only the annotated frames are judged")
    return notes

"""Boxes from and for labelling tools: COCO (images and annotations) and MOT (frame, id, x, y, w, h, ...)."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from passerby.errors import UsageError
from passerby.files import write_atomic
from passerby.veil.review.sidecar import (
    FORMAT,
    TrackBox,
    is_number,
    read_sidecar,
    text_lines,
)

MOT_SUFFIXES = frozenset({".csv", ".txt"})


def read_labels(path: Path, width: int, height: int, frames: int) -> tuple[TrackBox, ...]:
    """Read boxes from our sidecar, COCO or MOT, whichever the file holds.

    Args:
        path: The file. COCO is one JSON object with ``images`` and ``annotations``; MOT is lines of numbers.
        width: Of the coded picture, pixels.
        height: Of the coded picture, pixels.
        frames: Frames of the clip.

    Returns:
        The boxes. Those without a track of their own get one each.

    Raises:
        UnreadableError: the file cannot be read.
        UsageError: it is none of the three, or does not fit the clip; the message says where.
    """
    lines = text_lines(path)
    if is_sidecar_line(lines[0] if lines else ""):
        return read_sidecar(path)[1]
    if "\n".join(lines).lstrip().startswith("{"):
        return _coco(path, "\n".join(lines), width, height, frames)
    return _mot(path, lines, frames)


def is_sidecar(path: Path) -> bool:
    """Tell whether a file is a sidecar of ours, which holds all tracks, or labels, which come on top of what is found.

    Raises:
        UnreadableError: the file cannot be read.
        UsageError: it is no text.
    """
    lines = text_lines(path)
    return is_sidecar_line(lines[0] if lines else "")


def is_sidecar_line(line: str) -> bool:
    """Tell whether a line looks like a sidecar's header."""
    return line.startswith("{") and f'"{FORMAT}"' in line


def write_mot(path: Path, boxes: Iterable[TrackBox]) -> None:
    """Write boxes as MOT: frame from 1, track, x, y, w, h, confidence, class 1, visibility 1.

    Raises:
        OutputError: it cannot be written.
    """
    rows = []
    for one in sorted(boxes, key=lambda m: (m.frame, m.track)):
        x0, y0, x1, y1 = one.box
        confidence = 1 if one.confidence is None else one.confidence
        rows.append(f"{one.frame + 1},{one.track},{x0:.2f},{y0:.2f},{x1 - x0:.2f},{y1 - y0:.2f},{confidence},1,1\n")
    write_atomic(path, "".join(rows).encode())


def write_labels(path: Path, boxes: Iterable[TrackBox], width: int, height: int) -> None:
    """Write boxes as MOT where the suffix is one of its own, else as COCO; arguments as in :func:`write_coco`.

    Raises:
        OutputError: they cannot be written.
    """
    if path.suffix in MOT_SUFFIXES:
        write_mot(path, boxes)
    else:
        write_coco(path, boxes, width, height)


def write_coco(path: Path, boxes: Iterable[TrackBox], width: int, height: int) -> None:
    """Write boxes as COCO, one image entry for each frame that has a box; tracks stand in ``attributes.track_id``.

    Raises:
        OutputError: it cannot be written.
    """
    rows = sorted(boxes, key=lambda m: (m.frame, m.track))
    images = [
        {"id": frame + 1, "file_name": f"frame_{frame:06d}.png", "width": width, "height": height}
        for frame in sorted({one.frame for one in rows})
    ]
    annotations = []
    for number, one in enumerate(rows, 1):
        x0, y0, x1, y1 = one.box
        wide, high = round(x1 - x0, 2), round(y1 - y0, 2)
        annotations.append(
            {
                "id": number,
                "image_id": one.frame + 1,
                "category_id": 1,
                "bbox": [x0, y0, wide, high],
                "area": round(wide * high, 2),
                "iscrowd": 0,
                "attributes": {"track_id": one.track},
            }
        )
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "face"}]}
    write_atomic(path, (json.dumps(document) + "\n").encode())


def _coco(path: Path, text: str, width: int, height: int, frames: int) -> tuple[TrackBox, ...]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} must be COCO JSON, MOT lines or a Passerby sidecar, got: {error}") from error
    images, annotations = (document.get(key) for key in ("images", "annotations"))
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise UsageError(f"{path} must have the COCO lists images and annotations, got {', '.join(document)}")
    frame_of: dict[Any, int] = {}
    for at, image in enumerate(images):
        where = f"{path}: images[{at}]"
        if not isinstance(image, dict) or not isinstance(image.get("id"), int | str):
            raise UsageError(f"{where} must be an object with an id")
        for key, wanted in (("width", width), ("height", height)):
            if key in image and image[key] != wanted:
                raise UsageError(f"{where}: {key} must be {wanted} as in the clip, got {image[key]!r}")
        frame_of[image["id"]] = _coco_frame(where, image, frames)
    boxes = []
    for at, row in enumerate(annotations):
        where = f"{path}: annotations[{at}]"
        known = isinstance(row, dict) and isinstance(row.get("image_id"), int | str) and row["image_id"] in frame_of
        if not known:
            raise UsageError(f"{where}: image_id must be one of the images, got {row!r:.80}")
        frame = frame_of[row["image_id"]]
        boxes.append(
            _box(where, row.get("bbox"), row.get("score"), track=_coco_track(where, row), frame=frame, line=at)
        )
    return _numbered(path, boxes)


def _coco_frame(where: str, image: dict[str, Any], frames: int) -> int:
    """The frame that an image entry stands for: a field that says so, or the last number of its file name."""
    for key in ("frame_index", "frame"):
        if key in image:
            return _frame(where, image[key], frames)
    name = str(image.get("file_name", ""))
    numbers = re.findall(r"\d+", Path(name).stem)
    if not numbers:
        raise UsageError(f"{where}: file_name must end in the number of the frame, from 0, got {name!r}")
    return _frame(where, int(numbers[-1]), frames)


def _coco_track(where: str, row: dict[str, Any]) -> int | None:
    attributes = row.get("attributes")
    track = row.get("track_id", attributes.get("track_id") if isinstance(attributes, dict) else None)
    if track is not None and (not isinstance(track, int) or isinstance(track, bool) or track < 0):
        raise UsageError(f"{where}: track_id must be a whole number from 0 on, got {track!r}")
    return track


def _mot(path: Path, lines: list[str], frames: int) -> tuple[TrackBox, ...]:
    boxes = []
    for number, row in enumerate(csv.reader(lines), 1):
        if not row:
            continue
        where = f"{path}:{number}"
        try:
            cells = [float(cell) for cell in row]
        except ValueError as error:
            raise UsageError(
                f"{where}: line must be MOT numbers frame,id,x,y,w,h,..., got {','.join(row)[:80]!r}"
            ) from error
        if len(cells) < 6 or not all(is_number(cell) for cell in cells) or cells[0] % 1 or cells[1] % 1:
            raise UsageError(f"{where}: line must be MOT numbers frame,id,x,y,w,h,..., got {','.join(row)[:80]!r}")
        frame = _frame(where, int(cells[0]) - 1, frames)
        track = int(cells[1]) if cells[1] >= 0 else None
        # the challenge counts pixels from 1, most tools from 0: one pixel more covers both
        x, y, w, h = cells[2:6]
        confidence = cells[6] if len(cells) > 6 and 0 <= cells[6] <= 1 else None
        boxes.append(_box(where, [x - 1, y - 1, w + 1, h + 1], confidence, track=track, frame=frame, line=number))
    return _numbered(path, boxes)


def _frame(where: str, value: object, frames: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < frames:
        raise UsageError(f"{where}: frame must lie within the clip's {frames} frames, got {value!r} counted from 0")
    return value


def _box(where: str, xywh: object, score: object, *, track: int | None, frame: int, line: int) -> TrackBox:
    if not isinstance(xywh, list) or len(xywh) != 4 or not all(is_number(n) for n in xywh) or min(xywh[2:]) <= 0:
        raise UsageError(f"{where}: box must be x, y, width, height, the last two above 0, got {xywh!r}")
    x, y, w, h = (float(n) for n in xywh)
    confidence = float(score) if isinstance(score, int | float) and is_number(score) and 0 <= score <= 1 else None
    return TrackBox(-1 if track is None else track, frame, (x, y, x + w, y + h), confidence, "edited", line)


def _numbered(path: Path, boxes: list[TrackBox]) -> tuple[TrackBox, ...]:
    """Number tracks from 1, give boxes without one their own, and refuse two boxes of one track in one frame."""
    shift = int(any(one.track == 0 for one in boxes))
    free = max((one.track for one in boxes), default=0) + shift + 1
    seen: set[tuple[int, int]] = set()
    numbered = []
    for one in boxes:
        track = one.track + shift
        if one.track < 0:
            track, free = free, free + 1
        if (track, one.frame) in seen:
            raise UsageError(f"{path}: track {one.track} must have one box in frame {one.frame}, got two")
        seen.add((track, one.frame))
        numbered.append(TrackBox(track, one.frame, one.box, one.confidence, one.kind, one.line))
    return tuple(numbered)

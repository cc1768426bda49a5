"""Small annotated clips for tests: moving squares of texture stand for faces, so that nothing has to be found in them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = (160, 96)
RATE = 10
FRAMES = 12
Rgb = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""Left, top, width, height."""

_GROUND = np.asarray(
    Image.fromarray(np.random.default_rng(5).integers(60, 200, (12, 20), np.uint8)).resize(
        SIZE, Image.Resampling.BICUBIC
    )
)[..., None] * np.array([1.0, 0.95, 0.85])
_FACE = np.random.default_rng(6).integers(20, 240, (6, 6), np.uint8)[..., None] * np.array([1.0, 0.8, 0.7])


def boxes_at(frame: int, *, people: int = 2) -> dict[str, Box]:
    """Return where people are: one walks to the right, the other down, further ones stand."""
    still = {f"p{n}": (8 + 24 * n, 70, 20, 20) for n in range(2, people)}
    return {"p0": (8 + 4 * frame, 10, 24, 28), "p1": (110, 6 + 3 * frame, 16, 16), **still}


def scene(frame: int, *, people: int = 2) -> Rgb:
    """Draw a frame."""
    picture: Rgb = np.roll(_GROUND, 3 * frame, axis=1).astype(np.uint8)  # the camera turns
    for x, y, w, h in boxes_at(frame, people=people).values():
        face = Image.fromarray(_FACE.astype(np.uint8)).resize((w, h), Image.Resampling.BILINEAR)
        picture[y : y + h, x : x + w] = np.asarray(face)
    return picture


def encode(path: Path, pictures: Iterator[Rgb] | list[Rgb], *, rate: int = RATE, crf: int = 20) -> Path:
    """Write pictures as H.264."""
    with av.open(str(path), "w") as container:
        stream = None
        for number, picture in enumerate(pictures):
            if stream is None:
                stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "veryfast"})
                stream.height, stream.width, stream.pix_fmt = picture.shape[0], picture.shape[1], "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
    return path


Row = dict[str, object]


def rows_of(
    name: str, *, frames: int = FRAMES, people: int = 2, labels: Mapping[str, Mapping[str, str]] | None = None
) -> list[Row]:
    """Return rows of labels of one clip."""
    return [
        {
            "video": name,
            "frame": frame,
            "track": person,
            "x": x,
            "y": y,
            "w": w,
            "h": h,
            **(labels or {}).get(person, {}),
        }
        for frame in range(frames)
        for person, (x, y, w, h) in boxes_at(frame, people=people).items()
    ]


def write_rows(path: Path, rows: list[Row]) -> Path:
    """Write rows as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_mot(path: Path, rows: list[Row]) -> Path:
    """Write rows as MOT."""
    lines = [
        f"{int(str(r['frame'])) + 1},{str(r['track'])[1:]},{r['x']},{r['y']},{r['w']},{r['h']},1,1,1" for r in rows
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_coco(path: Path, rows: list[Row], video: str) -> Path:
    """Write rows as COCO with a video."""
    frames = sorted({int(str(row["frame"])) for row in rows})
    document = {
        "videos": [{"id": 1, "file_name": video, "fps": RATE}],
        "images": [
            {
                "id": 100 + n,
                "file_name": f"{n:06d}.png",
                "video_id": 1,
                "frame_index": n,
                "width": SIZE[0],
                "height": SIZE[1],
            }
            for n in frames
        ],
        "categories": [{"id": 1, "name": "face"}, {"id": 2, "name": "plate"}],
        "annotations": [
            {
                "id": at,
                "image_id": 100 + int(str(row["frame"])),
                "category_id": 1,
                "bbox": [row["x"], row["y"], row["w"], row["h"]],
                "attributes": {"track_id": row["track"]},
            }
            for at, row in enumerate(rows)
        ]
        + [{"id": 10**6, "image_id": 100, "category_id": 2, "bbox": [1, 1, 9, 9]}],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def covered(picture: Rgb, boxes: list[Box], how: Callable[[Rgb], Rgb]) -> Rgb:
    """Return a picture with boxes, grown by 4 pixels, painted over as ``how`` says."""
    out = picture.copy()
    for x, y, w, h in boxes:
        part = (slice(max(0, y - 4), y + h + 4), slice(max(0, x - 4), x + w + 4))
        out[part] = how(picture[part])
    return out


def grey(part: Rgb) -> Rgb:
    """Return one colour."""
    return np.full_like(part, 112)


def mosaic(part: Rgb) -> Rgb:
    """Return cells of a third of the side."""
    small = Image.fromarray(np.ascontiguousarray(part)).resize((4, 4), Image.Resampling.BOX)
    return np.asarray(small.resize((part.shape[1], part.shape[0]), Image.Resampling.NEAREST))


def blur(part: Rgb) -> Rgb:
    """Return a strong blur."""
    small = Image.fromarray(np.ascontiguousarray(part)).resize((4, 4), Image.Resampling.BOX)
    return np.asarray(small.resize((part.shape[1], part.shape[0]), Image.Resampling.BICUBIC))

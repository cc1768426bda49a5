"""Says which pixels of a clip's frames are covered: by Passerby, read from outputs or computed, and by its peer.

Outputs are made with one colour that the footage does not have; a pixel of that colour counts as covered. *Computed* covers
skip encoding and the command's start: the clip is watched in this process, and what is found is painted into black frames.
The peer's covers come from its own detector, run on the frames as they decode: its MP4s are scaled to multiples of 16 and
some have other frame counts, so their frames and pixels are not those of the source.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coverage import Mask
from footage import decoded
from passerby.audit.covers.deface import Rectangles, ask_deface, painted
from passerby.values import digest_file
from passerby.veil import Detector, FindSettings, VeilSettings, clip_covers
from peer import CACHE, KEY, PEER, passerby, peer_python, run

TOLERANCE = 70
Frames = frozenset[int] | None
"""Indices from 0 in decode order; None is all."""
Cover = Callable[[Path, Frames], Iterable[tuple[int, Mask]]]
"""Yields index and mask of the frames that are asked for."""


@dataclass(frozen=True, slots=True)
class ByPixels:
    """Passerby's cover, read from the pixels of what the whole command writes.

    Attributes:
        work: Where outputs lie until they are read.
        more: Arguments of the command.
    """

    work: Path
    more: tuple[str, ...] = ()

    def __call__(self, source: Path, frames: Frames = None) -> Iterator[tuple[int, Mask]]:
        target = self.work / f"out_{source.name}"
        run(passerby(source, target, *self.more))
        for index, mask in enumerate(covered_in_clip(target)):
            if frames is None or index in frames:
                yield index, mask
        target.unlink()


@dataclass(frozen=True, slots=True)
class Computed:
    """Passerby's cover, computed in this process from what watching the clip finds.

    Attributes:
        detector: Open already.
        find: How faces are found.
    """

    detector: Detector
    find: FindSettings = field(default_factory=FindSettings)

    def __call__(self, source: Path, frames: Frames = None) -> Iterator[tuple[int, Mask]]:
        yield from clip_covers(source, self.detector, VeilSettings(find=self.find), frames=frames)


def peer_cover(source: Path, frames: Frames = None) -> Iterator[tuple[int, Mask]]:
    """Yield the peer's cover, from its own detector with its defaults, run on the decoded frames."""
    with av.open(str(source)) as container:
        width, height = container.streams.video[0].width, container.streams.video[0].height
    for index, boxes in sorted(peer_boxes(source, frames).items()):
        yield index, painted(boxes, width, height)


def peer_boxes(source: Path, frames: Frames = None) -> dict[int, Rectangles]:
    """Return what the peer covers in each frame; kept in ``.cache/bench`` under the digest of the clip."""
    kept = CACHE / "peer" / f"{PEER}-{digest_file(source)[-32:]}.json"
    known = {int(k): v for k, v in json.loads(kept.read_text())["frames"].items()} if kept.exists() else {}
    whole = kept.exists() and json.loads(kept.read_text())["whole"]
    if not whole and (frames is None or frames - known.keys()):
        wanted = (
            (index, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            for index, frame in enumerate(decoded(source, None if frames is None else max(frames) + 1))
            if index not in known and (frames is None or index in frames)
        )
        known |= dict(ask_peer(wanted))
        keep(kept, {"whole": frames is None, "frames": known})
    return {index: boxes for index, boxes in known.items() if frames is None or index in frames}


def peer_cover_of_picture(path: Path) -> Mask:
    """Return the peer's cover of a picture."""
    kept = CACHE / "peer" / f"{PEER}-{digest_file(path)[-32:]}.json"
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"))
    if not kept.exists():
        keep(kept, dict(ask_peer([(0, rgb)])))
    boxes = json.loads(kept.read_text())["0"]
    return painted(boxes, rgb.shape[1], rgb.shape[0])


def ask_peer(pictures: Iterable[tuple[int, NDArray[np.uint8]]]) -> Iterator[tuple[int, Rectangles]]:
    """Run the peer's detector on pictures, shape (H, W, 3), red first, in a process of its own environment."""
    return ask_deface(peer_python(), pictures)


def keep(path: Path, what: object) -> None:
    """Write a result to the cache, whole or not at all: several runs may share it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump(what, file)
    Path(file.name).replace(path)


def covered_in_clip(path: Path) -> Iterator[Mask]:
    """Yield which pixels of each frame are covered."""
    with closing(decoded(path)) as frames:
        for frame in frames:
            yield is_key(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))


def covered_in_picture(path: Path) -> Mask:
    """Return which pixels of a picture are covered."""
    with Image.open(path) as image:
        return is_key(np.asarray(image.convert("RGB")))


def is_key(rgb: NDArray[np.uint8]) -> Mask:
    """Tell the pixels that have the cover's colour, allowing for what coding does to it.

    >>> is_key(np.array([[[250, 12, 240], [120, 0, 255]]], np.uint8)).tolist()
    [[True, False]]
    """
    away = np.abs(rgb.astype(np.int16) - np.array(KEY, np.int16)).max(axis=2)
    return np.asarray(away < TOLERANCE)

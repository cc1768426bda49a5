"""Says which pixels of a clip's frames are covered: by Passerby, read from outputs or computed, and by its peer.

Outputs are made with one colour that the footage does not have; a pixel of that colour counts as covered. *Computed* covers
skip encoding and the command's start: the clip is watched in this process, and what is found is painted into black frames.
The peer's covers come from its own detector, run on the frames as they decode: its MP4s are scaled to multiples of 16 and
some have other frame counts, so their frames and pixels are not those of the source.
"""

from __future__ import annotations

import json
import subprocess
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
from passerby.media import probe_clip
from passerby.values import digest_file
from passerby.veil.cover import Painter, Plan
from passerby.veil.detect import Detector, pass_size, pass_sizes_px
from passerby.veil.run.watch import watch
from passerby.veil.settings import CoverSettings, FindSettings
from passerby.veil.track import policy_for
from peer import CACHE, KEY, PEER, passerby, peer_python, run

TOLERANCE = 70
WORKER = Path(__file__).with_name("peer_worker.py")
Frames = frozenset[int] | None
"""Indices from 0 in decode order; None is all."""
Cover = Callable[[Path, Frames], Iterable[tuple[int, Mask]]]
"""Yields index and mask of the frames that are asked for."""
Rectangles = list[list[int]]
"""Rows x0, y0, x1, y1, whole pixels, ends exclusive."""


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
        info = probe_clip(source)
        size = (info.width_px, info.height_px)
        sides = pass_sizes_px(*size, thorough=self.find.thorough)
        self.detector.prepare([pass_size(side, size, self.detector.multiple) for side in sides])
        watched = watch(source, self.detector, policy_for(self.find), thorough=self.find.thorough)
        self.detector.rest()
        count = len(watched.record.pts)
        plan = Plan(watched.tracks, count, whole=watched.unjudged)
        painter = Painter(CoverSettings(fill=(255, 255, 255)), *size)
        for index in range(count) if frames is None else sorted(frames & set(range(count))):
            frame = av.VideoFrame.from_ndarray(np.zeros((size[1] * 3 // 2, size[0]), np.uint8), format="yuv420p")
            painter.paint(frame, plan.boxes_at(index), whole=index in plan.whole)
            yield index, frame.to_ndarray(format="gray") > 0


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
    with subprocess.Popen(
        [peer_python(), str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin
        assert process.stdout
        for index, rgb in pictures:
            process.stdin.write(np.array(rgb.shape[:2], "<u4").tobytes() + rgb.tobytes())
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer:
                raise RuntimeError(f"the peer's detector must answer for frame {index}, got nothing: see {WORKER.name}")
            yield index, json.loads(answer)
        process.stdin.close()


def keep(path: Path, what: object) -> None:
    """Write a result to the cache, whole or not at all: several runs may share it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump(what, file)
    Path(file.name).replace(path)


def painted(boxes: Rectangles, width: int, height: int) -> Mask:
    """Return the mask of some rectangles.

    >>> painted([[1, 0, 3, 1]], 4, 2).astype(int).tolist()
    [[0, 1, 1, 0], [0, 0, 0, 0]]
    """
    mask = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


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
    """Tell the pixels that have the cover's colour, allowing for what coding does to it."""
    away = np.abs(rgb.astype(np.int16) - np.array(KEY, np.int16)).max(axis=2)
    return np.asarray(away < TOLERANCE)

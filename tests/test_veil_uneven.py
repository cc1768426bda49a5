"""Clips of uneven time: fast in the mean, slow in places."""

from __future__ import annotations

from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from passerby.values import Detections, Digest
from passerby.veil.cover.plan import Plan
from passerby.veil.run.watch import watch
from passerby.veil.track.policy import TrackingPolicy

SIZE = (320, 192)


class SeesTheHead:
    """Finds what is brighter than the ground in the picture's middle row."""

    runs_on, digest, multiple = "bright", Digest("sha256:0"), 32
    doubt: float | None = None

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        assert threshold < 0.9
        bright = np.flatnonzero((rgb[rgb.shape[0] // 2].astype(int) > 110).any(axis=1))
        future: Future[Detections] = Future()
        if len(bright):
            top, bottom = (row * rgb.shape[0] / SIZE[1] for row in (80, 120))
            box = np.array([[bright[0], top, bright[-1] + 1, bottom]], np.float32)
            future.set_result(Detections(box, np.array([0.9], np.float32)))
        else:
            future.set_result(Detections())
        return future


def test_who_is_there_only_while_a_fast_clip_is_slow_is_covered(tmp_path: Path) -> None:
    """A camera that sends 50 frames a second, then two, in which somebody walks by, then 50 again."""
    before, between, after = 68, 8, 16
    times_s = [n / 50 for n in range(before)] + [1.36 + (n + 1) / 2 for n in range(between)]
    times_s += [times_s[-1] + (n + 1) / 50 for n in range(after)]
    path = tmp_path / "uneven.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=50, width=SIZE[0], height=SIZE[1], pix_fmt="yuv420p")
        for index, time_s in enumerate(times_s):
            picture = np.random.default_rng(0).integers(60, 90, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
            if before <= index < before + between:
                picture[80:120, place(index - before) :][:, :40] = np.random.default_rng(1).integers(
                    120, 250, (40, 40, 1)
                )
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time_s * 50), Fraction(1, 50)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    watched = watch(path, SeesTheHead(), TrackingPolicy())
    plan = Plan(watched.tracks, len(times_s))
    for index in range(between):
        boxes = plan.boxes_at(before + index)
        assert len(boxes) >= 1, index
        assert boxes[:, 0].min() <= place(index) + 4, index
        assert boxes[:, 2].max() >= place(index) + 36, index


def place(index: int) -> int:
    """Return the head's left edge."""
    return 60 + 12 * index

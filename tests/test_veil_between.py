"""Frames between those that are watched are covered as those are."""

from __future__ import annotations

from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from passerby.values import Detections, Digest
from passerby.veil.between import spread, watched_every
from passerby.veil.plan import Plan
from passerby.veil.rules import Rules
from passerby.veil.watch import watch

SIZE = (320, 192)


@given(st.integers(0, 9), st.integers(1, 8), st.integers(1, 6))
def test_boxes_between_watched_frames_lie_between_theirs(first: int, count: int, every: int) -> None:
    rng = np.random.default_rng(count)
    low = rng.uniform(0, 50, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(8, 20, (count, 2))], axis=1).astype(np.float32)
    begin, all_boxes = spread(first, boxes, every)
    for index, box in enumerate(boxes):
        assert (all_boxes[(first + index) * every - begin] == box).all()
    # up to the next watched frames, where there is none
    assert begin == (first - 1) * every + 1
    assert begin + len(all_boxes) == (first + count) * every
    for frame in range(first * every, (first + count - 1) * every):
        before, after = boxes[frame // every - first], boxes[frame // every - first + 1]
        box = all_boxes[frame - begin]
        assert (box >= np.minimum(before, after) - 1e-3).all()
        assert (box <= np.maximum(before, after) + 1e-3).all()


def test_a_fast_clip_is_watched_about_twelve_times_a_second() -> None:
    rates = [Fraction(rate) for rate in (1, 10, 12.5, 23.976, 25, 50, 59.94, 240)]
    assert [watched_every(rate) for rate in rates] == [1, 1, 1, 2, 2, 4, 5, 19]
    assert watched_every(None) == 1


class SeesTheHead:
    """Finds what is brighter than the ground in the picture's middle row."""

    runs_on, digest, multiple = "bright", Digest("sha256:0"), 32

    def look(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        assert threshold < 0.9
        bright = np.flatnonzero((rgb[rgb.shape[0] // 2].astype(int) > 110).any(axis=1))
        down = rgb.shape[0] / SIZE[1]
        box = np.array([[bright[0], 80 * down, bright[-1] + 1, 120 * down]], np.float32)
        future: Future[Detections] = Future()
        future.set_result(Detections(box, np.array([0.9], np.float32)))
        return future


@pytest.mark.parametrize("rate", [25, 30, 60])
def test_every_frame_of_a_fast_clip_is_covered(tmp_path: Path, rate: int) -> None:
    """Of which only some are watched; a head moves, and the last frames lie behind the last watched one."""
    path = tmp_path / "fast.mp4"
    count = 3 * rate // 2 // 5 * 5 + 4
    truth = [60 + 2 * 25 * n // rate for n in range(count)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, width=SIZE[0], height=SIZE[1], pix_fmt="yuv420p")
        for left in truth:
            picture = np.random.default_rng(0).integers(60, 90, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
            picture[80:120, left : left + 40] = np.random.default_rng(1).integers(120, 250, (40, 40, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))

    watched = watch(path, SeesTheHead(), Rules())
    plan = Plan(watched.tracks, count)
    for index, left in enumerate(truth):
        boxes = plan.boxes_at(index)
        assert len(boxes) >= 1, index
        assert boxes[:, 0].min() <= left + 4
        assert boxes[:, 2].max() >= left + 36
    assert max(track.last for track in watched.tracks) == count - 1

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
from passerby.veil.watch import Watched, watch

SIZE = (320, 192)


@given(st.lists(st.integers(1, 6), min_size=3, max_size=12), st.data())
def test_boxes_between_watched_frames_lie_between_theirs(gaps: list[int], data: st.DataObject) -> None:
    watched = np.cumsum([0, *gaps]).tolist()
    first = data.draw(st.integers(0, len(watched) - 1))
    count = data.draw(st.integers(1, len(watched) - first))
    end = watched[-1] + 1 + data.draw(st.integers(0, 4))
    low = np.random.default_rng(count).uniform(0, 50, (count, 2))
    boxes = np.concatenate([low, low + 10], axis=1).astype(np.float32)
    begin, spread_out = spread(first, boxes, watched, end)
    # up to the next watched frames, where there is none
    assert begin == (watched[first - 1] + 1 if first else 0)
    assert begin + len(spread_out) == (watched[first + count] if first + count < len(watched) else end)
    for index, box in enumerate(boxes):
        assert (spread_out[watched[first + index] - begin] == box).all()
    for index in range(count - 1):
        between = spread_out[watched[first + index] - begin : watched[first + index + 1] - begin]
        assert (between >= np.minimum(boxes[index], boxes[index + 1]) - 1e-3).all()
        assert (between <= np.maximum(boxes[index], boxes[index + 1]) + 1e-3).all()


def test_a_fast_clip_is_watched_ten_to_sixteen_times_a_second() -> None:
    rates = [Fraction(rate) for rate in (1, 10, 12.5, 23.976, 25, 50, 59.94, 240)]
    assert [watched_every(rate) for rate in rates] == [1, 1, 1, 2, 2, 3, 4, 15]


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


@pytest.mark.parametrize(("rate", "name"), [(25, "fast.mp4"), (25, "fast.avi"), (30, "fast.mkv"), (60, "fast.mp4")])
def test_every_frame_of_a_fast_clip_is_covered(tmp_path: Path, rate: int, name: str) -> None:
    """Of which only some are watched; a head moves, and the last frames lie behind the last watched one."""
    times_s = [n / rate for n in range(3 * rate // 2 // 5 * 5 + 4)]
    path = with_a_head(tmp_path / name, rate, times_s)
    watched = watch(path, SeesTheHead(), Rules())
    assert watched.looked <= 5
    assert_covered(watched, times_s)


def test_every_frame_is_covered_where_a_fast_clip_is_slow(tmp_path: Path) -> None:
    """A camera that sends 50 frames a second, then two in which the head goes far, then 50 again."""
    times_s = [n / 50 for n in range(60)] + [1.7, 2.2] + [2.7 + n / 50 for n in range(50)]
    watched = watch(with_a_head(tmp_path / "uneven.mp4", 50, times_s), SeesTheHead(), Rules())
    assert_covered(watched, times_s)


def place(time_s: float) -> int:
    return 60 + int(50 * time_s)


def with_a_head(path: Path, rate: int, times_s: list[float]) -> Path:
    """Write a clip in which a bright head walks over a still ground."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, width=SIZE[0], height=SIZE[1], pix_fmt="yuv420p")
        stream.codec_context.time_base = Fraction(1, rate)
        for time_s in times_s:
            picture = np.random.default_rng(0).integers(60, 90, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
            left = place(time_s)
            picture[80:120, left : left + 40] = np.random.default_rng(1).integers(120, 250, (40, 40, 1))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time_s * rate), Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def assert_covered(watched: Watched, times_s: list[float]) -> None:
    plan = Plan(watched.tracks, len(times_s))
    for index, time_s in enumerate(times_s):
        boxes = plan.boxes_at(index)
        assert len(boxes) >= 1, index
        assert boxes[:, 0].min() <= place(time_s) + 4, index
        assert boxes[:, 2].max() >= place(time_s) + 36, index
    assert max(track.last for track in watched.tracks) == len(times_s) - 1

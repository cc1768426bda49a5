"""A face is hidden in both fields of interlaced frames, in files, streams and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from passerby.media import Frame
from passerby.values import Boxes, Detections, digest_bytes
from passerby.veil.run.live import LiveSettings, LiveVeil
from passerby.veil.run.watch import watch
from passerby.veil.settings import FindSettings
from passerby.veil.track import MotionMeter, Tracker, policy_for
from passerby.veil.track.woven import WovenFrames, spanning

WIDTH, HEIGHT, SIDE, SPEED = 320, 192, 32, 4


def place(step: int) -> int:
    """Return the left edge of the drawn head in a field."""
    return 20 + SPEED * step


def field(step: int) -> NDArray[np.uint8]:
    """Draw a bright head, which moves evenly, before a ground that stands still."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    luma = np.asarray(70 + 30 * np.sin(x / 9) + 30 * np.sin(y / 7), np.uint8)
    luma[80 : 80 + SIDE, place(step) : place(step) + SIDE] = 220
    return luma


def woven(index: int, *, upper_first: bool) -> NDArray[np.uint8]:
    frame, later = field(2 * index), field(2 * index + 1)
    frame[int(upper_first) :: 2] = later[int(upper_first) :: 2]
    return frame


def picture(luma: NDArray[np.uint8]) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(luma, format="gray").reformat(format="yuv420p")


class SharpDetector:
    """Sees the drawn head only where it is not torn apart: a block of bright pixels with straight sides."""

    name = runs_on = "sharp"
    digest = digest_bytes(b"")
    multiple = 32
    doubt = None

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:  # noqa: ARG002
        bright = rgb[:, :, 1] > 170
        rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
        done: Future[Detections] = Future()
        found = np.zeros((0, 4), np.float32)
        if len(rows):
            box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            if bright[box[1] : box[3], box[0] : box[2]].mean() > 0.97:
                found = np.array([box], np.float32)
        done.set_result(Detections(found, np.full(len(found), 0.9, np.float32)))
        return done


def write_clip(path: Path, lumas: Iterator[NDArray[np.uint8]]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "8", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for luma in lumas:
            container.mux(stream.encode(picture(luma)))
        container.mux(stream.encode(None))
    return path


def covers_both(boxes: Sequence[Boxes], upper_first: bool) -> None:
    for index, rows in enumerate(boxes):
        assert len(rows) == 1, index
        assert rows[0, 0] <= place(2 * index) + 1.5, (index, upper_first)
        assert rows[0, 2] >= place(2 * index + 1) + SIDE - 1.5, (index, upper_first)


@pytest.mark.parametrize("upper_first", [True, False])
def test_a_head_that_moves_is_covered_in_both_fields_of_a_clip_without_a_flag(
    tmp_path: Path, upper_first: bool
) -> None:
    clip = write_clip(tmp_path / "a.mp4", (woven(n, upper_first=upper_first) for n in range(30)))
    given: list[Boxes] = []
    watched = watch(clip, SharpDetector(), policy_for(FindSettings()), on_final=lambda boxes, _: given.extend(boxes))
    (track,) = watched.tracks
    assert (track.first, len(track.xyxy)) == (0, 30)
    covers_both([track.xyxy[n : n + 1] for n in range(30)], upper_first)
    # what was written while the clip was watched is what is known at its end
    assert np.array_equal(np.concatenate(given), track.xyxy)


def test_the_same_head_in_a_progressive_clip_has_the_box_that_it_fills(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", (field(2 * n) for n in range(30)))
    (track,) = watch(clip, SharpDetector(), policy_for(FindSettings())).tracks
    # two fields would add their way to both sides; drift between passes adds less
    wide = track.xyxy[:, 2] - track.xyxy[:, 0]
    assert (wide[track.score > 0] < SIDE + SPEED).all()


@pytest.mark.parametrize("upper_first", [True, False])
def test_a_stream_of_two_fields_is_covered_in_both(upper_first: bool) -> None:
    veil = LiveVeil(WIDTH, HEIGHT, 25, SharpDetector(), LiveSettings(lookahead_frames=12, wait=True))
    left = []
    for index in range(30):
        shown = picture(woven(index, upper_first=upper_first))
        left += veil.push(Frame(index, index, Fraction(1, 25), shown, corrupt=False))
    left += veil.flush()
    assert all(one.reason is None for one in left)
    for index, one in enumerate(left[4:26], start=4):
        assert len(one.faces) == 1
        assert one.faces[0, 0] <= place(2 * index) + 1.5
        assert one.faces[0, 2] >= place(2 * index + 1) + SIDE - 1.5


@given(st.lists(st.tuples(*[st.floats(-50, 50, width=32)] * 2), min_size=1, max_size=12))
def test_spanning_boxes_hold_the_box_and_both_half_ways(corners: list[tuple[float, float]]) -> None:
    low = np.array(corners, np.float32)
    boxes = np.concatenate([low, low + 10], axis=1)
    wider = spanning(boxes)
    half = (boxes[1:] + boxes[:-1]) / 2
    for inner, outer in ((boxes, wider), (half, wider[1:]), (half, wider[:-1])):
        assert (outer[:, :2] <= inner[:, :2] + 1e-4).all()
        assert (outer[:, 2:] >= inner[:, 2:] - 1e-4).all()


@given(st.floats(-20, 20, width=32), st.lists(st.floats(0, 30, width=32), min_size=2, max_size=6))
def test_spanning_goes_as_far_however_wide_the_boxes_beside_are(step: float, margins: list[float]) -> None:
    inner = np.array([[100 + step * n, 50, 110 + step * n, 60] for n in range(len(margins))], np.float32)
    more = np.array(margins, np.float32)[:, None]
    wider = spanning(np.concatenate([inner[:, :2] - more, inner[:, 2:] + more], axis=1))
    narrow = spanning(inner)
    assert (wider[:, :2] <= narrow[:, :2] - more + 1e-3).all()
    assert (wider[:, 2:] >= narrow[:, 2:] + more - 1e-3).all()


def test_only_boxes_in_woven_frames_span_fields() -> None:
    frames, boxes = WovenFrames(), np.array([[4 * n, 0, 4 * n + 10, 10] for n in range(6)], np.float32)
    assert not frames
    assert frames.span(0, boxes) is boxes
    for frame in range(14):
        frames.note(frame, woven=10 <= frame < 12)
    wide = np.ptp(frames.span(8, boxes)[:, ::2], axis=1)
    assert wide.tolist() == [10, 10, 14, 14, 10, 10]
    frames.forget(12)
    assert not frames


def test_a_tracker_gives_the_same_boxes_while_and_after_a_clip_is_watched() -> None:
    meter = MotionMeter(320, 192)
    tracker = Tracker(meter, policy_for(FindSettings()), long_side_px=320, rate_hz=25, interval=4)
    given: list[Boxes] = []
    ground = np.random.default_rng(1).integers(0, 255, (96, 160), dtype=np.uint8)
    for frame in range(41):
        tracker.note_fields(frame, woven=frame >= 9)
        tracker.predict(meter.measure(ground if frame % 7 else ground + np.uint8(9)))
        if frame % 4 == 0:
            x = 5 * frame + (frame % 3)
            tracker.update(Detections(np.array([[x, 40, x + 30, 70]], np.float32), np.array([0.9], np.float32)))
            given += tracker.finalise()
    tracker.finish()
    given += tracker.finalise_rest()
    (track,) = tracker.tracks()
    assert np.array_equal(np.concatenate(given)[track.first :], track.xyxy)


@pytest.mark.parametrize("lasting", [True, False])
def test_less_is_asked_of_a_face_in_one_field(*, lasting: bool) -> None:
    """Half of the rows are left of it, and it scores less: such a score makes a track in woven frames, and none in others."""
    policy = replace(policy_for(FindSettings()), lasting=lasting)
    score = (policy.best + policy.for_fields().best) / 2

    def covered(frame: int, *, woven_from: int) -> int:
        meter = MotionMeter(320, 192)
        tracker = Tracker(meter, policy, long_side_px=320, rate_hz=25, interval=4)
        for index in range(frame + 1):
            tracker.note_fields(index, woven=index >= woven_from)
            tracker.predict(meter.measure(np.zeros((96, 160), np.uint8)))
        tracker.update(Detections(np.array([[40, 40, 45, 45]], np.float32), np.array([score], np.float32)))
        return len(tracker.boxes_at(frame)[0])

    assert [covered(frame, woven_from=3) for frame in (0, 2, 3, 5)] == [0, 0, 1, 1]

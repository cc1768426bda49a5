"""Passes between two that cannot both be believed: who crossed, came, went or grew meanwhile is covered on the way."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.veil_tools import Scripted, broken

from passerby.values import Boxes, Detections
from passerby.veil.cover.painter import with_margin
from passerby.veil.run.between import PassesBetween, SmallCopy
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.policy import TrackingPolicy
from passerby.veil.track.recheck import moved_too_much
from passerby.veil.track.tracker import Tracker

SIZE = WIDTH, HEIGHT = 640, 360
TOP, SIDE = 120, 60
Places = Sequence[tuple[float | None, float]]


class SeesWhite(Scripted):
    """Finds the one white square of a picture, surely."""

    def __init__(self) -> None:
        super().__init__(lambda _: Detections())

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        super().infer(rgb, threshold)
        future: Future[Detections] = Future()
        rows, columns = np.nonzero(rgb[..., 0] > 200)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else None
        future.set_result(white(*box) if box else Detections())
        return future


def white(x0: float, y0: float, x1: float, y1: float) -> Detections:
    return Detections(np.array([[x0, y0, x1, y1]], np.float32), np.array([0.9], np.float32))


def square(x: float | None, side: float = SIDE) -> Detections:
    return Detections() if x is None else white(x, TOP, x + side, TOP + side)


def copy(x: float | None, side: float = SIDE) -> SmallCopy:
    samples = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    samples[:HEIGHT] = 60
    if x is not None:
        samples[TOP : TOP + round(side), max(0, round(x)) : max(0, round(x + side))] = 235
    return SmallCopy.of(av.VideoFrame.from_ndarray(samples, format="yuv420p"))


def still(*, torn: bool = False, zoom: float = 0.0) -> Motion:
    tiles = len(MotionMeter(*SIZE).centre)
    return Motion(np.zeros((tiles, 2), np.float32), np.ones(tiles, np.float32), False, torn, zoom)


EVERY = 8


def followed(places: Places, detector: Scripted) -> PassesBetween:
    """Return what was made of a square at places, with a pass at every eighth frame."""
    return tracked(places, detector, lambda _: still())[1]


def tracked(places: Places, detector: Scripted, motion: Callable[[int], Motion]) -> tuple[Tracker, PassesBetween]:
    tracker = Tracker(MotionMeter(*SIZE), TrackingPolicy(), long_side_px=WIDTH, rate_hz=12.5, interval=EVERY)
    between = PassesBetween(tracker, detector, SIZE)
    for frame, (x, side) in enumerate(places):
        between.predict(motion(frame) if frame else None, copy(x, side))
        if frame % EVERY == 0:
            between.update(square(x, side))
    tracker.finish()
    return tracker, between


def covered(
    places: Places, detector: Scripted, *, motion: Callable[[int], Motion] = lambda _: still()
) -> tuple[list[Boxes], int]:
    """Return the boxes of each frame, and the passes made between those of every eighth, where a square is at places."""
    tracker, between = tracked(places, detector, motion)
    tracks = tracker.tracks()
    return [
        np.array([t.xyxy[n - t.first] for t in tracks if t.first <= n <= t.last], np.float32).reshape(-1, 4)
        for n in range(len(places))
    ], between.passes


def bare(places: Places, boxes: list[Boxes]) -> Iterator[int]:
    """Yield the frames in which a tenth of the square is outside every cover."""
    for frame, ((x, side), found) in enumerate(zip(places, boxes, strict=True)):
        if x is None:
            continue
        seen = np.zeros(SIZE[::-1], bool)
        for x0, y0, x1, y1 in np.maximum(with_margin(found, 1.3), 0).round().astype(int).tolist():
            seen[y0:y1, x0:x1] = True
        part = seen[TOP : TOP + round(side), max(0, round(x)) : round(x + side)]
        if part.size and part.mean() < 0.9:
            yield frame


def test_who_speeds_up_is_covered_all_the_way() -> None:
    """A face that crossed at 25 px a frame was bare in 13 of 49 frames: nobody knew its way between two passes."""
    places = [(20 + 6.0 * frame**2, float(SIDE)) for frame in range(9)]
    boxes, passes = covered(places, SeesWhite())
    assert list(bare(places, boxes)) == []
    assert 1 <= passes <= 7


def test_who_crosses_between_two_passes_is_found_where_the_picture_tears() -> None:
    places = [(200 + 60.0 * (frame - 2), float(SIDE)) if 2 <= frame <= 6 else (None, float(SIDE)) for frame in range(9)]
    assert list(bare(places, covered(places, SeesWhite())[0]))
    boxes, _ = covered(places, SeesWhite(), motion=lambda frame: still(torn=2 <= frame <= 7))
    assert list(bare(places, boxes)) == []


def test_who_came_and_went_in_a_torn_picture_is_looked_for_on_both_sides_of_the_middle() -> None:
    """A face crossed from edge to edge between two passes; the one pass between came when it was gone."""
    tracker = Tracker(MotionMeter(*SIZE), TrackingPolicy(), long_side_px=WIDTH, rate_hz=25, interval=16)
    between, places = PassesBetween(tracker, SeesWhite(), SIZE), []
    for frame in range(17):
        places.append((60.0 + 80 * (frame - 1) if 1 <= frame <= 6 else None, float(SIDE)))
        between.predict(still(torn=1 <= frame <= 14) if frame else None, copy(*places[-1]))
        if frame % 16 == 0:
            between.update(square(*places[-1]))
    tracker.finish()
    tracks = tracker.tracks()
    boxes = [
        np.array([t.xyxy[n - t.first] for t in tracks if t.first <= n <= t.last], "f4").reshape(-1, 4)
        for n in range(17)
    ]
    assert list(bare(places, boxes)) == []


def test_who_comes_at_once_while_nothing_tears_is_looked_for_frame_by_frame() -> None:
    """Small and fast over busy ground: a pass between two saw a face, but where it had been before was not asked."""
    places = [(60.0 + 70 * (frame - 2), float(SIDE)) if frame >= 2 else (None, float(SIDE)) for frame in range(9)]
    boxes, passes = covered(places, SeesWhite())
    assert list(bare(places, boxes)) == []
    assert passes <= 7


def test_who_grows_and_shrinks_between_two_passes_is_covered() -> None:
    """A fast zoom left 10 of 72 frames bare: boxes between passes were shifted, never scaled."""
    places = [(200.0, SIDE * 1.1 ** (4 - abs(4 - frame))) for frame in range(9)]
    boxes, _ = covered(places, SeesWhite(), motion=lambda frame: still(zoom=0.095 if frame <= 4 else -0.095))
    assert list(bare(places, boxes)) == []


def test_no_pass_is_made_where_all_is_as_expected() -> None:
    places = [(100.0 + frame, float(SIDE)) for frame in range(17)]
    assert covered(places, SeesWhite())[1] == 0


def test_passes_between_show_all_that_the_copy_holds() -> None:
    detector = SeesWhite()
    covered([(20 + 6.0 * frame**2, float(SIDE)) for frame in range(9)], detector)
    assert set(detector.widths) == {max(copy(None).fine.shape)}, "the smaller pass would show less"


def test_where_a_pass_between_two_fails_the_frames_between_are_unjudged() -> None:
    places = [(20 + 6.0 * frame**2, float(SIDE)) for frame in range(9)]
    between = followed(places, Scripted(broken))
    assert between.passes == 1
    assert between.unjudged == set(range(1, 8)), "the passes at both ends succeeded"
    assert followed(places, SeesWhite()).unjudged == set()
    assert followed([(100.0, float(SIDE))] * 9, Scripted(broken)).unjudged == set()


def test_where_only_a_half_cannot_be_asked_the_rest_stays_judged() -> None:
    """The pass at the middle succeeds, those within the halves fail."""
    places = [(20 + 6.0 * frame**2, float(SIDE)) for frame in range(9)]

    class SeesWhiteOnce(SeesWhite):
        def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
            future = super().infer(rgb, threshold)
            return future if self.asked == 1 else Scripted(broken).infer(rgb, threshold)

    between = followed(places, SeesWhiteOnce())
    assert between.unjudged
    assert not between.unjudged & {0, 4, 8}


def test_nothing_is_kept_or_asked_while_passes_fail() -> None:
    """A detector may fail for hours; the copies of all frames until it works again would not fit into memory."""
    tracker = Tracker(MotionMeter(*SIZE), TrackingPolicy(), long_side_px=WIDTH, rate_hz=12.5, interval=8)
    between = PassesBetween(tracker, SeesWhite(), SIZE)
    between.predict(None, copy(20))
    between.update(square(20))
    kept = []
    for frame in range(1, 41):
        shown = copy(20 + 6 * min(frame, 8) ** 2)
        kept.append(weakref.ref(shown.fine))
        between.predict(still(), shown)
        if frame % 8 == 0:
            between.give_up()
    del shown
    assert [frame for frame, one in enumerate(kept, start=1) if one() is not None] == [40], "the tracker's own"
    between.update(square(404))
    assert between.passes == 0
    assert tracker.inferred == tracker.frame == 40
    for _ in range(8):
        between.predict(still(), copy(404))
    between.update(square(20))
    assert between.passes > 0, "after that all is as before"


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv420p10le", "gray"])
def test_a_small_copy_shows_what_the_frame_showed(name: str) -> None:
    rgb = np.full((721, 1283, 3), (180, 90, 40), np.uint8)
    rgb[:, 640:] = 20
    shown = SmallCopy.of(av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=name)).picture()
    assert shown.width in {640, 642}
    assert shown.height in {360, 361}
    left, right = shown.to_ndarray(format="rgb24")[100, [100, 500]].astype(int)
    if name == "yuv420p":
        assert np.abs(left - [180, 90, 40]).max() < 12
    assert left.mean() > right.mean() + 40


def smooth_scene(high: int, wide: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(3).random((high, wide))
    grain = np.add.outer(np.fft.fftfreq(high) ** 2, np.fft.rfftfreq(wide) ** 2)
    smooth = np.fft.irfft2(np.fft.rfft2(noise) * np.exp(-60 * grain))
    return np.asarray((smooth - smooth.min()) / np.ptp(smooth) * 255, np.uint8)


def test_a_scene_that_grows_is_measured_and_one_that_is_torn() -> None:
    scene = smooth_scene(180, 320)

    def view(scale: float) -> NDArray[np.uint8]:
        rows, columns = (np.rint(mid + (np.arange(n) - n / 2) / scale).astype(int) for mid, n in ((90, 90), (160, 160)))
        return np.ascontiguousarray(scene[np.ix_(rows, columns)])

    meter = MotionMeter(*SIZE)
    meter.measure(view(1.0))
    grown = meter.measure(view(1.02))
    assert grown is not None
    assert grown.zoom == pytest.approx(0.02, abs=0.01)
    assert not grown.torn
    assert moved_too_much([grown] * 18)
    assert not moved_too_much([grown, still(zoom=-grown.zoom)] * 6)
    torn = view(1.02)
    torn[30:80, 20:80] = 255 - view(1.0)[::-1][30:80, 20:80]
    meter.measure(view(1.02))
    seen = meter.measure(torn)
    assert seen is not None
    assert seen.torn


@pytest.mark.parametrize(
    ("across", "pan", "torn"), [(1, 0, False), (10, 0, True), (0, 6, False), (1, 6, False), (12, 6, True)]
)
def test_the_picture_tears_where_somebody_rushes_not_where_the_camera_does(
    across: int, pan: int, *, torn: bool
) -> None:
    """A head a tenth as high as the picture: 10 of its 160 pixels across are 40 of 640. Tiles four times as large missed it."""
    scene = smooth_scene(90, 220)
    meter = MotionMeter(*SIZE)
    told = []
    for frame in range(3):
        view = scene[:, pan * frame :][:, :160].copy()
        left = 60 + (across - pan) * frame
        view[40:52, left : left + 10] = 255 if view[40:52, left : left + 10].mean() < 128 else 0
        told.append(meter.measure(view))
    assert [motion is not None and motion.torn for motion in told] == [False, torn, torn]

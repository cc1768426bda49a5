"""Motion and association: no frame of a track lies bare between, just before or just after its detections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from passerby.boxes import inflate
from passerby.values import EMPTY_BOXES, Detections, Track
from passerby.veil.cover.plan import Plan
from passerby.veil.track.association import lone_pairs, match
from passerby.veil.track.motion import Motion, MotionMeter, grey_size
from passerby.veil.track.policy import TrackingPolicy
from passerby.veil.track.tracker import Tracker

WIDTH, HEIGHT = 640, 360


def texture(seed: int = 1) -> NDArray[np.uint8]:
    """A picture four times the size of a grey copy, smooth enough to be followed."""
    noise = np.random.default_rng(seed).normal(size=(200, 300))
    spectrum = np.fft.fft2(noise)
    y, x = np.meshgrid(np.fft.fftfreq(200), np.fft.fftfreq(300), indexing="ij")
    smooth = np.fft.ifft2(spectrum * np.exp(-40 * (x**2 + y**2))).real
    scaled = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.asarray(scaled * 255, np.uint8)


def view(picture: NDArray[np.uint8], x: int, y: int) -> NDArray[np.uint8]:
    width, height = grey_size(WIDTH, HEIGHT)
    return np.ascontiguousarray(picture[y : y + height, x : x + width])


@given(st.integers(-6, 6), st.integers(-6, 6))
@settings(max_examples=30, deadline=None)
def test_a_moved_picture_moves_its_boxes(dx: int, dy: int) -> None:
    meter, picture = MotionMeter(WIDTH, HEIGHT), texture()
    assert meter.measure(view(picture, 60, 50)) is None
    motion = meter.measure(view(picture, 60 + dx, 50 + dy))
    assert motion is not None
    box = np.array([[300, 150, 340, 200]], np.float32)
    moved = meter.propagate(box, motion)
    assert moved - box == pytest.approx(np.array([[-4 * dx, -4 * dy] * 2]), abs=1.5)
    assert meter.propagate(moved, motion, back=True) == pytest.approx(box, abs=1.5)


def test_another_scene_is_a_cut_and_the_same_is_still() -> None:
    meter = MotionMeter(WIDTH, HEIGHT)
    first, other = view(texture(1), 60, 50), view(255 - texture(2), 60, 50)
    meter.measure(first)
    same, cut = meter.measure(first), meter.measure(other)
    assert same is not None
    assert cut is not None
    assert not same.cut
    assert cut.cut
    assert meter.still_since(first, first)
    assert not meter.still_since(first, other)


def test_frames_that_are_the_same_have_no_motion_and_slow_motion_adds_up() -> None:
    scene, meter = texture(1), MotionMeter(WIDTH, HEIGHT)
    noise = np.random.default_rng(0).integers(-2, 3, (HEIGHT // 4, WIDTH // 4))
    first = view(scene, 60, 50)
    meter.measure(first)
    same = meter.measure(np.clip(first.astype(int) + noise, 0, 255).astype(np.uint8))
    assert same is not None
    assert not same.shift.any()
    assert same.weight.all()
    # a twentieth of a grey pixel a frame, far below what one comparison sees
    along = np.linspace(0, 1, 21)[1:, None, None]
    other = view(scene, 61, 50)
    slow = [meter.measure((first * (1 - share) + other * share).astype(np.uint8)) for share in along]
    box = np.array([[300, 150, 340, 200]], np.float32)
    for motion in slow:
        box = meter.propagate(box, motion)
    assert box[0, 0] - 300 == pytest.approx(-4, abs=2)


def test_small_and_tall_pictures_have_a_grey_copy_of_at_least_a_tile() -> None:
    for size in ((1, 1), (32, 2000), (1080, 1920), (7680, 4320)):
        width, height = grey_size(*size)
        assert min(width, height) >= 32
        meter = MotionMeter(*size)
        assert meter.measure(np.zeros((height, width), np.uint8)) is None
        assert meter.measure(np.zeros((height, width), np.uint8)) is not None


def seen(*rows: tuple[float, float, float, float, float]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4])


def still(count: int, cut_at: int | None = None) -> list[Motion | None]:
    meter = MotionMeter(WIDTH, HEIGHT)
    tiles = len(meter.centre)
    shift, weight = np.zeros((tiles, 2), np.float32), np.ones(tiles, np.float32)
    return [None, *(Motion(shift, weight, cut=i == cut_at) for i in range(1, count))]


EVERY_FACE = TrackingPolicy(max_age=2, extrapolate_s=4 / 19, best=0.0)
"""Confirms whatever was detected, and extrapolates 4 frames."""


def tracked(found: dict[int, Detections], count: int, cut_at: int | None = None) -> tuple[Track, ...]:
    tracker = Tracker(MotionMeter(WIDTH, HEIGHT), EVERY_FACE, long_side_px=WIDTH, rate_hz=19, interval=4)
    for index, motion in enumerate(still(count, cut_at)):
        tracker.predict(motion)
        if index in found:
            tracker.update(found[index])
    tracker.finish()
    return tracker.tracks()


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.floats(0, 500),
    st.floats(0, 250),
    st.floats(8, 90),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_every_frame_from_before_the_first_to_after_the_last_detection_is_covered(
    gaps: list[int], x: float, y: float, side: float, data: st.DataObject
) -> None:
    at = [4]
    for gap in gaps:
        at.append(at[-1] + gap)
    places = []
    for _ in at:
        x += data.draw(st.floats(-0.3, 0.3)) * side
        y += data.draw(st.floats(-0.3, 0.3)) * side
        places.append((x, y, x + side, y + side, 0.9))
    tracks = tracked({i: seen(place) for i, place in zip(at, places, strict=True)}, at[-1] + 6)
    assert len(tracks) == 1
    track = tracks[0]
    assert track.first == 0
    assert track.last == at[-1] + 4
    for index, place in zip(at, places, strict=True):
        assert track.xyxy[index] == pytest.approx(place[:4], abs=1e-2)
        assert track.score[index] == pytest.approx(0.9)
    for (i, a), (j, b) in zip(zip(at, places, strict=True), list(zip(at, places, strict=True))[1:], strict=False):
        straight = np.linspace(a[:4], b[:4], j - i + 1)
        more = (straight - track.xyxy[i : j + 1]) * [1, 1, -1, -1]
        assert (more >= -0.01).all(), "between two detections a box holds the straight way from one to the other"
        assert (more <= side / 2 + 0.01).all(), "and is wider by half its side at most"


def test_a_miss_is_bridged_and_the_drift_is_spread() -> None:
    tracks = tracked({0: seen((100, 100, 140, 140, 0.9)), 5: seen(), 10: seen((120, 100, 160, 140, 0.9))}, 12)
    assert len(tracks) == 1
    assert tracks[0].xyxy[5][[0, 2]].mean() == pytest.approx(130, abs=0.5)


def test_where_a_face_drifted_its_cover_is_wider_half_way() -> None:
    """In a fast pan small faces were 12 to 26 % bare half way between two passes: how they came is a guess."""
    still_there = (300, 100, 320, 120, 0.9)
    found = {0: seen((100, 100, 120, 120, 0.9), still_there), 8: seen((110, 100, 130, 120, 0.9), still_there)}
    drifted, other = tracked(found, 9)
    assert drifted.xyxy[4].tolist() == pytest.approx([101.875, 97, 128.125, 123])
    assert drifted.xyxy[8].tolist() == pytest.approx([110, 100, 130, 120])
    assert other.xyxy[4].tolist() == pytest.approx(list(still_there[:4]))


@given(st.floats(0.05, 0.95), st.integers(5, 12), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_where_two_passes_contradict_each_other_each_is_believed_for_what_is_nearer(
    score: float, at: int, hits: int
) -> None:
    """A pass that does not find what another found weakly is as good a witness; a sure face is covered as far as may be."""
    place = (100, 100, 120, 120)
    found = {at + 4 * n: seen((*place, score)) for n in range(hits + 1)}
    (track,) = tracked(found, at + 4 * hits + 6)
    reach = 4 if score >= 0.3 else 2
    assert (track.first, track.last) == (at - reach, at + 4 * hits + reach)


def test_a_fast_face_is_covered_wider_along_its_way() -> None:
    """People in a pan moved by their own size in a frame: covers a pixel beside them left 11 % of a face of 11 px bare."""
    found = {n: seen((100 + 14 * n, 100, 120 + 14 * n, 120, 0.6)) for n in (0, 4)}
    (track,) = tracked(found, 5)
    for frame in (1, 2, 3):
        x0, y0, x1, y1 = track.xyxy[frame] - [100 + 14 * frame, 100, 120 + 14 * frame, 120]
        assert (x0, x1) == pytest.approx((-x1, -x0), abs=1e-3)
        assert x1 - max(y1, 0) >= 4, "wider by half of what it moved beyond a quarter of its side, and by the drift"
        assert y1 >= 0 >= y0


def test_a_weak_tracklet_does_not_keep_a_detection_from_a_sure_one() -> None:
    """The cover slid off a face in a pan: a false tracklet beside it took its detection, and it was never found again."""
    found = {0: seen((100, 100, 120, 120, 0.9), (160, 100, 180, 120, 0.15)), 4: seen((156, 100, 176, 120, 0.87))}
    sure, weak = tracked(found, 5)
    assert sure.xyxy[0].tolist() == pytest.approx([100, 100, 120, 120])
    for track in (sure, weak):
        assert track.xyxy[4].tolist() == pytest.approx([156, 100, 176, 120])


def test_a_cut_ends_tracks_and_nothing_reaches_across_it() -> None:
    found = {0: seen((100, 100, 140, 140, 0.9)), 6: seen((300, 100, 340, 140, 0.8))}
    tracks = tracked(found, 12, cut_at=6)
    assert [(track.first, track.last) for track in tracks] == [(0, 4), (6, 10)]


def test_every_detection_is_in_a_track_whatever_its_score() -> None:
    found = {0: seen(), 3: seen((10, 10, 20, 20, 0.05), (200, 10, 220, 30, 0.9)), 6: seen()}
    tracks = tracked(found, 8)
    assert sorted(float(track.score.max()) for track in tracks) == pytest.approx([0.05, 0.9])


def test_two_faces_that_cross_stay_two_tracks() -> None:
    found = {
        i: seen((100 + 10 * i, 100, 130 + 10 * i, 130, 0.9), (200 - 10 * i, 104, 230 - 10 * i, 134, 0.9))
        for i in range(11)
    }
    assert len(tracked(found, 11)) == 2


@given(st.lists(st.tuples(*[st.floats(0, 300, width=32)] * 2, st.floats(4, 90, width=32)), max_size=12))
def test_matching_pairs_each_box_at_most_once(rows: list[tuple[float, float, float]]) -> None:
    boxes = np.array([(x, y, x + s, y + s) for x, y, s in rows], np.float32).reshape(-1, 4)
    found = Detections(boxes[::-1], np.linspace(0.9, 0.1, len(boxes), dtype=np.float32))
    pairs = match(boxes, found)
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    assert match(EMPTY_BOXES, found) == []


def test_only_lone_pairs_are_reassociated_farther_off() -> None:
    expected = np.array([[0, 0, 10, 10], [200, 0, 210, 10]], np.float32)
    near = np.array([[30, 0, 40, 10], [240, 0, 250, 10]], np.float32)
    assert lone_pairs(expected, near) == [(0, 0), (1, 1)]
    rivals = np.array([[30, 0, 40, 10], [0, 35, 10, 45], [300, 0, 310, 10]], np.float32)
    assert lone_pairs(expected, rivals) == [], "two come about as near to one, none near enough to the other"


def test_of_two_detections_about_as_near_the_surer_is_taken() -> None:
    expected = np.array([[0, 0, 10, 10]], np.float32)
    found = Detections(np.array([[2, 0, 12, 10], [-2.2, 0, 7.8, 10]], np.float32), np.array([0.05, 0.5], np.float32))
    assert match(expected, found) == [(0, 1)]


def test_boxes_swell_on_every_side() -> None:
    with_margin = inflate(np.array([[10, 10, 20, 30]], np.float32), np.array([0.1], np.float32))
    assert with_margin.tolist() == [[9, 8, 21, 32]]


def one_track(number: int, first: int, count: int) -> Track:
    xyxy = np.tile(np.array([number, 0, number + 10, 10], np.float32), (count, 1))
    return Track(number, first, xyxy, np.ones(count, np.float32))


@given(st.lists(st.tuples(st.integers(0, 18), st.integers(1, 12)), max_size=8), st.sets(st.integers(0, 19)))
def test_plan_gives_each_frame_exactly_the_boxes_of_its_tracks(spans: list[tuple[int, int]], whole: set[int]) -> None:
    tracks = [one_track(n, first, min(count, 20 - first)) for n, (first, count) in enumerate(spans, 1)]
    plan = Plan(tracks, 20, whole=frozenset(whole))
    for frame in range(20):
        expected = sorted(t.number for t in tracks if t.first <= frame <= t.last)
        assert sorted(int(box[0]) for box in plan.boxes_at(frame)) == expected
        assert plan.touches(frame, frame + 1) == (bool(expected) or frame in whole)
    for start in range(20):
        for stop in range(start, 21):
            assert plan.touches(start, stop) == any(plan.touches(i, i + 1) for i in range(start, stop))


def test_kept_tracks_stay_clear_and_zones_touch_every_frame() -> None:
    tracks = [one_track(1, 0, 10), one_track(2, 5, 10)]
    plan = Plan(tracks, 20, keep=frozenset({1}))
    assert plan.frames_touched == 10
    assert len(plan.boxes_at(2)) == 0
    assert Plan(tracks, 20, always=True).frames_touched == 20

"""Spans of a track that are surely one person's: where another could be meant the stretch ends, and its number is used up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway_tools import camera
from tests.media_clips import decoded
from tests.seal_crossings import Counted, CrossingDetector, crossing
from tests.veil_tools import FILL, SIZE, Scripted, bare, still

from passerby.gateway.picture.scene import Scene, settings_of
from passerby.gateway.worker.binding import bind_detector
from passerby.gateway.worker.source import CameraFrame
from passerby.values import Detections
from passerby.veil.detect import Detector
from passerby.veil.run.file import veil_file
from passerby.veil.run.known_sizes import Company
from passerby.veil.run.live import LiveSettings, LiveVeil
from passerby.veil.run.veiled import UncoveredFaces
from passerby.veil.settings import CoverSettings, FindSettings, VeilSettings
from passerby.veil.tools.demo_clip import demo_clip
from passerby.veil.track import LIVE, MotionMeter, Stretches, Tracker

HZ, EVERY, SIDE = 25.0, 8, 40.0
Place = tuple[float, float] | tuple[float, float, float]
"""A face's middle, and its size where that is another."""


def faces(places: Sequence[Place]) -> Detections:
    half = [(place[0], place[1], SIDE / 2 * (place[2] if len(place) > 2 else 1)) for place in places]
    boxes = np.array([[x - side, y - side, x + side, y + side] for x, y, side in half], np.float32)
    return Detections(boxes.reshape(-1, 4), np.full(len(places), 0.9, np.float32))


def followed(passes: Sequence[Sequence[Place]]) -> list[dict[int, int]]:
    """Return, frame by frame, the stretch of each track, where these are found in one pass every ``EVERY`` frames."""
    tracker = Tracker(MotionMeter(640, 360), LIVE, long_side_px=640, rate_hz=HZ, interval=EVERY, stretches=Stretches())
    told = []
    for number, found in enumerate(passes):
        first = tracker.frame + 1
        for _ in range(1 if number == 0 else EVERY):
            tracker.predict(None)
        tracker.update(faces(found))
        for frame in range(first, tracker.frame + 1):
            _, tracks = tracker.boxes_at(frame)
            told.append(dict(zip(tracks, tracker.stretches_at(frame, tracks).tolist(), strict=True)))
    return told


def test_somebody_alone_is_one_stretch_from_the_first_to_the_last_frame() -> None:
    told = followed([[(100 + 10 * n, 100)] for n in range(8)])
    assert {stretch for one in told for stretch in one.values()} == {1}
    assert all(one for one in told)


def test_two_far_apart_have_a_stretch_each() -> None:
    told = followed([[(100, 100), (500, 100)]] * 8)
    assert {frozenset(one.values()) for one in told} == {frozenset({1, 2})}


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("step", [8, 16, 40, 64])
def test_who_crosses_another_is_in_a_stretch_of_his_own_afterwards(step: int, merged: bool) -> None:
    ways = [(60 + step * n, 580 - step * n) for n in range(520 // step)]
    passes = [
        [((a + b) / 2, 180.0)] if merged and abs(a - b) < 0.9 * SIDE else [(a, 180.0), (b, 182.0)] for a, b in ways
    ]
    told = followed(passes)
    meet = next(n for n, (a, b) in enumerate(ways) if a >= b) * EVERY
    before = {stretch for one in told[: meet - EVERY] for stretch in one.values()}
    after = {stretch for one in told[meet + EVERY :] for stretch in one.values()}
    assert before & after <= {-1}


def test_who_was_missed_in_a_pass_is_in_another_stretch_afterwards() -> None:
    told = followed([[(100, 100)]] * 3 + [[]] + [[(100, 100)]] * 3)
    stretches = [one.get(1) for one in told]
    assert stretches[: 2 * EVERY + 1] == [1] * (2 * EVERY + 1)
    assert stretches[-1] == 2
    assert set(stretches) <= {1, 2, -1}


@pytest.mark.parametrize("grown", [0.55, 0.7, 1.4, 1.9])
def test_who_is_found_in_the_same_place_in_another_size_is_in_a_stretch_of_his_own(grown: float) -> None:
    told = followed([[(100, 100)]] * 4 + [[(100, 100, grown)]] * 4)
    before = {stretch for one in told[: 3 * EVERY] for stretch in one.values()}
    after = {stretch for one in told[4 * EVERY :] for stretch in one.values()}
    assert before == {1}
    assert 1 not in after
    assert after & {2, 3}, "he is followed again"


def test_a_camera_uses_no_stretch_number_twice_whatever_veil_comes_next() -> None:
    """A new connection or size has a new veil, and whoever seals goes on."""
    told: list[int] = []
    bound = bind_detector(
        camera(),
        0.0,
        Company(),
        lambda one: told.extend(one.stretches.tolist()),
        detector=Scripted(lambda _: faces([(100, 90)])),
    )
    shown = []
    for _ in range(3):
        told.clear()
        veil = bound.make_veil(*SIZE, 25.0)
        for n in range(60):
            veil.push(bare(still(), n * 40_000_000))
        veil.flush()
        shown.append({stretch for stretch in told if stretch >= 0})
    assert all(shown)
    assert not shown[0] & shown[1] | shown[1] & shown[2] | shown[0] & shown[2]


@given(st.lists(st.lists(st.tuples(st.floats(30, 600), st.floats(30, 330)), max_size=5), min_size=2, max_size=8))
def test_numbers_never_come_back_and_belong_to_one_track(passes: list[list[Place]]) -> None:
    told = followed(passes)
    owner: dict[int, int] = {}
    last: dict[int, int] = {}
    for number, one in enumerate(told):
        shown = [stretch for stretch in one.values() if stretch >= 0]
        assert len(set(shown)) == len(shown)
        for track, stretch in one.items():
            if stretch >= 0:
                assert owner.setdefault(stretch, track) == track
                assert stretch not in last or all(
                    told[n].get(track) in {stretch, -1} for n in range(last[stretch], number)
                )
                last[stretch] = number


def test_a_stream_is_covered_the_same_whoever_is_told() -> None:
    seen: list[UncoveredFaces] = []

    def out(before_cover: Callable[[UncoveredFaces], None] | None) -> list[bytes]:
        settings = LiveSettings(cover=CoverSettings(fill=FILL), wait=True)
        veil = LiveVeil(
            *SIZE, 25, Scripted(lambda _: faces([(100, 90), (220, 90)])), settings, before_cover=before_cover
        )
        frames = [one for n in range(40) for one in veil.push(bare(still(), n * 40_000_000))]
        return [one.picture.to_ndarray().tobytes() for one in [*frames, *veil.flush()]]

    def fails(faces: UncoveredFaces) -> None:
        seen.append(faces)
        raise ValueError("disk full")

    told: list[UncoveredFaces] = []
    assert out(None) == out(told.append) == out(fails)
    assert len(seen) == 1, "who failed once is not told any more"
    assert len(told) == 40
    assert [one.captured_ns for one in told] == [n * 40_000_000 for n in range(40)]
    assert {tuple(one.stretches.tolist()) for one in told[2 * EVERY :]} == {(3, 4)}


def test_who_is_told_sees_the_frame_bare() -> None:
    shown: list[int] = []
    settings = LiveSettings(cover=CoverSettings(fill=(255, 255, 255)), wait=True)
    detector = Scripted(lambda _: faces([(100, 90)]))

    def told(faces: UncoveredFaces) -> None:
        shown.append(int(faces.picture.to_ndarray()[90, 100]))

    veil = LiveVeil(*SIZE, 25, detector, settings, before_cover=told)
    out = [one for n in range(30) for one in veil.push(bare(still(), n))]
    assert set(shown) == {128}
    assert {int(one.picture.to_ndarray()[90, 100]) for one in out} == {235}


def test_a_file_is_covered_the_same_whoever_is_told(tmp_path: Path) -> None:
    clip = tmp_path / "in.mp4"
    demo_clip(clip, 2.0, SIZE)
    told: list[UncoveredFaces] = []
    settings = VeilSettings(cover=CoverSettings(fill=FILL))
    found = faces([(100, 90), (220, 90)])
    plain = veil_file(clip, tmp_path / "a.mp4", settings, detector=Scripted(lambda _: found))
    done = veil_file(clip, tmp_path / "b.mp4", settings, detector=Scripted(lambda _: found), before_cover=told.append)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert plain.report.covered_share == done.report.covered_share
    assert all(np.array_equal(a.xyxy, b.xyxy) for a, b in zip(plain.tracks, done.tracks, strict=True))
    assert 40 <= len(told) <= len(decoded(tmp_path / "a.mp4"))
    assert all(0 < len(one.xyxy) == len(one.tracks) == len(one.stretches) for one in told)
    assert {stretch for one in told for stretch in one.stretches.tolist()} > {-1}
    assert [one.captured_ns for one in told] == sorted({one.captured_ns for one in told})


@pytest.mark.parametrize("seed", [3, 5, 8, 12, 14, 22])
def test_no_stretch_of_a_crossing_shows_two_people(seed: int) -> None:
    """A few of those that ``bench/seal.py`` draws."""
    passing = crossing(seed)
    counted = Counted(passing)
    veil = LiveVeil(
        960,
        540,
        passing.rate_hz,
        CrossingDetector(passing),
        LiveSettings(wait=True, lookahead_frames=14),
        before_cover=counted.take,
    )
    for frame in passing.bare():
        veil.push(frame)
    veil.flush()
    assert counted.mixed == 0
    assert counted.strange < 0.005 * counted.own
    assert counted.sealed > 0.3 * counted.shown


def test_one_person_before_the_real_detector_is_one_stretch() -> None:
    """What it finds besides, at every pass and weakly, within and around the one face is nobody else."""
    settings = settings_of("test://portrait?size=320x192&fps=12.5&faces=1")
    scene, told = Scene(settings), list[UncoveredFaces]()
    detector = Detector(FindSettings())
    veil = LiveVeil(
        settings.width, settings.height, settings.fps, detector, LiveSettings(wait=True), before_cover=told.append
    )
    for number in range(50):
        veil.push(CameraFrame.taken(scene.frame(number), number * 80_000_000, number * 80_000_000, fps=settings.fps))
    veil.flush()
    detector.close()
    assert {tuple(one.stretches.tolist()) for one in told} == {(1,)}

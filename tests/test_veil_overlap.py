"""Writing while the clip is still watched: what is settled stays so, and what the two passes see unlike ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.media_clips import decoded, make_clip

from passerby.errors import DetectorError, UnreadableError
from passerby.media import ClipReader, Frame, WriteSettings
from passerby.values import EMPTY_BOXES, Boxes, Detections, Digest
from passerby.veil.detect.detector import Detector
from passerby.veil.run.file import veil_file
from passerby.veil.run.overlap import OverlappedWatch
from passerby.veil.run.watch import Listener, WatchedClip, watch
from passerby.veil.settings import CoverSettings, FindSettings, VeilSettings
from passerby.veil.tools.demo_clip import demo_clip
from passerby.veil.track.association import Follower
from passerby.veil.track.extrapolate import complete
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.policy import TrackingPolicy
from passerby.veil.track.watermark import Watermark

SIZE = (320, 192)
FRAMES, EVERY, REACH, GROWTH, PATIENCE = 60, 5, 5, 0.01, 12
FILL = (255, 0, 255)

sighting = st.tuples(st.integers(0, 5), st.integers(-6, 6), st.floats(0.03125, 0.875, width=32))
looks = st.lists(st.lists(sighting, max_size=4, unique_by=lambda s: s[0]), min_size=12, max_size=12)


@given(looks, st.sets(st.integers(1, FRAMES - 1), max_size=2), st.sets(st.integers(0, 11), max_size=4))
@settings(max_examples=150, deadline=None)
def test_what_was_settled_is_what_is_covered_in_the_end(
    seen: list[list[tuple[int, int, float]]], cuts: set[int], failed: set[int]
) -> None:
    """Faces at six places, each seen or not at each look, off by a little and more or less sure; looks fail, scenes end."""
    meter = MotionMeter(640, 360)
    still = np.zeros((len(meter.centre), 2), np.float32)
    sure = np.ones(len(meter.centre), np.float32)
    motions: list[Motion | None] = []
    follower, rules = Follower(meter, max_age=2), TrackingPolicy()
    settler = Watermark(motions, meter, reach=REACH, growth=GROWTH)
    settled: list[Boxes] = []
    for frame in range(FRAMES):
        motion = None if frame == 0 else Motion(still, sure, cut=frame in cuts)
        motions.append(motion)
        follower.step(motion)
        if frame % EVERY or frame // EVERY in failed:
            continue
        rows = [(100.0 * place + off, 40.0 + off, score) for place, off, score in seen[frame // EVERY]]
        xyxy = np.array([(x, y, x + 12, y + 12) for x, y, _ in rows], np.float32).reshape(-1, 4)
        follower.see(frame, Detections(xyxy, np.array([score for _, _, score in rows], np.float32)))
        for tracklet in follower.active:
            tracklet.face = tracklet.face or rules.is_face(tracklet, 640)
            if not tracklet.face:
                tracklet.begin_later(frame - PATIENCE)
        settled += settler.settle(frame, follower.active, follower.ended)
        assert len(settled) <= frame
    follower.finish()
    settled += settler.finish(FRAMES, follower.ended)
    tracks = complete(
        [tracklet for tracklet in follower.ended if tracklet.face], motions, meter, reach=REACH, growth=GROWTH
    )
    assert len(settled) == FRAMES
    for frame, boxes in enumerate(settled):
        covered = [t.xyxy[frame - t.first] for t in tracks if t.first <= frame <= t.last]
        assert sorted(boxes.tolist()) == sorted(np.array(covered, np.float32).reshape(-1, 4).tolist())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "in.mp4"
    demo_clip(path, 4.0, SIZE)
    return path


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(FindSettings())


def told(**write: object) -> VeilSettings:
    return VeilSettings(cover=CoverSettings(fill=FILL), write=WriteSettings(**write))  # type: ignore[arg-type]  # a test's own


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("held_frames", [0, 7, 1000])
@pytest.mark.parametrize("size", [SIZE, (320, 180)])
def test_it_writes_what_it_would_write_afterwards(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    detector: Detector,
    size: tuple[int, int],
    held_frames: int,
    full: bool,
) -> None:
    """Whether no frame, some or all are held for the writing pass; 180 rows are 192 coded ones, of which decoding shows 180."""
    monkeypatch.setattr("passerby.veil.run.overlap.HELD_BYTES", held_frames * size[0] * size[1] * 3 // 2)
    monkeypatch.setattr(TrackingPolicy, "wait_frames", lambda *_: 1)
    clip = tmp_path / "in.mp4"
    demo_clip(clip, 3.0, size)
    at_once = veil_file(clip, tmp_path / "a.mp4", told(full_reencode=full), detector=detector)
    later = veil_file(clip, tmp_path / "b.mp4", told(full_reencode=full), detector=detector, tracks=at_once.tracks)
    assert at_once.report.frames_with_cover > 0
    assert decoded(tmp_path / "a.mp4") == decoded(tmp_path / "b.mp4")
    assert at_once.report.covered_share == later.report.covered_share
    assert at_once.report.frames_encoded == later.report.frames_encoded


class Blind:
    """A detector that sees nothing, or fails."""

    runs_on, digest, multiple = "blind", Digest("sha256:0"), 32
    doubt: float | None = None

    def __init__(self, error: DetectorError | None = None) -> None:
        self.error = error

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        assert rgb.size
        assert threshold
        future: Future[Detections] = Future()
        if self.error:
            future.set_exception(self.error)
        else:
            future.set_result(Detections())
        return future

    def check_weights(self) -> None:
        """It has none."""

    def prepare(self, sizes: Sequence[tuple[int, int]] = ()) -> None:
        """Nothing to do."""

    def rest(self) -> None:
        """It took nothing."""


def nobody_left() -> bool:
    return not {thread.name for thread in threading.enumerate()} & {"watch", "read-ahead"}


def wait_until(true: Callable[[], bool]) -> bool:
    ends = time.monotonic() + 10
    while not true() and time.monotonic() < ends:
        time.sleep(0.01)
    return true()


def test_groups_without_a_face_are_copied_while_it_is_watched(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mp4", frames=48, size=(160, 96), options={"preset": "veryfast", "g": "8", "bf": "2"}
    )
    done = veil_file(source, tmp_path / "out.mp4", told(), detector=Blind())
    assert (done.report.frames, done.report.frames_encoded) == (48, 0)
    assert decoded(tmp_path / "out.mp4") == decoded(source)
    assert nobody_left()


def test_only_a_part_is_written_and_all_of_it_watched(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=48, size=(160, 96))
    done = veil_file(source, tmp_path / "out.mp4", told(start_s=0.2, end_s=0.6), detector=Blind())
    assert done.watched is not None
    assert (done.report.frames, len(done.watched.record.pts)) == (10, 48)


def test_a_failing_detector_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="failed at every look"):
        veil_file(clip, tmp_path / "out.mp4", told(), detector=Blind(DetectorError("gone")))
    assert list(tmp_path.iterdir()) == []
    assert nobody_left()


@pytest.mark.parametrize("what", ["watching", "writing"])
def test_whatever_interrupts_it_ends_both_passes(clip: Path, tmp_path: Path, what: str) -> None:
    def interrupt(doing: str, done: int, _: int | None) -> None:
        if doing == what and done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        veil_file(clip, tmp_path / "out.mp4", told(full_reencode=True), detector=Blind(), progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    assert nobody_left()


def test_a_damaged_clip_is_written_after_it_was_watched(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=60, size=(320, 192), options={"preset": "veryfast", "g": "12"})
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        position, size = packets[30].pos, packets[30].size
    data = bytearray(source.read_bytes())
    assert position is not None
    data[position + size // 2 : position + size] = bytes(size - size // 2)
    source.write_bytes(data)
    with ClipReader(source) as reading:
        frames = sum(1 for _ in reading.frames())
        assert reading.record.corrupt or reading.record.lost
    done = veil_file(source, tmp_path / "out.mp4", told(), detector=Blind())
    assert done.report.frames == frames
    assert "nothing was copied: it is damaged" in done.report.notes
    assert nobody_left()


def ahead_of(pts: list[int], *, hold: threading.Event | None = None) -> Callable[[Listener], WatchedClip]:
    """Watch nothing, but tell of frames with these times; then wait, and fail."""

    def run(listener: Listener) -> WatchedClip:
        picture = av.VideoFrame(16, 16, "yuv420p")
        for index, ticks in enumerate(pts):
            listener.saw(Frame(index, ticks, Fraction(1, 25), picture, corrupt=False))
        listener.settled([EMPTY_BOXES] * len(pts), frozenset())
        if hold is not None:
            hold.wait(10)
        raise DetectorError("gone")

    return run


def frame(index: int, pts: int) -> Frame:
    return Frame(index, pts, Fraction(1, 25), av.VideoFrame(16, 16, "yuv420p"), corrupt=False)


FRAME_BYTES = sum(plane.buffer_size for plane in frame(0, 0).picture.planes)


def test_another_frame_than_was_watched_is_not_written() -> None:
    hold = threading.Event()
    with OverlappedWatch(ahead_of([0, 1, 2], hold=hold), "in.mp4", None, always=False, wait_frames=1) as ahead:
        ahead.meet(frame(1, 1))
        with pytest.raises(UnreadableError, match=r"in\.mp4 decodes differently from before at frame 2"):
            ahead.meet(frame(2, 3))
        hold.set()


def test_what_ends_the_watching_ends_the_waiting() -> None:
    with OverlappedWatch(ahead_of([0, 1, 2]), "in.mp4", None, always=False, wait_frames=1) as ahead:
        with pytest.raises(DetectorError, match="gone"):
            ahead.meet(frame(3, 3))
        with pytest.raises(DetectorError, match="gone"):
            ahead.end(3)


def seen_through(ahead: OverlappedWatch, frames: int) -> list[int]:
    return [taken.index for n in range(frames) if (taken := ahead.take(n)) is not None]


def test_frames_are_held_until_they_are_taken_or_passed_over() -> None:
    hold = threading.Event()
    with OverlappedWatch(ahead_of([0, 1, 2, 3], hold=hold), "in.mp4", None, always=False, wait_frames=1) as ahead:
        assert seen_through(ahead, 2) == [0, 1]
        assert ahead.take(0) is None
        ahead.pass_over(3)
        assert seen_through(ahead, 4) == [3]
        assert not ahead.ended(4)
        hold.set()


def test_no_frame_is_held_where_too_few_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passerby.veil.run.overlap.HELD_BYTES", 3 * FRAME_BYTES)
    hold = threading.Event()
    with OverlappedWatch(ahead_of([0, 1, 2], hold=hold), "in.mp4", None, always=False, wait_frames=4) as ahead:
        assert seen_through(ahead, 3) == []
        hold.set()


def test_watching_waits_for_who_writes_but_not_when_that_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passerby.veil.run.overlap.HELD_BYTES", 2 * FRAME_BYTES)
    hold = threading.Event()
    with OverlappedWatch(ahead_of([0, 1, 2, 3, 4], hold=hold), "in.mp4", None, always=False, wait_frames=2) as ahead:
        assert wait_until(lambda: len(ahead._held) == 2)
        assert len(ahead._pts) == 2  # the third waits for room
        assert seen_through(ahead, 3) == [0, 1, 2]
        ahead.meet(frame(4, 4))  # settled only after all were seen, so that those that do not fit are not held
        hold.set()


def test_every_run_covers_the_same(clip: Path, tmp_path: Path, detector: Detector) -> None:
    runs = [veil_file(clip, tmp_path / f"{n}.mp4", told(), detector=detector).report for n in range(2)]
    assert runs[0].covered_share == pytest.approx(runs[1].covered_share, abs=1e-3)
    assert watch(clip, detector, TrackingPolicy()).tracks


def test_a_hung_detector_does_not_hold_up_who_wants_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passerby.veil.run.overlap.PATIENCE_S", 0.05)
    hold = threading.Event()

    def leave() -> None:
        with OverlappedWatch(ahead_of([0], hold=hold), "in.mp4", None, always=False, wait_frames=1) as ahead:
            ahead.meet(frame(0, 0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert not nobody_left()
    hold.set()
    assert wait_until(nobody_left)

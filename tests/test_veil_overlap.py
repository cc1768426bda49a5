"""Writing while the clip is still watched: what is final is written, and what the two passes see unlike ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.media_clips import decoded, make_clip
from tests.veil_tools import FILL, SIZE, Scripted, broken, nothing

from passerby.errors import DetectorError, UnreadableError
from passerby.media import ClipReader, Frame, WriteSettings
from passerby.values import EMPTY_BOXES
from passerby.veil.detect.detector import Detector
from passerby.veil.run.file import veil_file
from passerby.veil.run.findings import Findings, HeldFrames
from passerby.veil.run.overlap import OverlapLimits, OverlappedWatch
from passerby.veil.run.watch import OnFinal, OnFrame, WatchedClip, watch
from passerby.veil.settings import CoverSettings, FindSettings, VeilSettings
from passerby.veil.tools.demo_clip import demo_clip
from passerby.veil.track.policy import TrackingPolicy


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "in.mp4"
    demo_clip(path, 4.0, SIZE)
    return path


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(FindSettings())


def told(*, full_reencode: bool = False, start_s: float | None = None, end_s: float | None = None) -> VeilSettings:
    write = WriteSettings(full_reencode=full_reencode, start_s=start_s, end_s=end_s)
    return VeilSettings(cover=CoverSettings(fill=FILL), write=write)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("held_frames", [0, 7, 1000])
@pytest.mark.parametrize("size", [SIZE, (320, 180)])
def test_it_writes_what_it_would_write_afterwards(
    tmp_path: Path,
    detector: Detector,
    size: tuple[int, int],
    held_frames: int,
    full: bool,
) -> None:
    """Whether no frame, some or all are held for the writing pass; 180 rows are 192 coded ones, of which decoding shows 180."""
    limits = OverlapLimits(held_bytes=held_frames * size[0] * size[1] * 3 // 2, wait_frames=1)
    clip = tmp_path / "in.mp4"
    demo_clip(clip, 3.0, size)
    at_once = veil_file(clip, tmp_path / "a.mp4", told(full_reencode=full), detector=detector, limits=limits)
    later = veil_file(clip, tmp_path / "b.mp4", told(full_reencode=full), detector=detector, tracks=at_once.tracks)
    assert at_once.report.frames_with_cover > 0
    assert decoded(tmp_path / "a.mp4") == decoded(tmp_path / "b.mp4")
    assert at_once.report.covered_share == later.report.covered_share
    assert at_once.report.frames_encoded == later.report.frames_encoded


def nobody_left() -> bool:
    return not {thread.name for thread in threading.enumerate()} & {"watch", "read-ahead"}


def wait_until(true: Callable[[], bool], most_s: float = 10.0) -> bool:
    ends, never = time.monotonic() + most_s, threading.Event()
    while not true() and time.monotonic() < ends:
        never.wait(0.01)
    return true()


def test_groups_without_a_face_are_copied_while_it_is_watched(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mp4", frames=48, size=(160, 96), options={"preset": "veryfast", "g": "8", "bf": "2"}
    )
    done = veil_file(source, tmp_path / "out.mp4", told(), detector=Scripted(nothing))
    assert (done.report.frames, done.report.frames_encoded) == (48, 0)
    assert decoded(tmp_path / "out.mp4") == decoded(source)
    assert nobody_left()


def test_only_a_part_is_written_and_all_of_it_watched(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=48, size=(160, 96))
    done = veil_file(source, tmp_path / "out.mp4", told(start_s=0.2, end_s=0.6), detector=Scripted(nothing))
    assert done.watched is not None
    assert (done.report.frames, len(done.watched.record.pts)) == (10, 48)


def test_a_failing_detector_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="failed in every pass"):
        veil_file(clip, tmp_path / "out.mp4", told(), detector=Scripted(broken))
    assert list(tmp_path.iterdir()) == []
    assert nobody_left()


@pytest.mark.parametrize("what", ["watching", "writing"])
def test_whatever_interrupts_it_ends_both_passes(clip: Path, tmp_path: Path, what: str) -> None:
    def interrupt(doing: str, done: int, _: int | None) -> None:
        if doing == what and done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        veil_file(clip, tmp_path / "out.mp4", told(full_reencode=True), detector=Scripted(nothing), progress=interrupt)
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
    done = veil_file(source, tmp_path / "out.mp4", told(), detector=Scripted(nothing))
    assert done.report.frames == frames
    assert "nothing was copied: it is damaged" in done.report.notes
    assert nobody_left()


class Told:
    """A clip whose frames and boxes come as a test says; watching it fails in the end."""

    def __init__(self, pts: list[int]) -> None:
        self.pts, self.go_on = pts, threading.Event()

    def __call__(self, *, on_frame: OnFrame, on_final: OnFinal) -> WatchedClip:
        for index, ticks in enumerate(self.pts):
            on_frame(frame(index, ticks))
        on_final([EMPTY_BOXES] * len(self.pts), frozenset())
        self.go_on.wait(10)
        raise DetectorError("gone")


def frame(index: int, pts: int) -> Frame:
    return Frame(index, pts, Fraction(1, 25), av.VideoFrame(16, 16, "yuv420p"), corrupt=False)


FRAME_BYTES = sum(plane.buffer_size for plane in frame(0, 0).picture.planes)
PLENTY = 1000 * FRAME_BYTES


@contextmanager
def overlapped(
    pts: list[int],
    *,
    held_bytes: int = PLENTY,
    wait_frames: int = 1,
    patience_s: float = 5.0,
    fails_at_once: bool = False,
) -> Iterator[OverlappedWatch]:
    watch = Told(pts)
    if fails_at_once:
        watch.go_on.set()
    findings, held = Findings("in.mp4", None, always=False), HeldFrames(held_bytes, wait_frames)
    with OverlappedWatch(watch, findings, held, patience_s=patience_s) as ahead:
        yield ahead
        watch.go_on.set()


def taken(ahead: OverlappedWatch, frames: int) -> list[int]:
    return [one.index for n in range(frames) if (one := ahead.take(n)) is not None]


def test_another_frame_than_was_watched_is_not_written() -> None:
    with overlapped([0, 1, 2]) as ahead:
        ahead.meet(frame(1, 1))
        with pytest.raises(UnreadableError, match=r"in\.mp4 decodes differently from before at frame 2"):
            ahead.meet(frame(2, 3))


def test_what_ends_the_watching_ends_the_waiting() -> None:
    with overlapped([0, 1, 2], fails_at_once=True) as ahead:
        with pytest.raises(DetectorError, match="gone"):
            ahead.meet(frame(3, 3))
        with pytest.raises(DetectorError, match="gone"):
            ahead.end(3)


def test_frames_are_held_until_they_are_taken_or_passed_over() -> None:
    with overlapped([0, 1, 2, 3]) as ahead:
        assert taken(ahead, 2) == [0, 1]
        assert ahead.take(0) is None
        ahead.pass_over(3)
        assert taken(ahead, 4) == [3]
        assert not ahead.ended(4)


def test_no_frame_is_held_where_too_few_fit() -> None:
    with overlapped([0, 1, 2], held_bytes=3 * FRAME_BYTES, wait_frames=4) as ahead:
        assert taken(ahead, 3) == []


def test_watching_waits_for_who_writes_but_not_when_that_waits_for_it() -> None:
    with overlapped([0, 1, 2, 3, 4], held_bytes=2 * FRAME_BYTES, wait_frames=2) as ahead:
        assert wait_until(lambda: ahead.held.is_full)
        assert not wait_until(lambda: ahead.findings.final > 0, 0.2), "the third waits for room"
        ahead.meet(frame(4, 4))  # final only after all were decoded, so that those that do not fit are not held
        assert taken(ahead, 5) == [0, 1]


def test_every_run_covers_the_same(clip: Path, tmp_path: Path, detector: Detector) -> None:
    runs = [veil_file(clip, tmp_path / f"{n}.mp4", told(), detector=detector).report for n in range(2)]
    assert runs[0].covered_share == pytest.approx(runs[1].covered_share, abs=1e-3)
    assert watch(clip, detector, TrackingPolicy()).tracks


def test_a_hung_detector_does_not_hold_up_who_wants_to_end() -> None:
    hung = Told([0])
    findings, held = Findings("in.mp4", None, always=False), HeldFrames(PLENTY, 1)

    def leave() -> None:
        with OverlappedWatch(hung, findings, held, patience_s=0.05) as ahead:
            ahead.meet(frame(0, 0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert not nobody_left()
    hung.go_on.set()
    assert wait_until(nobody_left)

"""A clip watched while the detector throws, hangs or sees nothing; a stream veiled live: when in doubt it is covered whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from passerby.errors import DetectorError, UsageError
from passerby.values import Detections, Digest, Track
from passerby.veil.detect.detector import Detector
from passerby.veil.run.file import veil_file
from passerby.veil.run.live import LiveSettings, LiveVeil, VeiledFrame, WholeReason, veil_frames
from passerby.veil.run.watch import watch
from passerby.veil.settings import CoverSettings, FindSettings, VeilSettings
from passerby.veil.tools.demo_clip import demo_clip, demo_frames
from passerby.veil.track.policy import TrackingPolicy

SIZE = (320, 192)
FILL = (255, 0, 255)
Answer = Callable[[int], Detections]


class Scripted:
    """A detector that answers as a test says, in the picture's pixels; boxes lie in the middle, so that mirrored looks agree."""

    runs_on, digest, multiple = "scripted", Digest("sha256:0"), 32
    doubt: float | None = None

    def __init__(self, answer: Answer, *, hang: bool = False) -> None:
        self.answer, self.hang, self.asked = answer, hang, 0

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        assert 0 < threshold < 1
        assert rgb.dtype == np.uint8
        future: Future[Detections] = Future()
        self.asked += 1
        if self.hang:
            return future
        try:
            found = self.answer(self.asked)
            scale = np.array([rgb.shape[1] / SIZE[0], rgb.shape[0] / SIZE[1]] * 2, np.float32)
            future.set_result(Detections(found.xyxy * scale, found.score))
        except DetectorError as error:
            future.set_exception(error)
        return future


def nothing(_: int) -> Detections:
    return Detections()


def broken(_: int) -> Detections:
    raise DetectorError("detector failed")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "in.mp4"
    demo_clip(path, 2.0, SIZE)
    return path


def test_a_detector_that_always_fails_refuses_the_file(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="failed at every look"):
        watch(clip, Scripted(broken), TrackingPolicy())
    assert list(tmp_path.iterdir()) == []


def test_frames_around_a_failed_look_are_covered_whole(clip: Path) -> None:
    def answer(count: int) -> Detections:
        if 4 <= count <= 6:  # the second picture that is looked at
            raise DetectorError("detector failed")
        return Detections()

    watched = watch(clip, Scripted(answer), TrackingPolicy(still_s=0.1))
    good = [0]
    assert watched.unjudged
    assert 0 not in watched.unjudged
    assert min(watched.unjudged) == good[0] + 1
    assert sorted(watched.unjudged) == list(range(min(watched.unjudged), max(watched.unjudged) + 1))


def test_frames_that_nothing_could_be_said_about_leave_covered(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = Detector(FindSettings())
    honest, calls = detector.infer, 0

    def sometimes(rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        nonlocal calls
        calls += 1
        if 4 <= calls <= 9:
            failed: Future[Detections] = Future()
            failed.set_exception(DetectorError("detector failed"))
            return failed
        return honest(rgb, threshold)

    monkeypatch.setattr(detector, "infer", sometimes)
    out = tmp_path / "out.mp4"
    done = veil_file(clip, out, VeilSettings(cover=CoverSettings(fill=FILL)), detector=detector)
    assert done.watched is not None
    assert done.report.whole[0].frames == len(done.watched.unjudged) > 0
    with av.open(str(out)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in done.watched.unjudged:
                assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - FILL).mean() < 12
    detector.close()


def test_every_run_makes_the_same_tracks(clip: Path) -> None:
    detector = Detector(FindSettings())
    runs = [watch(clip, detector, TrackingPolicy()).tracks for _ in range(2)]
    assert [(t.number, t.first, t.last) for t in runs[0]] == [(t.number, t.first, t.last) for t in runs[1]]
    assert all(np.allclose(a.xyxy, b.xyxy, atol=0.5) for a, b in zip(*runs, strict=True))
    detector.close()


def test_the_larger_look_comes_by_time_also_where_a_still_picture_left_turns_out(tmp_path: Path) -> None:
    """A small face that entered after 1.6 s of stillness was exposed for 1.5 s: the larger look waited for its turn."""

    class Sizes(Scripted):
        def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
            widths.append(rgb.shape[1])
            return super().infer(rgb, threshold)

    widths: list[int] = []
    path = tmp_path / "in.mp4"
    demo_clip(path, 6.0, SIZE)  # nothing moves at its beginning
    watch(path, Sizes(nothing), TrackingPolicy())
    larger, smaller = max(widths), min(widths)
    assert widths[:5] == [larger, smaller, smaller, larger, smaller]


@pytest.mark.parametrize("count", range(20, 32))
def test_tracks_end_with_a_clip_in_which_nothing_moves(tmp_path: Path, count: int) -> None:
    path = tmp_path / "still.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=SIZE[0], height=SIZE[1], pix_fmt="yuv420p")
        still = av.VideoFrame.from_ndarray(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), format="rgb24")
        for index in range(count):
            still.pts = index
            container.mux(stream.encode(still))
        container.mux(stream.encode(None))
    middle = Detections(np.array([[140, 80, 180, 120]], np.float32), np.array([0.9], np.float32))
    watched = watch(path, Scripted(lambda _: middle), TrackingPolicy(interval_s=0.16))
    assert [(track.first, track.last) for track in watched.tracks] == [(0, count - 1)]
    assert watched.tracks[0].score[-1] > 0


def test_tracks_by_hand_are_covered_instead(clip: Path, tmp_path: Path) -> None:
    detector = Detector(FindSettings())
    hand = Track(1, 3, np.tile(np.array([100, 60, 140, 100], np.float32), (5, 1)), np.zeros(5, np.float32))
    out = tmp_path / "out.mp4"
    done = veil_file(clip, out, VeilSettings(cover=CoverSettings(fill=FILL)), detector=detector, tracks=(hand,))
    assert done.report.frames_with_cover == 5
    with av.open(str(out)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            middle = frame.to_ndarray(format="rgb24")[70:90, 110:130].astype(int)
            assert (np.abs(middle - FILL).mean() < 20) == (3 <= index <= 7)
    with pytest.raises(UsageError, match="--keep names tracks that this file has not: 9"):
        veil_file(clip, tmp_path / "b.mp4", VeilSettings(cover=CoverSettings(keep=frozenset({9}))), detector=detector)
    assert not (tmp_path / "b.mp4").exists()
    detector.close()


def frames(count: int) -> Iterator[av.VideoFrame]:
    for index, (picture, _) in enumerate(demo_frames(count / 25, SIZE)):
        frame = av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGB")), format="rgb24").reformat(
            format="yuv420p"
        )
        frame.pts = index
        yield frame


def through(veil: LiveVeil, count: int) -> list[VeiledFrame]:
    out = [one for n, frame in enumerate(frames(count)) for one in veil.push(frame, n)]
    return out + veil.flush()


def whole(frame: av.VideoFrame) -> bool:
    pixels = frame.to_ndarray(format="rgb24").astype(int)
    return bool(np.abs(pixels - FILL).max(axis=2).mean() < 8)


def live(detector: Scripted, *, wait: bool = True, lookahead: int = 10) -> LiveVeil:
    told = LiveSettings(cover=CoverSettings(fill=FILL), lookahead_frames=lookahead, wait=wait)
    return LiveVeil(*SIZE, Fraction(25), detector, told)


def test_frames_come_out_once_in_order_and_late_by_the_lookahead() -> None:
    veil = live(Scripted(nothing))
    counts = [len(veil.push(frame, n)) for n, frame in enumerate(frames(25))]
    assert counts == [0] * 10 + [1] * 15
    assert [one.captured_ns for one in veil.flush()] == list(range(15, 25))


def test_a_hung_detector_covers_everything() -> None:
    out = through(live(Scripted(nothing, hang=True), wait=False), 25)
    assert len(out) == 25
    assert {one.reason for one in out} == {WholeReason.LATE}
    assert all(whole(one.picture) for one in out)


class OnDemand(Scripted):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__(nothing)
        self.waiting: list[Future[Detections]] = []

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        future = super().infer(rgb, threshold)
        late: Future[Detections] = Future()
        late.add_done_callback(lambda _: future.result())
        self.waiting.append(late)
        return late

    def say(self, found: Detections) -> None:
        for future in self.waiting:
            future.set_result(found)
        self.waiting = []


def test_what_lies_further_back_than_a_new_face_is_followed_is_covered_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector is behind, no look comes for a while, and a scene that began meanwhile is seen only later."""
    monkeypatch.setattr("passerby.veil.run.live.PATIENCE_S", 0.0)
    detector, out = OnDemand(), list[VeiledFrame]()
    veil = LiveVeil(*SIZE, 6.25, detector, LiveSettings(cover=CoverSettings(fill=FILL)))
    for number, frame in enumerate(frames(30)):
        if number in {1, 17} or number > 19:
            detector.say(nothing(0))
        if number == 19:
            detector.say(Detections(np.array([[140, 60, 180, 100]], np.float32), np.array([0.9], np.float32)))
        out += veil.push(frame, number)
    shown = {one.captured_ns for one in out if one.reason is None}
    assert shown >= {7, 8, *range(14, 19)}
    assert not shown & set(range(9, 13)), (
        "frames 9 to 12 lie between the looks at 8 and 17, which reaches 4 frames back"
    )
    assert all(len(one.faces) for one in out if one.captured_ns in range(14, 19))


def test_a_failing_detector_covers_everything_until_it_works_again() -> None:
    veil = live(Scripted(lambda count: broken(count) if count < 60 else nothing(count)))
    out = through(veil, 40)
    reasons = [one.reason for one in out]
    assert reasons[0] is WholeReason.LATE
    assert reasons[-1] is None
    assert veil.failures > 0
    assert [whole(one.picture) for one in out] == [reason is not None for reason in reasons]


def test_a_face_is_covered_before_it_was_first_seen() -> None:
    box = Detections(np.array([[140, 60, 180, 100]], np.float32), np.array([0.9], np.float32))
    veil = live(Scripted(lambda count: box if count > 3 else Detections()))
    out = through(veil, 25)
    first = next(n for n, one in enumerate(out) if len(one.faces))
    assert first < veil.interval_frames
    assert all(len(one.faces) for one in out[first:])
    assert {number for one in out for number in one.tracks} == {1}


class Late(Scripted):
    """Answers after a while, from a thread of its own."""

    def __init__(self, answer: Answer, after_s: float) -> None:
        super().__init__(answer)
        self.after_s, self.widths = after_s, list[int]()

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        self.widths.append(rgb.shape[1])
        found = super().infer(rgb, threshold)
        late: Future[Detections] = Future()
        threading.Timer(self.after_s, lambda: late.set_result(found.result())).start()
        return late


def test_a_frame_waits_a_little_for_the_look_that_it_needs() -> None:
    assert {one.reason for one in through(live(Late(nothing, 0.03), wait=False), 25)} == {None}


def test_looks_that_stay_late_are_not_waited_for_at_every_frame() -> None:
    began_s = time.monotonic()
    out = through(live(Late(nothing, 5.0), wait=False), 40)
    assert {one.reason for one in out} == {WholeReason.LATE}
    assert time.monotonic() - began_s < 4.0


def test_the_larger_look_is_taken_less_often_while_looks_are_slow() -> None:
    small = Detections(np.array([[156, 92, 164, 100]], np.float32), np.array([0.9], np.float32))
    shares = []
    for after_s in (0.0, 0.02):
        detector = Late(lambda _: small, after_s)
        veil = LiveVeil(*SIZE, 250, detector, LiveSettings(cover=CoverSettings(fill=FILL)))
        for n, frame in enumerate(frames(150)):
            veil.push(frame, n)
            time.sleep(0.004)
        shares.append(detector.widths.count(max(detector.widths)) / detector.widths.count(min(detector.widths)))
    assert shares[0] > 0.8
    assert 0.4 < shares[1] < 0.7


@given(
    phase=st.floats(0, 0.999),
    began=st.integers(0, 10**12),
    jitter=st.integers(0, 9_000_000),
    rate=st.sampled_from([12.5, 25]),
)
@settings(max_examples=25, deadline=None)
def test_streams_of_one_machine_look_on_the_beat_of_their_phase(
    phase: float, began: int, jitter: int, rate: float
) -> None:
    """Whenever the first frame came, and with a clock that is not quite even; never later than without a beat."""
    veil = LiveVeil(*SIZE, rate, Scripted(nothing), LiveSettings(cover=CoverSettings(fill=FILL), phase=phase))
    (still,) = frames(1)
    frame_ns = 1e9 / rate
    looked: list[tuple[int, float]] = []
    for n in range(60):
        captured_ns = began + round(n * frame_ns) + (jitter if n % 2 else 0)
        before = veil.looks
        veil.push(still, captured_ns)
        if veil.looks > before:
            looked.append((n, captured_ns / frame_ns / veil.interval_frames / 2))
    gaps = np.diff([n for n, _ in looked])
    assert gaps.max() <= veil.interval_frames
    assert gaps[2:].min() >= veil.interval_frames - 1
    away_frames = [
        ((beat - phase) * 2 + 0.5) % 1 * veil.interval_frames - veil.interval_frames / 2 for _, beat in looked
    ]
    assert np.abs(away_frames[3:]).max() <= 1.5


def test_cover_is_forced_and_lifted_by_the_caller_only() -> None:
    veil = live(Scripted(nothing))
    veil.cover("camera is moving")
    out = through(veil, 25)
    assert {(one.reason, one.detail) for one in out} == {(WholeReason.ASKED, "camera is moving")}
    veil.cover(None)
    assert through(veil, 25)[-1].reason is None


def test_corrupt_frames_leave_whole() -> None:
    veil = live(Scripted(nothing))
    out = [one for n, frame in enumerate(frames(20)) for one in veil.push(frame, n, corrupt=n == 7)]
    out += veil.flush()
    assert [one.captured_ns for one in out if one.reason is WholeReason.CORRUPT] == [7]
    assert whole(out[7].picture)


def test_changed_weights_cover_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Detector(FindSettings())
    veil = LiveVeil(*SIZE, 25, detector, LiveSettings(cover=CoverSettings(fill=FILL), wait=True))
    monkeypatch.setattr(detector, "_stamp", (0, 0, 0))
    monkeypatch.setattr(detector, "digest", "sha256:other")
    out = through(veil, 30)
    assert {(one.reason, one.detail) for one in out} == {
        (WholeReason.WEIGHTS, "weights centerface.onnx changed while running")
    }
    detector.close()


@pytest.mark.parametrize("cover", [CoverSettings(keep=frozenset({1}))])
def test_a_live_picture_has_no_exemptions(cover: CoverSettings) -> None:
    with pytest.raises(UsageError, match="no tracks that stay clear"):
        LiveVeil(*SIZE, 25, Scripted(nothing), LiveSettings(cover=cover))


def test_memory_of_a_stream_is_flat() -> None:
    box = Detections(np.array([[140, 60, 180, 100]], np.float32), np.array([0.9], np.float32))
    veil = live(Scripted(lambda _: box))
    kept = list(frames(25))
    for n in range(1500):
        veil.push(kept[n % 25], n)
    tracklets = [*veil._follower.active, *veil._follower.ended]
    assert len(tracklets) <= 3
    assert sum(len(piece) for tracklet in tracklets for piece in tracklet.path) < 100
    assert max(len(tracklet.hits) for tracklet in tracklets) <= 9
    assert len(veil._motions) <= 30


def test_frames_in_frames_out() -> None:
    out = list(veil_frames(frames(30), 25, VeilSettings(cover=CoverSettings(fill=FILL))))
    assert [frame.pts for frame in out] == list(range(30))
    key = [np.abs(f.to_ndarray(format="rgb24").astype(int) - FILL).max(axis=2) < 60 for f in out]
    assert 0.005 < np.mean(key) < 0.7

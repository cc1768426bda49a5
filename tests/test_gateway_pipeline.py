"""The one way that pictures go in a camera's process: whatever goes wrong, what leaves is veiled or a cover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.gateway_tools import camera
from tests.veil_tools import SIZE, Scripted, face, still

from passerby.errors import DetectorError
from passerby.gateway.clock import Clock
from passerby.gateway.messages import VeiledUnit
from passerby.gateway.picture.drawn_cover import TONE, cover_frame
from passerby.gateway.picture.scene import Scene, SceneSettings
from passerby.gateway.picture.slate import Slates
from passerby.gateway.picture.synthetic_face import is_bare
from passerby.gateway.values import CoverReason
from passerby.gateway.worker.binding import BoundVeil
from passerby.gateway.worker.faults import Faults
from passerby.gateway.worker.pipeline import START_NS, Pipeline, even_yuv420p
from passerby.gateway.worker.source import NANOSECOND, CameraFrame
from passerby.gateway.worker.veiling import Veil, WholeCover
from passerby.media import Frame, NalType, nal_type, nal_units
from passerby.values import Detections
from passerby.veil import LiveSettings, LiveVeil, VeiledFrame

SCENE = Scene(SceneSettings(320, 192, 12.5, 1))
AHEAD = 3
WALL_NS = 1_800_000_000_000_000_000
ONE_FACE = np.zeros((1, 4), np.float32)


class Covering:
    """A veil that knows where the faces are, for tests: holds back three pictures and greys the face."""

    def __init__(self) -> None:
        self.held: list[tuple[av.VideoFrame, int]] = []
        self.number = 0
        self.left = 0
        self.distrusted: list[int] = []
        self.rates: list[float] = []
        self.strain = 0.0

    def set_rate(self, rate: float) -> None:
        self.rates.append(rate)

    def distrust(self) -> None:
        self.distrusted.append(self.left + len(self.held))

    def push(self, frame: Frame) -> list[VeiledFrame[CoverReason]]:
        self.held.append((frame.picture, frame.time_ns))
        return [self.leave()] if len(self.held) > AHEAD else []

    def leave(self) -> VeiledFrame[CoverReason]:
        frame, captured_ns = self.held.pop(0)
        luma = np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8).copy()
        x0, y0, x1, y1 = (int(v) for v in SCENE.faces(self.left)[0])
        luma[y0 - 4 : y1 + 4, max(0, x0 - 4) : x1 + 4] = 100
        self.left += 1
        return VeiledFrame(av.VideoFrame.from_ndarray(luma, format="yuv420p"), captured_ns, None, ONE_FACE, (1,))

    def flush(self) -> list[VeiledFrame[CoverReason]]:
        return [self.leave() for _ in range(len(self.held))]


class Rig:
    """A pipeline with everything around it by hand."""

    def __init__(self, make_veil: Callable[[], Veil] = Covering) -> None:
        self.units: list[VeiledUnit] = []
        self.seen: list[tuple[CoverReason, bool]] = []
        self.faults = Faults(lambda reason, began, _ns, _text: self.seen.append((reason, began)))
        self.now_ns = 10**12
        self.pipeline = Pipeline(
            camera(),
            lambda *_: make_veil(),
            self.faults,
            self.units.append,
            clock=Clock(lambda: self.now_ns, lambda: WALL_NS),
        )
        self.number = 0

    def feed(self, count: int, *, corrupt: bool = False, picture: av.VideoFrame | None = None) -> None:
        for _ in range(count):
            self.now_ns += 80_000_000
            bare = picture or SCENE.frame(self.number)
            self.pipeline.take(CameraFrame.taken(bare, self.now_ns, self.now_ns, corrupt=corrupt))
            self.faults.expire(self.now_ns / 1e9)
            self.number += 1

    def pictures(self) -> list[NDArray[np.uint8]]:
        decoder = av.CodecContext.create("h264", "r")
        frames: list[av.VideoFrame] = []
        for unit in self.units:
            frames += decoder.decode(av.Packet(unit.data))
        frames += decoder.decode(None)
        return [np.asarray(f.to_ndarray(format="yuv420p"), np.uint8)[: f.height] for f in frames]


@pytest.mark.parametrize("fps", [5.0, 12.5, 30.0])
def test_a_camera_s_stream_and_its_slates_have_the_same_parameter_sets(fps: float) -> None:
    """A recording, a clip and a browser go on over a slate: at whatever rate the camera sends."""
    rig = Rig()
    for _ in range(AHEAD + 2):
        rig.feed(1)
        rig.now_ns += round(1e9 / fps)
    config = camera()
    slates = Slates().pair(320, 192, config.shown, CoverReason.WORKER, config.output)

    def sets(data: bytes) -> list[bytes]:
        return [bytes(nal) for nal in nal_units(data) if nal_type(nal) in {NalType.SPS, NalType.PPS}]

    assert len(sets(slates[0])) == 2
    assert [sets(slate) for slate in slates] == [sets(rig.units[0].data)] * 2


def bare_anywhere(picture: NDArray[np.uint8]) -> bool:
    """Whether the face of any of the first 60 pictures stands bare at its place."""
    return any(is_bare(picture, SCENE.luma(n), SCENE.shown(n, 0)) for n in range(60))


def is_cover(picture: NDArray[np.uint8]) -> bool:
    return bool(abs(float(np.median(picture)) - TONE) < 4)


def test_the_check_itself_sees_a_bare_face() -> None:
    class Open(Covering):
        def leave(self) -> VeiledFrame[CoverReason]:
            return VeiledFrame(*self.held.pop(0))

    rig = Rig(Open)
    rig.feed(10)
    assert all(bare_anywhere(p) for p in rig.pictures())


def test_pictures_leave_veiled_in_order_with_their_times() -> None:
    rig = Rig()
    rig.feed(30)
    assert len(rig.units) == 30 - AHEAD
    assert [u.whole for u in rig.units] == [None] * 27
    assert not any(bare_anywhere(p) or is_cover(p) for p in rig.pictures())
    assert np.diff([u.captured_ns for u in rig.units]).tolist() == [80_000_000] * 26
    assert rig.pipeline.counts.faces == 27


@pytest.mark.parametrize(
    "error", [DetectorError("x"), RuntimeError("x"), ValueError("x"), IndexError("x"), ZeroDivisionError()]
)
def test_veil_that_throws_is_covered_and_made_anew(error: Exception) -> None:
    class Throwing(Covering):
        def push(self, frame: Frame) -> list[VeiledFrame[CoverReason]]:
            if rig.number == 10:
                raise error
            return super().push(frame)

    rig = Rig(Throwing)
    rig.feed(40)
    assert (CoverReason.DETECTOR_DEAD, True) in rig.seen
    assert (CoverReason.DETECTOR_DEAD, False) in rig.seen
    wholes = [u.whole for u in rig.units]
    assert CoverReason.DETECTOR_DEAD in wholes
    assert wholes[-1] is None, "sound again"
    for unit, picture in zip(rig.units, rig.pictures(), strict=True):
        assert is_cover(picture) is (unit.whole is not None)


@pytest.mark.parametrize("reason", [r for r in CoverReason if r is not CoverReason.START])
def test_every_reason_covers_whole(reason: CoverReason) -> None:
    rig = Rig()
    rig.feed(8)
    rig.faults.hold(reason, rig.now_ns / 1e9, 0)
    before = len(rig.units)
    rig.feed(5)
    assert {u.whole for u in rig.units[before:]} == {reason}
    assert all(is_cover(p) for p in rig.pictures()[before:])
    rig.faults.lift(reason, rig.now_ns / 1e9)
    rig.feed(20)
    assert rig.units[-1].whole is None


@pytest.mark.parametrize("reason", CoverReason)
def test_tracks_are_believed_no_more_once_something_began_to_be_wrong(reason: CoverReason) -> None:
    veil = Covering()
    rig = Rig(lambda: veil)
    rig.feed(8)
    rig.faults.hold(reason, rig.now_ns / 1e9, 0)
    rig.feed(8)
    rig.faults.lift(reason, rig.now_ns / 1e9)
    rig.feed(30)
    assert veil.distrusted == [8]


def test_tracks_are_believed_no_more_where_pictures_are_missing() -> None:
    veil = Covering()
    rig = Rig(lambda: veil)
    rig.feed(8)
    rig.pipeline.take(CameraFrame.taken(SCENE.frame(8), rig.now_ns + 1, rig.now_ns + 1, after_gap=True))
    rig.feed(8)
    assert veil.distrusted == [8]


def test_damaged_pictures_leave_covered_although_they_leave_later() -> None:
    rig = Rig()
    rig.feed(10)
    rig.feed(2, corrupt=True)
    rig.feed(40)
    wholes = [u.whole for u in rig.units]
    assert wholes[10] is CoverReason.CORRUPT
    assert wholes[11] is CoverReason.CORRUPT
    assert wholes[-1] is None


@pytest.mark.parametrize(
    "broken",
    [
        lambda _: av.VideoFrame(640, 192, "yuv420p"),
        lambda frame: frame.reformat(format="rgb24"),
        lambda frame: frame.reformat(width=160, height=96),
    ],
)
def test_picture_of_another_kind_from_the_veil_is_covered(broken: Callable[[av.VideoFrame], av.VideoFrame]) -> None:
    class Odd(Covering):
        def leave(self) -> VeiledFrame[CoverReason]:
            frame, captured_ns = self.held.pop(0)
            return VeiledFrame(broken(frame), captured_ns)

    rig = Rig(Odd)
    rig.feed(8)
    assert {u.whole for u in rig.units} == {CoverReason.DETECTOR_DEAD}
    assert all(is_cover(p) for p in rig.pictures())


def test_another_size_is_covered_and_goes_on() -> None:
    rig = Rig()
    rig.feed(8)
    large = Scene(SceneSettings(640, 384, 12.5, 0)).frame(0)
    rig.feed(20, picture=large)
    assert (CoverReason.FORMAT, True) in rig.seen
    assert rig.pipeline.size == (640, 384)
    sizes = {picture.shape for picture in rig.pictures()}
    assert sizes == {(192, 320), (384, 640)}


def test_silence_is_covered_twice_a_second() -> None:
    rig = Rig()
    for _ in range(20):
        rig.now_ns += 100_000_000
        rig.pipeline.idle(CoverReason.NO_PICTURE)
    assert len(rig.units) in {4, 5}
    assert {u.whole for u in rig.units} == {CoverReason.NO_PICTURE}


def test_end_of_connection_lets_out_what_was_held_veiled() -> None:
    rig = Rig()
    rig.feed(8)
    rig.pipeline.finish()
    assert len(rig.units) == 8
    assert not any(bare_anywhere(p) for p in rig.pictures())


def test_end_of_connection_is_no_fault_of_the_detector() -> None:
    class Unjudged(Covering):
        def flush(self) -> list[VeiledFrame[CoverReason]]:
            return [replace(one, reason=CoverReason.DETECTOR_BEHIND) for one in super().flush()]

    rig = Rig(Unjudged)
    rig.feed(8)
    rig.pipeline.finish()
    assert [unit.whole for unit in rig.units] == [None] * 5 + [CoverReason.NO_PICTURE] * 3
    assert not rig.pipeline.behind


class LateAtFirst(Covering):
    """A veil whose detector is late for its first pictures."""

    late = 6

    def leave(self) -> VeiledFrame[CoverReason]:
        one = super().leave()
        return replace(one, reason=CoverReason.DETECTOR_BEHIND) if self.left <= self.late else one


def test_a_process_that_is_late_with_its_first_looks_is_starting() -> None:
    rig = Rig(LateAtFirst)
    rig.feed(20)
    assert [unit.whole for unit in rig.units] == [CoverReason.START] * 6 + [None] * 11
    assert all(is_cover(picture) for picture in rig.pictures()[:6])
    # later, a new connection of the same process has no such excuse
    rig.feed(60)
    before = len(rig.units)
    rig.pipeline.begin()
    rig.feed(10)
    assert CoverReason.DETECTOR_BEHIND in {unit.whole for unit in rig.units[before:]}
    assert CoverReason.START not in {unit.whole for unit in rig.units[before:]}


def test_a_process_whose_detector_stays_late_does_not_start_for_ever() -> None:
    class Late(LateAtFirst):
        late = 1000

    rig = Rig(Late)
    rig.feed(100)
    wholes = [unit.whole for unit in rig.units]
    assert wholes[0] is CoverReason.START
    assert wholes[-1] is CoverReason.DETECTOR_BEHIND
    assert wholes.index(CoverReason.DETECTOR_BEHIND) == -(-START_NS // 80_000_000) - AHEAD


def test_two_people_who_come_after_each_other_count_as_two_tracks() -> None:
    """The public count was too low: both were track 1, for no track was left when the second came."""

    def one_after_the_other(count: int) -> Detections:
        return face(140, 20, 180, 60) if count <= 6 else Detections() if count <= 20 else face(140, 120, 180, 160)

    veil = LiveVeil(*SIZE, 12.5, Scripted(one_after_the_other), LiveSettings(wait=True))
    rig = Rig(lambda: BoundVeil(veil))
    for _ in range(150):
        rig.feed(1, picture=still())
    assert rig.pipeline.counts.tracks == 2
    assert rig.pipeline.counts.faces > 20


def test_stand_in_covers_everything() -> None:
    veil = WholeCover("Hall", CoverReason.START)
    out = veil.push(Frame(0, 7, NANOSECOND, SCENE.frame(0), corrupt=False))
    assert (out[0].reason, out[0].captured_ns) == (CoverReason.START, 7)
    assert is_cover(np.asarray(out[0].picture.to_ndarray(format="yuv420p"), np.uint8)[:192])
    assert veil.flush() == []


@pytest.mark.parametrize("layout", ["yuvj420p", "yuv422p", "yuv444p", "rgb24", "gray", "yuv420p10le", "nv12"])
def test_every_layout_becomes_the_encoders(layout: str) -> None:
    made = even_yuv420p(SCENE.frame(0).reformat(format=layout))
    assert (made.format.name, made.width, made.height) == ("yuv420p", 320, 192)


def test_odd_sizes_lose_a_row_not_their_shape() -> None:
    odd = av.VideoFrame.from_ndarray(np.zeros((93, 161, 3), np.uint8), format="rgb24")
    made = even_yuv420p(odd)
    assert (made.width, made.height) == (160, 92)


def test_cover_says_why() -> None:
    pictures = {
        reason: np.asarray(cover_frame(320, 192, "Hall", reason).to_ndarray(format="yuv420p"), np.uint8)
        for reason in CoverReason
    }
    assert len({picture.tobytes() for picture in pictures.values()}) == len(CoverReason)

"""A stream veiled live: what cannot be judged in time is covered whole, and track numbers never come back."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.veil_tools import FILL, SIZE, Answer, OnDemand, Scripted, bare, broken, face, nothing, pictures, still

from passerby.errors import UsageError
from passerby.values import Detections
from passerby.veil.run.camera import veil_frames
from passerby.veil.run.known_sizes import Company
from passerby.veil.run.live import LiveSettings, LiveVeil
from passerby.veil.run.veiled import VeiledFrame, WholeReason
from passerby.veil.settings import CoverSettings, VeilSettings
from passerby.veil.track.policy import LIVE

COVER = CoverSettings(fill=FILL)


def through(veil: LiveVeil, count: int) -> list[VeiledFrame[WholeReason]]:
    out = [one for n, picture in enumerate(pictures(count)) for one in veil.push(bare(picture, n))]
    return out + veil.flush()


def whole(picture: av.VideoFrame) -> bool:
    pixels = picture.to_ndarray(format="rgb24").astype(int)
    return bool(np.abs(pixels - FILL).max(axis=2).mean() < 8)


def live(detector: Scripted, *, wait: bool = True, lookahead: int = 10, patience_s: float = 0.1) -> LiveVeil:
    told = LiveSettings(cover=COVER, lookahead_frames=lookahead, wait=wait, patience_s=patience_s)
    return LiveVeil(*SIZE, Fraction(25), detector, told)


def test_frames_come_out_once_in_order_and_late_by_the_lookahead() -> None:
    veil = live(Scripted(nothing))
    counts = [len(veil.push(bare(picture, n))) for n, picture in enumerate(pictures(25))]
    assert counts == [0] * 10 + [1] * 15
    assert [one.captured_ns for one in veil.flush()] == list(range(15, 25))


@pytest.mark.parametrize("answer", [lambda _: face(140, 60, 180, 100), broken], ids=["found", "failing"])
def test_memory_of_a_stream_is_flat(answer: Answer) -> None:
    """A stream runs for months: no frame is kept beyond the look-ahead, whatever the detector does."""
    veil, shown = live(Scripted(answer)), list(pictures(300))
    alone = sys.getrefcount(shown[0])
    for number, picture in enumerate(shown):
        veil.push(bare(picture, number))
    del picture
    gc.collect()  # what an exception held is let go
    kept = [number for number in range(300) if sys.getrefcount(shown[number]) > alone]
    assert kept == list(range(290, 300))


def test_a_hung_detector_covers_everything() -> None:
    out = through(live(Scripted(nothing, hang=True), wait=False), 25)
    assert len(out) == 25
    assert {one.reason for one in out} == {WholeReason.LATE}
    assert all(whole(one.picture) for one in out)


def test_what_lies_further_back_than_a_new_face_is_extrapolated_is_covered_whole() -> None:
    """The detector is behind, no pass comes for a while, and a scene that began meanwhile is inferred only later."""
    detector, out = OnDemand(), list[VeiledFrame[WholeReason]]()
    veil = LiveVeil(*SIZE, 6.25, detector, LiveSettings(cover=COVER, patience_s=0.0))
    for number, picture in enumerate(pictures(30)):
        if number in {1, 14} or number > 16:
            detector.say(nothing(0))
        if number == 16:
            detector.say(face(140, 60, 180, 100))
        out += veil.push(bare(picture, number))
    shown = {one.captured_ns for one in out if one.reason is None}
    assert shown >= {6, 7, 8, *range(11, 19)}
    assert not shown & {9}, "frame 9 lies between the passes at 8 and 14, from which 4 frames are extrapolated back"
    assert all(len(one.faces) for one in out if one.captured_ns in range(11, 16))


def test_a_failing_detector_covers_everything_until_it_works_again() -> None:
    veil = live(Scripted(lambda count: broken(count) if count < 60 else nothing(count)))
    out = through(veil, 40)
    reasons = [one.reason for one in out]
    assert reasons[0] is WholeReason.LATE
    assert reasons[-1] is None
    assert veil.failures > 0
    assert [whole(one.picture) for one in out] == [reason is not None for reason in reasons]


def test_a_face_is_covered_before_it_was_first_detected() -> None:
    veil = live(Scripted(lambda count: face(140, 60, 180, 100) if count > 3 else Detections()))
    out = through(veil, 25)
    first = next(n for n, one in enumerate(out) if len(one.faces))
    assert first < veil.interval_frames
    assert all(len(one.faces) for one in out[first:])
    assert {number for one in out for number in one.tracks} == {1}


def test_a_stream_covers_heads_where_it_is_told_to() -> None:
    hidden = []
    for heads in (False, True):
        told = LiveSettings(cover=replace(COVER, heads=heads), wait=True)
        out = through(LiveVeil(*SIZE, Fraction(25), Scripted(lambda _: face(140, 60, 180, 100)), told), 15)
        rows = out[-1].picture.to_ndarray(format="rgb24").astype(int)[80]
        hidden.append(int((np.abs(rows - FILL).max(axis=1) < 8).sum()))
        assert {one.reason for one in out} == {None}
    assert 40 <= hidden[0] < 72 <= hidden[1] <= 80, "40 pixels of face, and 1.8 times as many of head"


def test_a_face_that_is_hidden_in_part_is_covered_as_wide_as_it_was() -> None:
    """The detector's box shrinks to the half that shows beside a post, and its margin with it."""

    def behind_a_post(count: int) -> Detections:
        return face(140, 60, 180, 110) if count <= 12 else face(150, 60, 170, 110)

    veil = live(Scripted(behind_a_post))
    out = [one for n in range(120) for one in veil.push(bare(still(), n))]
    wide = [float(one.faces[0, 2] - one.faces[0, 0]) for one in out if len(one.faces)]
    assert max(wide) < 50
    assert min(wide[:60]) > 35
    assert wide[-1] < 32, "who really became smaller is covered so in the end"
    assert all(later <= before + 0.5 for before, later in pairwise(wide[20:]))


def test_two_people_who_are_never_in_the_picture_together_are_two_tracks() -> None:
    """Numbers were the highest of the tracks still alive, and one: the second of them was track 1 as well."""

    def one_after_the_other(count: int) -> Detections:
        return face(140, 20, 180, 60) if count <= 6 else Detections() if count <= 40 else face(140, 120, 180, 160)

    veil = live(Scripted(one_after_the_other))
    out = [one for n in range(200) for one in veil.push(bare(still(), n))]
    assert {number for one in out for number in one.tracks} == {1, 2}
    assert any(not one.tracks for one in out)


class Timed(Scripted):
    """Answers each pass so many frames after it was asked, with the face or without it."""

    def __init__(self) -> None:
        super().__init__(nothing)
        self.sees, self.late_frames, self.now = True, 0, 0
        self.waiting: list[tuple[int, Future[Detections], Detections]] = []

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        self.answer = lambda _: face(140, 60, 180, 100) if self.sees else Detections()
        found, late = super().infer(rgb, threshold).result(), Future[Detections]()
        self.waiting.append((self.now + self.late_frames, late, found))
        return late

    def go_on(self, now: int) -> None:
        """Answer what is due at a frame."""
        self.now = now
        for due, late, found in self.waiting:
            if due <= now and not late.done():
                late.set_result(found)


Break = Callable[[LiveVeil, Timed], bool]
"""Does what it does before a frame, and returns whether that is damaged."""


def no_break(_: LiveVeil, __: Timed) -> bool:
    return False


def damaged(_: LiveVeil, __: Timed) -> bool:
    return True


def told(veil: LiveVeil, _: Timed) -> bool:
    veil.distrust()
    return False


BREAKS: dict[str, Break] = {"start": no_break, "gap": no_break, "damage": damaged, "told": told}


def after_break(cause: str, passes: Sequence[tuple[bool, int]]) -> list[VeiledFrame[WholeReason]]:
    """Return what left of a stream in which somebody stands, from a break on.

    Args:
        cause: Of the break; before it nobody is seen.
        passes: Of each pass since the break: whether it sees who stands there, and after how many frames it ends.
    """
    detector, out = Timed(), list[VeiledFrame[WholeReason]]()
    veil = LiveVeil(*SIZE, 12.5, detector, LiveSettings(cover=COVER, patience_s=0.0))
    begin = 0 if cause == "start" else 15
    asked = 0
    for number in range(begin + 55):
        at_break = number == begin
        detector.sees, detector.late_frames = False, 0
        if number >= begin:
            asked = veil.passes if at_break else asked
            detector.sees, detector.late_frames = passes[min(veil.passes - asked, len(passes) - 1)]
        detector.go_on(number)
        corrupt = at_break and BREAKS[cause](veil, detector)
        time_ns = number * 80_000_000 + (3_000_000_000 if cause == "gap" and number >= begin else 0)
        out += veil.push(bare(still(), time_ns, corrupt=corrupt))
    return out[begin:]


@pytest.mark.parametrize("cause", BREAKS)
@given(passes=st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=6))
@settings(max_examples=12, deadline=None)
@example(passes=[(False, 0), (True, 7)])
@example(passes=[(False, 9), (True, 0), (True, 9)])
def test_after_a_break_one_pass_is_not_enough(cause: str, passes: list[tuple[bool, int]]) -> None:
    """Where no two passes in a row miss somebody, he is covered in every frame that is not covered whole."""
    seen = [one for one, _ in passes]
    assume(all(seen[at] or seen[at + 1] for at in range(len(seen) - 1)))
    out = after_break(cause, [*passes, (True, 0)])
    assert all(len(one.faces) for one in out if one.reason is None)
    assert out[-1].reason is None, "passes agree in the end"


def test_after_a_break_passes_that_agree_in_time_cost_no_picture() -> None:
    for cause in ("start", "gap", "told"):
        assert {one.reason for one in after_break(cause, [(True, 2)])} == {None}
    out = after_break("damage", [(True, 2)])
    assert [one.reason for one in out] == [WholeReason.CORRUPT, *[None] * (len(out) - 1)]


def standing(*lefts: float) -> Detections:
    """Return faces of 30 pixels at these places; places that lie evenly in the picture are the same mirrored."""
    rows = np.array([(x, 80, x + 30, 110) for x in lefts], np.float32).reshape(-1, 4)
    return Detections(rows, np.full(len(rows), 0.9, np.float32))


@pytest.mark.parametrize("before", [3, 2])
def test_after_a_break_less_is_asked_of_a_face_while_somebody_is_missing(before: int) -> None:
    """One of three is half hidden and scores too little: he is covered where three were seen before, but not for ever."""
    found = replace(standing(40, 145, 250), score=np.array([0.9, 0.07, 0.9], np.float32))
    company, out = Company(before, 0), list[VeiledFrame[WholeReason]]()
    veil = LiveVeil(*SIZE, 12.5, Scripted(lambda _: found), LiveSettings(cover=COVER), company=company)
    for number in range(180):
        out += veil.push(bare(still(), number * 80_000_000))
    counts = [len(one.faces) for one in out if one.reason is None]
    assert (counts[10], counts[-1]) == (before, 2)


def test_how_many_were_seen_is_known_to_the_veil_that_follows() -> None:
    company = Company()
    through(
        LiveVeil(*SIZE, 12.5, Scripted(lambda _: standing(40, 145, 250)), LiveSettings(cover=COVER), company=company),
        20,
    )
    assert company.lately == 3


def test_after_a_break_covers_begin_wide() -> None:
    """Nobody knows how large anybody was who stands behind another now: what shows of him would be all that is covered."""
    wide = [float(one.faces[0, 2] - one.faces[0, 0]) for one in after_break("gap", [(True, 2)]) if len(one.faces)]
    assert wide[0] > 1.3 * 40
    assert wide[-1] < 0.85 * wide[0]


def test_passes_that_never_agree_are_believed_after_as_many_as_a_face_may_be_missed_in() -> None:
    out = after_break("start", [(False, 0), (True, 0)] * 6)
    reasons = [one.reason for one in out]
    assert reasons[0] is WholeReason.UNSURE
    assert None in reasons[: (LIVE.max_age + 2) * 6]


def test_where_a_pass_was_left_out_passes_must_agree_anew() -> None:
    """The detector hangs for a second and a half; then it sees nobody, and then, too late, somebody."""
    detector, out = Timed(), list[VeiledFrame[WholeReason]]()
    veil = LiveVeil(*SIZE, 12.5, detector, LiveSettings(cover=COVER, patience_s=0.0))
    hung = range(30, 50)
    since: int | None = None
    for number in range(90):
        detector.sees, detector.late_frames = number > 55, 0
        if number in hung:
            detector.late_frames = 50 - number
        elif number > 55 and since is None:
            detector.late_frames = 7
        before = veil.passes
        detector.go_on(number)
        out += veil.push(bare(still(), number * 80_000_000))
        since = number if number > 55 and veil.passes > before and since is None else since
    bared = [n for n, one in enumerate(out) if one.reason is None and not len(one.faces)]
    assert not [n for n in bared if n > 36], "nobody is believed to be away after the hang until two passes say so"


class Late(Scripted):
    """Answers after a while, from a thread of its own."""

    def __init__(self, answer: Answer, after_s: float) -> None:
        super().__init__(answer)
        self.after_s = after_s

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        found = super().infer(rgb, threshold)
        late: Future[Detections] = Future()
        timer = threading.Timer(self.after_s, lambda: late.set_result(found.result()))
        timer.daemon = True
        timer.start()
        return late


def test_a_frame_waits_a_little_for_the_pass_that_it_needs() -> None:
    assert {one.reason for one in through(live(Late(nothing, 0.03), wait=False, patience_s=20), 25)} == {None}


def test_passes_that_stay_late_are_not_waited_for_at_every_frame() -> None:
    began_s = time.monotonic()
    out = through(live(Late(nothing, 600.0), wait=False, patience_s=0.5), 40)
    assert {one.reason for one in out} == {WholeReason.LATE}
    assert time.monotonic() - began_s < 10.0, "at every frame it would be 15"


def test_the_larger_pass_is_taken_less_often_while_passes_are_slow() -> None:
    shares = []
    for policy in (LIVE, replace(LIVE, slow_share=-1.0, quick_share=-1.0)):  # however quick, it is slow
        detector = Scripted(lambda _: face(156, 92, 164, 100))
        veil = LiveVeil(*SIZE, 25, detector, LiveSettings(cover=COVER, policy=policy))
        for n, picture in enumerate(pictures(150)):
            veil.push(bare(picture, n))
        shares.append(detector.widths.count(max(detector.widths)) / detector.widths.count(min(detector.widths)))
    assert shares[0] > 0.8
    assert 0.4 < shares[1] < 0.7


def test_at_a_lower_rate_passes_come_less_often_and_no_frame_is_lost() -> None:
    detector = Scripted(lambda _: face(140, 60, 180, 100))
    veil = LiveVeil(*SIZE, 12.5, detector, LiveSettings(cover=COVER, patience_s=0.0))
    out, gaps, time_ns = list[VeiledFrame[WholeReason]](), list[float](), 0
    for rate in (12.5, 6.25, 3.125, 12.5):
        veil.set_rate(rate)
        asked = veil.passes
        for _ in range(48):
            time_ns += round(1e9 / rate)
            out += veil.push(bare(still(), time_ns))
        gaps.append(48 / rate / (veil.passes - asked))
    assert gaps == pytest.approx([0.48, 0.96, 0.96, 0.48], rel=0.15)
    assert len(out) == 4 * 48 - 10
    assert {one.reason for one in out} == {None}, "a change of rate is no gap"
    assert {number for one in out for number in one.tracks} == {1}


def test_strain_says_how_near_passes_are_to_being_late() -> None:
    detector = Timed()
    veil = LiveVeil(*SIZE, 12.5, detector, LiveSettings(cover=COVER, patience_s=0.0))
    assert veil.strain == 0
    detector.late_frames = 1000
    veil.push(bare(still(), 0))
    asked_s, told = [], []
    for _ in range(2):
        asked_s.append(time.monotonic())
        told.append(veil.strain)
        asked_s.append(time.monotonic())
        while time.monotonic() - asked_s[0] < 0.16:
            pass
    least_s, most_s = asked_s[2] - asked_s[1], asked_s[3] - asked_s[0]
    assert least_s / (4 * 0.08) <= told[1] - told[0] + 1e-9
    assert told[1] - told[0] <= most_s / (4 * 0.08) + 1e-9


@given(
    offset=st.floats(0, 0.999),
    began=st.integers(0, 10**12),
    jitter=st.integers(0, 9_000_000),
    rate=st.sampled_from([12.5, 25]),
)
@settings(max_examples=25, deadline=None)
def test_streams_of_one_machine_keep_their_offset(offset: float, began: int, jitter: int, rate: float) -> None:
    """Whenever the first frame came, and with a clock that is not quite even; never later than without an offset."""
    veil = LiveVeil(*SIZE, rate, Scripted(nothing), LiveSettings(cover=COVER, cycle_offset=offset))
    (picture,) = pictures(1)
    frame_ns = 1e9 / rate
    inferred: list[tuple[int, float]] = []
    for n in range(60):
        captured_ns = began + round(n * frame_ns) + (jitter if n % 2 else 0)
        before = veil.passes
        veil.push(bare(picture, captured_ns))
        if veil.passes > before:
            inferred.append((n, captured_ns / frame_ns / veil.interval_frames / 2))
    gaps = np.diff([n for n, _ in inferred])
    assert gaps.max() <= veil.interval_frames
    assert gaps[2:].min() >= veil.interval_frames - 1
    away_frames = [
        ((step - offset) * 2 + 0.5) % 1 * veil.interval_frames - veil.interval_frames / 2 for _, step in inferred
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
    out = [
        one for n, picture in enumerate(pictures(20)) for one in veil.push(bare(picture, n, corrupt=n == 7))
    ] + veil.flush()
    assert [one.captured_ns for one in out if one.reason is WholeReason.CORRUPT] == [7]
    assert whole(out[7].picture)


def test_changed_weights_cover_a_stream() -> None:
    out = through(live(Scripted(nothing, weights="weights x.onnx changed while running")), 30)
    assert {(one.reason, one.detail) for one in out} == {(WholeReason.WEIGHTS, "weights x.onnx changed while running")}


@pytest.mark.parametrize("cover", [CoverSettings(keep=frozenset({1}))])
def test_a_live_picture_has_no_exemptions(cover: CoverSettings) -> None:
    with pytest.raises(UsageError, match="no tracks that stay clear"):
        LiveVeil(*SIZE, 25, Scripted(nothing), LiveSettings(cover=cover))


def test_frames_in_frames_out() -> None:
    out = list(veil_frames(pictures(30), 25, VeilSettings(cover=COVER)))
    assert [picture.pts for picture in out] == list(range(30))
    key = [np.abs(picture.to_ndarray(format="rgb24").astype(int) - FILL).max(axis=2) < 60 for picture in out]
    assert 0.005 < np.mean(key) < 0.7

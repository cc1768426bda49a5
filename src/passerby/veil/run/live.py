"""Veils a stream as it comes: frames go in, and come out covered a fixed number of frames later.

The look-ahead is what lets a face be covered in frames before the one in which it was first seen. A frame leaves bare of cover
only where the detector has judged a frame at or after it; whatever it could not judge in time leaves covered whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import partial

import av
import numpy as np

from passerby.boxes import inflate
from passerby.errors import DetectorError, UsageError, WeightsError
from passerby.media import scaled_rgb
from passerby.values import EMPTY_BOXES, Boxes
from passerby.veil.cover import Painter
from passerby.veil.detect import Detector, FaceDetector, PendingPasses, start_passes
from passerby.veil.settings import CoverSettings, VeilSettings
from passerby.veil.track import (
    CALM_TURNS,
    GROWTH_PER_S,
    LIVE,
    SLOW_TURNS,
    Fine,
    Follower,
    Motion,
    MotionMeter,
    TrackingPolicy,
    Tracklet,
    back_fill,
    fine_copy,
    follows_small,
    grey_copy,
    passes_for_cycle,
)

WEIGHTS_CHECK_S = 2.0
"""Seconds between looks at the weights file's time and size."""
LOOK_SHARE = 0.6
"""A look comes at least every this share of the look-ahead, so that its result is there when the first frame must leave."""
PATIENCE_S = 0.1
"""Longest time that a frame which must leave waits for the look that it needs, once for each look."""
SLOW_SHARE = 0.5
"""Looks are slow when they take this share of the time between them, ..."""
QUICK_SHARE = 0.3
"""... and no longer slow below this share."""


class WholeReason(StrEnum):
    """Why a frame of a stream leaves covered whole; the values are the words for people."""

    CORRUPT = "corrupt"
    """The decoder had to guess."""
    LATE = "not judged in time"
    WEIGHTS = "weights changed"
    """The weights file is not the one that was opened; ``VeiledFrame.detail`` says how."""
    ASKED = "asked for"
    """By ``LiveVeil.cover``; ``VeiledFrame.detail`` holds what was said there."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a stream is veiled.

    Attributes:
        cover: How faces are covered; ``keep`` and ``exclude_zones`` must be empty: a live picture has no exemptions.
        lookahead_frames: Frames that are held back, 1 and more.
        rules: How often to look and what counts as a face.
        wait: Wait for the detector instead of covering whole; for streams that are not live.
        phase: When to look, as a share of two intervals between looks, 0 to 1, by the clock of ``captured_ns``; streams of one
            machine that have different ones take turns. None: whenever the first frame comes.
    """

    cover: CoverSettings = field(default_factory=CoverSettings)
    lookahead_frames: int = 10
    rules: TrackingPolicy = LIVE
    wait: bool = False
    phase: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class VeiledFrame:
    """A frame that may be shown.

    Attributes:
        picture: Covered, in place.
        captured_ns: As given to ``push``.
        reason: Why it is covered whole; None where it is not.
        faces: Boxes covered in it, shape (N, 4), pixels, without margin.
        tracks: Number of the track of each box, shape (N,); means nothing outside this stream.
        detail: A sentence on the reason, or empty.
    """

    picture: av.VideoFrame
    captured_ns: int
    reason: WholeReason | None
    faces: Boxes
    tracks: tuple[int, ...]
    detail: str = ""


@dataclass(slots=True, eq=False)
class _Held:
    index: int
    picture: av.VideoFrame
    captured_ns: int
    motion: Motion | None
    fine: Fine | None
    reason: WholeReason | None
    pending: PendingPasses | None = None
    larger: bool = False
    awaited: bool = False


class LiveVeil:
    """Veils one stream of one size.

    Args:
        width: Of the frames, pixels.
        height: Of the frames, pixels.
        rate: Frames a second, roughly.
        detector: Finds faces. May be shared between streams of one process.
        settings: How.

    Raises:
        UsageError: a setting that a live picture cannot have.
    """

    def __init__(
        self,
        width: int,
        height: int,
        rate: Fraction | float,
        detector: FaceDetector,
        settings: LiveSettings | None = None,
    ) -> None:
        self.settings = settings or LiveSettings()
        if self.settings.cover.keep or self.settings.cover.exclude_zones:
            raise UsageError("a live picture has no tracks that stay clear and no exclude zones")
        if self.settings.lookahead_frames < 1:
            raise UsageError(f"lookahead must be 1 frame or more, got {self.settings.lookahead_frames}")
        self._size, self._rate, self._detector = (width, height), max(float(rate), 1.0), detector
        self._painter = Painter(self.settings.cover, width, height)
        self._meter = MotionMeter(width, height)
        self._follower = Follower(self._meter, self.settings.rules.max_age)
        wanted = self.settings.rules.interval_frames(Fraction(self._rate))
        self.interval_frames = max(1, min(wanted, int(self.settings.lookahead_frames * LOOK_SHARE)))
        self._reach = max(self.interval_frames, round(self.settings.rules.extrapolate_s * self._rate))
        self._held: deque[_Held] = deque()
        self._unfollowed: deque[_Held] = deque()
        self._motions: dict[int, Motion | None] = {}
        self._numbers: dict[int, tuple[Tracklet, int]] = {}
        self._next_index, self._next_look, self._turn, self._judged = 0, 0, 0, -1
        self._next_weights_check = 0
        self._forced: tuple[WholeReason, str] | None = None
        self._slow = False
        self.looks = self.failures = 0

    @property
    def delay_frames(self) -> int:
        """Frames between going in and coming out."""
        return self.settings.lookahead_frames

    def cover(self, reason: str | None) -> None:
        """Cover every frame that leaves from now on whole, until called with None. The reason is for people."""
        self._forced = None if reason is None else (WholeReason.ASKED, reason)

    def push(self, picture: av.VideoFrame, captured_ns: int, *, corrupt: bool = False) -> list[VeiledFrame]:
        """Take a frame in, and give out the one whose look-ahead is over.

        Args:
            picture: Decoded; it is made writable and covered in place when it leaves.
            captured_ns: When it was taken; passed through.
            corrupt: The decoder had to guess; it leaves covered whole.

        Returns:
            No frame while the look-ahead fills, then one for each one taken in.
        """
        grey = grey_copy(picture)
        motion = self._meter.measure(grey)
        damaged = WholeReason.CORRUPT if corrupt else None
        held = _Held(self._next_index, picture, captured_ns, motion, fine_copy(picture), damaged)
        self._next_index += 1
        self._motions[held.index] = motion
        self._begin_look(held)
        self._held.append(held)
        self._unfollowed.append(held)
        self._check_weights(held.index)
        self._follow()
        return [self._leave()] if len(self._held) > self.settings.lookahead_frames else []

    def flush(self) -> list[VeiledFrame]:
        """Give out what is held back: the stream is over. Frames that were not judged leave covered whole."""
        if self._held and self._held[-1].pending is None and self.settings.wait:
            self._start(self._held[-1])
        self._follow()
        frames = []
        while self._held:
            frames.append(self._leave())
        return frames

    def _begin_look(self, held: _Held) -> None:
        cut = held.motion is None or held.motion.cut
        if held.index < self._next_look and not cut:
            return
        under_way = sum(1 for one in self._unfollowed if one.pending is not None)
        if under_way >= 2 and not self.settings.wait:
            return  # the detector is behind: a further look would only come later still
        self._start(held)
        self._keep_time(held)

    def _keep_time(self, held: _Held) -> None:
        """Let the next look come sooner, never later, where looks have left their beat.

        The beat is one of the clock that all streams of a machine share, and the same for all that have about one rate.
        """
        if self.settings.phase is None:
            return
        frame_ns = 1e9 / (round(2 * self._rate) / 2)
        beat_ns = self.interval_frames * frame_ns
        beats, since_ns = divmod(held.captured_ns + frame_ns / 2 - self.settings.phase * SLOW_TURNS * beat_ns, beat_ns)
        late_frames = int(since_ns / frame_ns)
        if late_frames < self.interval_frames - 1:
            # a frame before the beat is as good as on it: else a jitter of the clock would call for a look at once
            self._next_look -= late_frames
        else:
            beats += 1
        self._turn += int(self._turn + beats + 1) % SLOW_TURNS

    def _start(self, held: _Held) -> None:
        small = self._judged < 0 or follows_small(self._follower.active, max(self._size))
        every = CALM_TURNS if not small else SLOW_TURNS if self._slow else 1
        looks = passes_for_cycle(self._turn, *self._size, thorough=False, larger_every=every)
        scaled = partial(scaled_rgb, held.picture)
        held.larger = len(looks) > 1
        held.pending = start_passes(self._detector, looks, scaled, self._size, self.settings.rules.lowest)
        self._turn += 1
        self._next_look = held.index + self.interval_frames
        self.looks += 1

    def _follow(self) -> None:
        """Follow up to the last look that has ended."""
        while True:
            looked = next((one for one in self._unfollowed if one.pending is not None), None)
            if looked is None or looked.pending is None or not (self.settings.wait or looked.pending.done()):
                return
            found = None
            try:
                found = looked.pending.result()
            except DetectorError:
                self.failures += 1
            self._note_speed(looked)
            looked.pending = None
            if found is None:
                self._next_look = min(self._next_look, self._next_index)
                continue
            while self._unfollowed and self._unfollowed[0].index <= looked.index:
                step = self._unfollowed.popleft()
                self._follower.step(step.motion, step.fine)
                step.fine = None
            self._follower.see(looked.index, found)
            self._cover_gap(self._judged, looked.index)
            self._judged = looked.index

    def _cover_gap(self, before: int, now: int) -> None:
        """Cover what lies further before a look than a new face is followed back, where the look before it was too long ago."""
        for held in self._held:
            if before < held.index < now - self._reach and held.reason is None:
                held.reason = WholeReason.LATE

    def _note_speed(self, looked: _Held) -> None:
        """Look larger less often when looks take more than half of the time between them: late ones are no use."""
        if looked.pending is None or not looked.larger:
            return
        share = looked.pending.took_s * self._rate / self.interval_frames
        self._slow = not self.settings.wait and share > (QUICK_SHARE if self._slow else SLOW_SHARE)

    def _await_look(self, index: int) -> None:
        """Give the look that a frame needs a little more time, once for each look."""
        looked = next((one for one in self._unfollowed if one.pending is not None), None)
        if looked is None or looked.pending is None or looked.index < index or looked.awaited:
            return
        looked.awaited = True
        if looked.pending.done(PATIENCE_S):
            self._follow()

    def _leave(self) -> VeiledFrame:
        held = self._held.popleft()
        reason, detail = self._forced or (held.reason, "")
        if reason is None and self._judged < held.index:
            self._await_look(held.index)
            if self._judged < held.index:
                reason = WholeReason.LATE
        boxes, numbers = (EMPTY_BOXES, ()) if reason else self._boxes_at(held.index)
        held.picture.make_writable()
        self._painter.paint(held.picture, boxes, whole=reason is not None)
        self._forget(held.index)
        return VeiledFrame(held.picture, held.captured_ns, reason, boxes, numbers, detail)

    def _boxes_at(self, index: int) -> tuple[Boxes, tuple[int, ...]]:
        rules, reach = self.settings.rules, self._reach
        growth = GROWTH_PER_S / self._rate
        boxes, numbers = [], []
        for tracklet in (*self._follower.active, *self._follower.ended):
            if not rules.is_face(tracklet, max(self._size)):
                continue
            if index < tracklet.hits[0][0]:
                box = self._before(tracklet, index, reach, growth)
            else:
                box = tracklet.box_at(index)
                since = index - tracklet.hits[-1][0]
                if since > 0 and len(box):
                    box = inflate(box, np.array([since * growth], np.float32))
            if len(box):
                boxes.append(box)
                numbers.append(self._number(tracklet))
        return (np.concatenate(boxes) if boxes else EMPTY_BOXES), tuple(numbers)

    def _before(self, tracklet: Tracklet, index: int, reach: int, growth: float) -> Boxes:
        first = tracklet.hits[0][0]
        if first - index > reach:
            return EMPTY_BOXES
        motions = [self._motions.get(i) for i in range(index, first + 1)]
        away = first - index
        (filled,) = back_fill(tracklet.path[0][:1], np.array([away]), motions, self._meter, reach=away, growth=growth)
        return filled[:1] if len(filled) == away else EMPTY_BOXES

    def _number(self, tracklet: Tracklet) -> int:
        key = id(tracklet)
        if key not in self._numbers:
            last = max((number for _, number in self._numbers.values()), default=0)
            self._numbers[key] = (tracklet, last + 1)
        return self._numbers[key][1]

    def _forget(self, index: int) -> None:
        """Drop what no frame that is still held can need, so that memory stays flat for months."""
        self._motions.pop(index - 1, None)
        ended = self._follower.ended
        ended[:] = [
            tracklet for tracklet in ended if tracklet.first + sum(map(len, (*tracklet.path, *tracklet.held))) > index
        ]
        for tracklet in self._follower.active:
            tracklet.forget(index)
        alive = {id(tracklet) for tracklet in (*self._follower.active, *ended)}
        self._numbers = {key: value for key, value in self._numbers.items() if key in alive}

    def _check_weights(self, index: int) -> None:
        if not isinstance(self._detector, Detector) or index < self._next_weights_check:
            return
        self._next_weights_check = index + max(1, round(WEIGHTS_CHECK_S * self._rate))
        try:
            self._detector.check_weights()
        except WeightsError as error:
            self._forced = (WholeReason.WEIGHTS, error.message)


def veil_frames(
    frames: Iterable[av.VideoFrame], rate: Fraction | float, settings: VeilSettings | None = None
) -> Iterator[av.VideoFrame]:
    """Hide every face in decoded frames: frames in, covered frames out, as many and in the same order.

    Args:
        frames: All of one size; each is covered in place.
        rate: Frames a second, roughly.
        settings: What is covered and how; writing settings mean nothing here.

    Raises:
        UsageError: a setting that frames without a file cannot have.
        DetectorError: the detector cannot be opened.
    """
    settings = settings or VeilSettings()
    detector = Detector(settings.find)
    veil: LiveVeil | None = None
    try:
        for number, frame in enumerate(frames):
            if veil is None:
                live = LiveSettings(cover=settings.cover, wait=True)
                veil = LiveVeil(frame.width, frame.height, rate, detector, live)
            yield from (one.picture for one in veil.push(frame, number))
        if veil is not None:
            yield from (one.picture for one in veil.flush())
    finally:
        detector.close()

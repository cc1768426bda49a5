"""Tracks the faces of one clip or stream: association, confirmation, extrapolation, ageing out, numbers.

One tracker for files and streams: ``predict`` goes on to the next frame, ``update`` takes in what was detected in it. What is
covered is asked in one of two ways. A file waits until frames are final (``finalise``, ``tracks``); a stream asks for one frame
after another when it must leave, with what is known then (``boxes_at``, ``forget``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import grow, inflate
from passerby.values import EMPTY_BOXES, Boxes, Detections, Track
from passerby.veil.track.association import REASSOCIATE_SIDES, SURE, Association, Mark
from passerby.veil.track.extrapolate import GROWTH_PER_S, Extrapolation, complete, extrapolate_back_with_scene
from passerby.veil.track.hidden import HiddenFaces
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.patches import Fine
from passerby.veil.track.policy import TrackingPolicy, may_be_small
from passerby.veil.track.recheck import agrees, contradicts
from passerby.veil.track.stretches import UNSURE, Stretches
from passerby.veil.track.times import StreamTimes
from passerby.veil.track.tracklet import Tracklet, hulls
from passerby.veil.track.watermark import Watermark
from passerby.veil.track.woven import WovenFrames

GONE_ON_S = 1.2
"""So long a face of a stream that is not detected any more is also covered where it would be if it had gone on as fast as it did.
Source: docs/measures.md."""
LEAST = 0.06
"""Score of a face that is covered where somebody is missing: of which a third shows. Source: docs/measures.md."""
WALKS_S = 0.48
"""Time between passes for which re-association knows how far somebody walks; after a longer one, so much farther. Source: what
``REASSOCIATE_SIDES`` was chosen with."""


class Tracker:
    """The faces of one clip or stream of one size.

    Args:
        meter: Moves boxes with the picture.
        policy: What counts as a face, and for how long.
        long_side_px: The longer side of the frames.
        rate_hz: Frames a second.
        interval: Frames between inference passes.
        stretches: Told which spans are surely one person's; None where nobody asks.

    Attributes:
        span: How far tracks are extrapolated.
        frame: The frame that ``predict`` went on to last; -1 before the first.
        inferred: The frame whose detections were taken in last; -1 before the first.
        asks_least: Of a stream: every detection of ``LEAST`` and more is covered from now on.
    """

    def __init__(
        self,
        meter: MotionMeter,
        policy: TrackingPolicy,
        *,
        long_side_px: int,
        rate_hz: float,
        interval: int,
        stretches: Stretches | None = None,
    ) -> None:
        self._meter, self._policy, self._long_side_px = meter, policy, long_side_px
        self._fields_policy = policy.for_fields()
        self.set_rate(rate_hz, interval)
        self._window = max(interval, round(policy.confirmation_s * rate_hz))
        self._association = Association(meter, policy.max_age, both=not policy.lasting, stretches=stretches)
        self._motions: dict[int, Motion | None] = {}
        self._woven = WovenFrames()
        self._watermark = Watermark(self._motions, meter, self.span, self._woven, stretches=stretches)
        self.frame = self.inferred = -1
        self._numbered, self.asks_least = 0, False
        self._hidden, self._times = HiddenFaces(), StreamTimes()

    def set_rate(self, rate_hz: float, interval: int) -> None:
        """Go on at another rate, frames a second, with so many frames between passes: for streams."""
        self._rate_hz = rate_hz
        self.span = Extrapolation(max(interval, round(self._policy.extrapolate_s * rate_hz)), GROWTH_PER_S / rate_hz)

    @property
    def active(self) -> list[Tracklet]:
        """Tracklets that may be continued."""
        return self._association.active

    @property
    def ended(self) -> list[Tracklet]:
        """Tracklets that have ended, in the order in which they did, and were not forgotten."""
        return self._association.ended

    def note_fields(self, frame: int, *, woven: bool) -> None:
        """Say of a frame, before its boxes are asked for, whether it holds two fields: then boxes span both."""
        self._woven.note(frame, woven=woven)

    def predict(self, motion: Motion | None, fine: Fine | None = None, *, time_ns: int | None = None) -> Boxes:
        """Go on to the next frame.

        Args:
            motion: From the frame before, None at the first. A cut ends all tracklets.
            fine: Grey picture of this frame (``fine_copy``), shape (H, W), uint8, for those who move against the scene; None
                does without.
            time_ns: When it was taken, ns of any clock, of a stream; None: it came at the stated rate.

        Returns:
            Where faces are expected: shape (N, 4), float32, pixels, one row per active tracklet.
        """
        self.frame += 1
        self._times.step(time_ns, least_s=1 / self._rate_hz)
        if not self._policy.lasting and self.inferred >= 0:
            since_s = self._times.between(self.inferred, self.frame)
            self._association.farthest = REASSOCIATE_SIDES * max(1.0, since_s / WALKS_S)
        self._motions[self.frame] = motion
        return self._association.predict(motion, fine)

    def back_to(self, frame: int, mark: Mark) -> None:
        """Go back to the frame of the last ``update``, with the ``mark`` made after it."""
        self._association.back_to(mark)
        self.frame = frame

    def mark(self) -> Mark:
        """Return where the tracklets are, for ``back_to``; valid until the next ``update``, cut or ``finish``."""
        return self._association.mark()

    def contradicts(self, found: Detections, *, torn: bool) -> bool:
        """Whether sure faces are elsewhere, or of another size, than expected in the frame that ``predict`` went on to last.

        Args:
            found: Faces in it, pixels.
            torn: The picture was torn since the last ``update`` (``Motion.torn``).
        """
        size = (self._meter.width, self._meter.height)
        return contradicts(self._association, found, size, torn=torn)

    def agrees(self, found: Detections) -> bool:
        """Whether a pass finds who the pass before it found, and nobody else.

        Args:
            found: Faces in the frame that ``predict`` went on to last, before ``update`` takes them in, pixels.
        """
        size = (self._meter.width, self._meter.height)
        return agrees(self._association, found, size, since=self.inferred)

    def update(self, found: Detections, *, extra: bool = False) -> list[Tracklet]:
        """Take in what was detected in the frame that ``predict`` went on to last.

        Args:
            found: Faces in it, pixels.
            extra: From a pass between cycles, which sees large faces only: nobody is missed for it.

        Returns:
            Tracklets that were not detected here though they were in the detection cycle before.
        """
        lost = self._association.update(self.frame, found, extra=extra, since_s=self._since_s())
        if not self._policy.lasting:
            self._note_times()
        self.inferred = self.frame
        if self._policy.lasting:
            for tracklet in self.active:
                tracklet.confirmed = tracklet.confirmed or self._confirms(tracklet)
                if not tracklet.confirmed:
                    tracklet.begin_later(self.frame - self._window)
        return lost

    def _since_s(self) -> float:
        """Return the seconds since the last pass; those of a clip are counted, for it is gone over in parts once more."""
        if self.inferred < 0:
            return 0.0
        counted = (self.frame - self.inferred) / self._rate_hz
        return counted if self._policy.lasting else self._times.between(self.inferred, self.frame)

    def _note_times(self) -> None:
        """Note how fast everybody moved since the last pass, and who is hidden; of a stream."""
        for tracklet in self.active:
            if tracklet.last_hit == self.frame and len(tracklet.path) > 1:
                since = self._times.between(self.frame - len(tracklet.path[-1]), self.frame)
                tracklet.note_speed(since)
        self._hidden.note(self.frame, self.active, self._association.expected, self._times)

    def may_follow_small(self) -> bool:
        """Whether a face that is small for the picture may be tracked; so it may while nothing was inferred yet."""
        return self.inferred < 0 or may_be_small(self.active, self._long_side_px)

    def likely(self) -> Boxes:
        """Return where the active tracklets that may be faces are expected, shape (K, 4), float32, pixels."""
        return self._association.likely()

    def finish(self) -> None:
        """End every tracklet: the clip is over."""
        self._association.finish()

    def finalise(self) -> list[Boxes]:
        """Return the boxes of frames that are final now and were not before; call it after ``update`` or ``finish``.

        Motion that no track is extrapolated with any more is forgotten: memory does not grow with a clip's length.

        Returns:
            For each frame, from the first that was not final before: shape (N, 4), float32, pixels, without margin.
        """
        begin = self._watermark.frame
        final = self._watermark.advance(self.inferred, self.active, self.ended)
        for frame in range(begin, self._watermark.frame):
            del self._motions[frame]
        self._times.forget(self._watermark.frame)
        return final

    def finalise_rest(self) -> list[Boxes]:
        """Return the boxes of all frames that were not final before, as ``finalise`` does; call it after ``finish``.

        Returns:
            For each frame: shape (N, 4), float32, pixels, without margin.
        """
        return self._watermark.finish(self.frame + 1, self.ended)

    def tracks(self) -> tuple[Track, ...]:
        """Return every track of a clip that is over, from before its first to after its last detection.

        Returns:
            In the order of their first frames, numbered from 1.
        """
        confirmed = [tracklet for tracklet in self.ended if tracklet.confirmed]
        return complete(confirmed, self._motions, self._meter, self.span, self._woven)

    def tentative(self) -> list[Tracklet]:
        """Return the tracklets of a clip that is over that were never confirmed."""
        return [tracklet for tracklet in self.ended if not tracklet.confirmed]

    def boxes_at(self, frame: int) -> tuple[Boxes, tuple[int, ...]]:
        """Return what is covered in a frame of a stream that must leave now.

        Args:
            frame: At or before ``inferred``, and not forgotten.

        Returns:
            Boxes, shape (N, 4), float32, pixels, without margin, and the number of the track of each. Numbers begin with 1, rise
            for ever, and never come back.
        """
        boxes, numbers = [], []
        for tracklet in (*self.active, *self.ended):
            box = self._covered_at(tracklet, frame)
            if len(box):
                if tracklet.number is None:
                    tracklet.number = self._numbered = self._numbered + 1
                boxes.append(box)
                numbers.append(tracklet.number)
        return (np.concatenate(boxes) if boxes else EMPTY_BOXES), tuple(numbers)

    def stretches_at(self, frame: int, tracks: Sequence[int]) -> NDArray[np.intp]:
        """Return the stretch of each of these tracks in a frame, shape (N,); ``UNSURE`` where it may be two people's.

        Args:
            frame: As for ``boxes_at``, which told the tracks.
            tracks: Their numbers.
        """
        followed = {one.number: one.followed for one in (*self.active, *self.ended)}
        known = (followed.get(track) for track in tracks)
        return np.array([UNSURE if one is None else one.stretch_at(frame) for one in known], np.intp)

    def _covered_at(self, tracklet: Tracklet, frame: int) -> Boxes:
        """Return what is covered of a tracklet in a frame, shape (1, 4), or (0, 4) for nothing."""
        box = self._spanning(tracklet, frame)
        size = self._hidden.size_of(tracklet, box, frame) if len(box) else None
        if size is None:
            return box if self._covers(tracklet) else EMPTY_BOXES
        more = np.maximum(0, np.array([size], np.float32) - (box[:, 2:] - box[:, :2])) / np.float32(2)
        return grow(box, np.asarray(more, np.float32))

    def _covers(self, tracklet: Tracklet) -> bool:
        return tracklet.confirmed if self._policy.lasting else self._confirms(tracklet)

    def _confirms(self, tracklet: Tracklet) -> bool:
        if self.asks_least and tracklet.best >= LEAST:
            return True
        policy = self._fields_policy if self._woven.holds(self.frame) else self._policy
        return policy.confirms(tracklet, self._long_side_px)

    def _spanning(self, tracklet: Tracklet, frame: int) -> Boxes:
        """Return the box in a frame, shape (1, 4), or (0, 4); where the frame holds two fields it spans both."""
        box = self._box_at(tracklet, frame)
        if not self._woven or not len(box):
            return box
        before, after = (self._box_at(tracklet, at) if at >= 0 else EMPTY_BOXES for at in (frame - 1, frame + 1))
        row = len(before)
        return self._woven.span(frame - row, np.concatenate([before, box, after]))[row : row + 1]

    def _box_at(self, tracklet: Tracklet, frame: int) -> Boxes:
        first = tracklet.hits[0][0]
        if frame < first:
            if tracklet.before is None:
                extrapolate_back_with_scene(tracklet, self._motions, self._meter, self.span)
            earlier = tracklet.before if tracklet.before is not None else EMPTY_BOXES
            at = len(earlier) - (first - frame)
            return earlier[at : at + 1] if at >= 0 else EMPTY_BOXES
        box = tracklet.box_at(frame)
        if frame <= tracklet.last_hit or not len(box):
            return box
        since_s = self._times.between(tracklet.last_hit, frame)
        box = inflate(box, np.array([since_s * GROWTH_PER_S], np.float32))
        return box if tracklet.best < SURE else hulls(box, tracklet.gone_on(min(since_s, GONE_ON_S)))

    def hidden_at(self, frame: int) -> Boxes:
        """Return what is covered in a frame of a stream for who went behind somebody, as ``boxes_at``, shape (N, 4)."""
        return self._hidden.boxes_at(frame)

    def forget(self, frame: int) -> None:
        """Drop what no frame after this one can need, so that memory of a stream stays flat for months."""
        for gone in [index for index in self._motions if index < frame]:
            del self._motions[gone]
        ended = self._association.ended
        ended[:] = [tracklet for tracklet in ended if tracklet.stop > frame]
        for tracklet in self.active:
            tracklet.forget(frame)
        self._woven.forget(frame)
        self._hidden.forget(frame)
        self._times.forget(min([frame, *(tracklet.last_hit for tracklet in (*self.active, *ended))]))

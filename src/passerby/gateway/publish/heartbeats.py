"""When a camera's heartbeat is due, and what it counts. Pure: fed once a second, gives the spans to be stated.

A heartbeat normally covers the interval that the register names. It is cut short when the camera turns dark, covered or sound
for longer than ``STEADY_S``, so that the citizen's page, which reads the last heartbeat, is true within a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from passerby.gateway.states import CameraStatus, Phase
from passerby.gateway.values import AWAY, CoverReason

STEADY_S = 15.0
APART_S = 30.0
"""Cuts are at least this far apart, so that a flapping camera writes at most two heartbeats a minute."""
COUNTED_IN = 10
"""Public counts of faces are rounded down to a multiple of this; below it they are 0, so that a door where few pass does not tell
who is at home. Source: a household of four that comes and goes makes fewer passes in a quarter of an hour, the least interval."""
DOWN = AWAY | {CoverReason.REGISTER}
STALLED = frozenset({CoverReason.WORKER, CoverReason.STALLED})


class HeartbeatState(StrEnum):
    """What a camera is for the public."""

    ON = "on"
    WHOLE = "covered-whole"
    STALLED = "stalled"
    DOWN = "down"


def state_of(status: CameraStatus) -> HeartbeatState:
    """Return what a camera's state means for the public."""
    if status.phase is Phase.VEILED:
        return HeartbeatState.ON
    if status.phase is Phase.STOPPED:
        return HeartbeatState.DOWN
    return state_of_reason(status.reasons[0]) if status.reasons else HeartbeatState.WHOLE


def state_of_reason(reason: CoverReason) -> HeartbeatState:
    """Return what a reason for a cover means for the public."""
    if reason in DOWN:
        return HeartbeatState.DOWN
    return HeartbeatState.STALLED if reason in STALLED else HeartbeatState.WHOLE


def rounded(faces: int) -> int:
    """Return a count as it is published.

    >>> rounded(9), rounded(10), rounded(57)
    (0, 10, 50)
    """
    return faces - faces % COUNTED_IN


@dataclass(frozen=True, slots=True)
class SealedSpan:
    """What was kept of faces over a span of time.

    Attributes:
        pieces: Closed.
        unsealed: Faces covered and not kept, counted once a picture.
    """

    pieces: int = 0
    unsealed: int = 0

    def plus(self, other: SealedSpan | None) -> SealedSpan:
        """Return the sums of the two."""
        return self if other is None else SealedSpan(self.pieces + other.pieces, self.unsealed + other.unsealed)

    def less(self, before: SealedSpan) -> SealedSpan:
        """Return what came since; a process that was started anew may count from 0 again."""
        return SealedSpan(max(0, self.pieces - before.pieces), max(0, self.unsealed - before.unsealed))


@dataclass(frozen=True, slots=True)
class HeartbeatSpan:
    """Counts over a span of time.

    Attributes:
        begin: Aware.
        end: Aware.
        frames: Sent.
        faces: Covered, each track counted once.
        whole_s: Covered whole.
        stalled_s: The process did not answer.
        down_s: No picture.
        sealed: Pieces that keep faces, locked, and faces that were covered and are not kept; None where the camera does not seal.
    """

    begin: datetime
    end: datetime
    frames: int = 0
    faces: int = 0
    whole_s: float = 0.0
    stalled_s: float = 0.0
    down_s: float = 0.0
    sealed: SealedSpan | None = None

    def joined(self, after: HeartbeatSpan) -> HeartbeatSpan:
        """Return this span and the one that follows it as one."""
        return HeartbeatSpan(
            self.begin,
            after.end,
            self.frames + after.frames,
            self.faces + after.faces,
            self.whole_s + after.whole_s,
            self.stalled_s + after.stalled_s,
            self.down_s + after.down_s,
            after.sealed.plus(self.sealed) if after.sealed is not None else self.sealed,
        )

    @property
    def length_s(self) -> float:
        """Return its length."""
        return (self.end - self.begin).total_seconds()


class CameraHeartbeats:
    """One camera's heartbeats.

    Args:
        begin: When it started to run.
        interval_s: Between two heartbeats.
        frames: Count at the start.
        faces: Count at the start.
    """

    def __init__(self, begin: datetime, interval_s: float, frames: int = 0, faces: int = 0) -> None:
        self.interval_s = interval_s
        self._before: HeartbeatSpan | None = None
        self._now = HeartbeatSpan(begin, begin)
        self._frames, self._faces, self._sealed = frames, faces, SealedSpan()
        self._state: HeartbeatState | None = None
        self._stated: HeartbeatState | None = None
        self._cut_at: datetime | None = None

    def tick(
        self,
        now: datetime,
        state: HeartbeatState,
        frames: int,
        faces: int,
        *,
        sealed: SealedSpan | None = None,
        due: bool = False,
    ) -> list[HeartbeatSpan]:
        """Count what passed since the last tick, and return the spans that must be stated now.

        Args:
            now: Aware, growing; a clock that ran back counts nothing.
            state: At this instant.
            frames: Count so far.
            faces: Count so far.
            sealed: Counts so far; None where the camera does not seal.
            due: State what is known now, whatever the interval.
        """
        if now < self._now.end:
            return []
        if self._state is None:
            # what was said at the start is "on"
            self._state, self._stated = state, HeartbeatState.ON
        if state is not self._state:
            self._before = self._before.joined(self._now) if self._before else self._now
            self._now, self._state = HeartbeatSpan(self._now.end, self._now.end), state
        self._count(now, state, frames, faces)
        self._count_sealed(sealed)
        whole = self._before.joined(self._now) if self._before else self._now
        if state is not self._stated and self._now.length_s >= STEADY_S and self._may_cut(now):
            spans = [span for span in (self._before, self._now) if span is not None and span.length_s >= 1]
            self._cut_at, self._stated = now, state
        elif whole.length_s >= self.interval_s or (due and whole.length_s >= 1):
            spans, self._stated = [whole], self._of(whole)
        else:
            return []
        self._before, self._now = None, HeartbeatSpan(now, now)
        return spans

    def rest(self) -> HeartbeatSpan | None:
        """Return what was not yet stated, or None where it is shorter than a second."""
        whole = self._before.joined(self._now) if self._before else self._now
        return whole if whole.length_s >= 1 else None

    def _may_cut(self, now: datetime) -> bool:
        return self._cut_at is None or (now - self._cut_at).total_seconds() >= APART_S

    def _count(self, now: datetime, state: HeartbeatState, frames: int, faces: int) -> None:
        passed_s = (now - self._now.end).total_seconds()
        # a worker that was started anew may count from 0 again
        more_frames, more_faces = max(0, frames - self._frames), max(0, faces - self._faces)
        self._frames, self._faces = frames, faces
        self._now = replace(
            self._now,
            end=now,
            frames=self._now.frames + more_frames,
            faces=self._now.faces + more_faces,
            whole_s=self._now.whole_s + (passed_s if state is HeartbeatState.WHOLE else 0),
            stalled_s=self._now.stalled_s + (passed_s if state is HeartbeatState.STALLED else 0),
            down_s=self._now.down_s + (passed_s if state is HeartbeatState.DOWN else 0),
        )

    def _count_sealed(self, sealed: SealedSpan | None) -> None:
        if sealed is not None:
            more, self._sealed = sealed.less(self._sealed), sealed
            self._now = replace(self._now, sealed=more.plus(self._now.sealed))

    def _of(self, span: HeartbeatSpan) -> HeartbeatState:
        half_s = span.length_s / 2
        if span.down_s > half_s:
            return HeartbeatState.DOWN
        return HeartbeatState.WHOLE if span.whole_s > half_s else HeartbeatState.ON

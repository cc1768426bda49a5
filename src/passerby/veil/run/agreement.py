"""Which frames of a stream may be believed: those for which two inference passes in a row agreed since tracking began anew.

Tracking begins anew with the stream, and wherever frames or passes are missing: then nothing is remembered of who is there, and
a face that one pass misses would be bare. From the first of two passes that agree frames are believed. Passes that go on
disagreeing are believed after as many as a face may be missed in: tracking then remembers all that it ever does.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

GAP_S = 0.4
GAP_STEPS = 3
"""Time from one frame to the next that is a gap, in seconds and in mean steps between frames: the longer of the two.
Chosen, not measured."""
_LONGEST_STEP_S = 2.0
_SMOOTH = 0.05


@dataclass(slots=True)
class _Stretch:
    """Frames without a break.

    Attributes:
        first: Its first frame.
        believed: The first frame that is believed; None for none yet.
        passes: Taken in so far.
        last: The frame of the last of them.
    """

    first: int
    believed: int | None = None
    passes: int = 0
    last: int = -1


class Agreement:
    """Keeps account of passes and of breaks between frames.

    Args:
        enough: So many passes that do not agree are believed all the same.

    >>> agreement = Agreement(4)
    >>> agreement.begin(0)
    >>> agreement.note(0, agrees=True)
    >>> agreement.holds(0)
    False
    >>> agreement.note(6, agrees=False)
    >>> agreement.note(12, agrees=True)
    >>> agreement.holds(5), agreement.holds(6), agreement.holds(13)
    (False, True, True)
    """

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._stretches: list[_Stretch] = []

    @property
    def reached(self) -> bool:
        """Whether the frames to come are believed."""
        return not self._stretches or self._stretches[-1].believed is not None

    def begin(self, frame: int) -> None:
        """Begin anew with a frame: no pass before it says anything of it or of those after it."""
        at = bisect_left(self._stretches, frame, key=lambda one: one.first)
        same = at < len(self._stretches) and self._stretches[at].first == frame
        self._stretches[at : at + same] = [_Stretch(frame)]

    def note(self, frame: int, *, agrees: bool) -> None:
        """Note a pass; in order of frames.

        Args:
            frame: That it looked at.
            agrees: With the pass before.
        """
        stretch = self._of(frame)
        if stretch is None or stretch.believed is not None:
            return
        if agrees and stretch.passes:
            stretch.believed = stretch.last
        elif stretch.passes + 1 >= self._enough:
            stretch.believed = frame
        stretch.passes, stretch.last = stretch.passes + 1, frame

    def holds(self, frame: int) -> bool:
        """Whether a frame is believed."""
        stretch = self._of(frame)
        return stretch is None or (stretch.believed is not None and frame >= stretch.believed)

    def age(self, frame: int) -> int | None:
        """Return how many frames before this one tracking last began anew; None where it never did."""
        stretch = self._of(frame)
        return None if stretch is None else frame - stretch.first

    def forget(self, frame: int) -> None:
        """Drop what no frame after this one can need: memory of a stream stays flat."""
        at = bisect_right(self._stretches, frame, key=lambda one: one.first)
        del self._stretches[: max(0, at - 1)]

    def _of(self, frame: int) -> _Stretch | None:
        at = bisect_right(self._stretches, frame, key=lambda one: one.first)
        return self._stretches[at - 1] if at else None


class FrameSteps:
    """Tells where frames of a stream are missing, by their times.

    Args:
        rate_hz: Frames a second, roughly: what comes says more in time.

    >>> steps = FrameSteps(12.5)
    >>> [steps.gap_before(ms * 10**6) for ms in (0, 80, 160, 480, 560, 3560, 3640)]
    [False, False, False, False, False, True, False]
    """

    def __init__(self, rate_hz: float) -> None:
        self._mean_s = 1 / rate_hz
        self._last_ns: int | None = None

    def set_rate(self, rate_hz: float) -> None:
        """Expect another rate from now on, frames a second."""
        self._mean_s = 1 / rate_hz

    def gap_before(self, time_ns: int) -> bool:
        """Whether frames are missing before the one of this time, ns, or times begin anew; asked for each once, in order."""
        last_ns, self._last_ns = self._last_ns, time_ns
        if last_ns is None:
            return False
        step_s = (time_ns - last_ns) / 1e9
        gap = not 0 <= step_s <= max(GAP_S, GAP_STEPS * self._mean_s)
        self._mean_s += _SMOOTH * (min(max(step_s, 0.0), _LONGEST_STEP_S) - self._mean_s)
        return gap

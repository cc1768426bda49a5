"""When the frames of a stream were taken: what moves goes by time, while frames come unevenly and at rates that change."""

from __future__ import annotations

LONGEST_S = 2.0
"""A longer step counts as this: tracking begins anew after it. Chosen, not measured."""


class StreamTimes:
    """Seconds of each frame, from the first that was not forgotten.

    >>> times = StreamTimes()
    >>> for ms in (0, 80, 400, 720):
    ...     times.step(ms * 10**6, least_s=0.08)
    >>> round(times.between(0, 3), 2), round(times.between(1, 2), 2)
    (0.72, 0.32)
    """

    def __init__(self) -> None:
        self._first = 0
        self._seconds: list[float] = []
        self._last_ns: int | None = None

    def step(self, time_ns: int | None, *, least_s: float) -> None:
        """Go on to the next frame.

        Args:
            time_ns: When it was taken, ns of any clock; None where that is not known.
            least_s: A step counts as this at least: times may jitter, or not say anything.
        """
        step_s = 0.0 if time_ns is None or self._last_ns is None else (time_ns - self._last_ns) / 1e9
        self._last_ns = time_ns
        since_s = self._seconds[-1] if self._seconds else 0.0
        self._seconds.append(since_s + min(max(step_s, least_s), LONGEST_S))

    def at(self, frame: int) -> float:
        """Return the seconds of a frame that was not forgotten, on a clock of the stream's own."""
        return self._seconds[frame - self._first]

    def between(self, frame: int, later: int) -> float:
        """Return the seconds from one frame to a later one, neither forgotten."""
        return self.at(later) - self.at(frame)

    def forget(self, frame: int) -> None:
        """Drop the times of frames before this one."""
        gone = max(0, min(frame - self._first, len(self._seconds) - 1))
        del self._seconds[:gone]
        self._first += gone

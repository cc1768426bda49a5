"""Hours of UTC, and how the times of frames are put into one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

HOUR_NS = 3_600 * 10**9
JUMP_NS = 1_000_000_000
"""A wall clock that goes so far from where it was when the hour began has jumped: a bucket ends, another begins."""


def hour_of(wall_ns: int) -> int:
    """Return the number of the hour since 1970 that a wall time lies in."""
    return wall_ns // HOUR_NS


def hour_text(hour: int) -> str:
    """Return an hour as keys and packs name it.

    >>> hour_text(0)
    '1970-01-01T00'
    """
    return datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%dT%H")


def hour_number(text: str) -> int:
    """Return the number of an hour that ``hour_text`` wrote.

    Raises:
        ValueError: it is none.

    >>> hour_number("1970-01-01T02")
    2
    """
    return int(datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC).timestamp()) // 3600


@dataclass(frozen=True, slots=True)
class HourTimes:
    """The wall times of one bucket: the clock that counts evenly, put beside the wall clock once.

    So times in a bucket never run back, whatever is done to the wall clock meanwhile.

    Attributes:
        hour: Number of it since 1970.
        offset_ns: Wall time less CLOCK_MONOTONIC, when the bucket was begun.
    """

    hour: int
    offset_ns: int

    def wall_ns(self, captured_ns: int) -> int:
        """Return the wall time of a frame, which is never before the hour."""
        return max(captured_ns + self.offset_ns, self.hour * HOUR_NS)

    def holds(self, captured_ns: int) -> bool:
        """Return whether a frame was taken before the hour ended."""
        return captured_ns + self.offset_ns < (self.hour + 1) * HOUR_NS

    def jumped(self, offset_ns: int) -> bool:
        """Return whether the wall clock has left the place that it had."""
        return abs(offset_ns - self.offset_ns) > JUMP_NS

"""How much of a target is unpacked, and who counts it. What a bound cuts off is named, never dropped in silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """Bounds of one file of the target with all that is packed in it, so that answers do not depend on other files.

    Attributes:
        depth: Archives in archives. A container image's layer with a wheel in it is three deep.
        members: Files in one archive, with those in archives in it.
        free_bytes: What any archive may unpack to.
        ratio: What it may unpack to beyond that, for each of its own bytes. Source: a choice; source code and logs pack
            to between a fourth and a thirtieth, disk images with empty space to less, and are cut off here.
        seconds: What reading any archive may take.
        bytes_per_second: Packed bytes for which it may take a second more.
        held_bytes: Members above are written to a temporary file without a name instead of being held in memory.
    """

    depth: int = 8
    members: int = 1_000_000
    free_bytes: int = 1 << 30
    ratio: int = 100
    seconds: float = 120.0
    bytes_per_second: int = 2 << 20
    held_bytes: int = 4 << 20


class SpentError(Exception):
    """The archive may take no more; the message says of what, and stands in the result."""


class _Share(NamedTuple):
    """How far an archive may spend what its file has left.

    Attributes:
        bytes_floor: Of unpacked bytes that must remain.
        members_ceiling: Of files counted.
        until: Of time.
    """

    bytes_floor: int
    members_ceiling: int
    until: float


class Budget:
    """Counts what one file of the target unpacks to.

    An archive in an archive gets half of what is left, in each respect, so that one bomb does not hide what stands after it.

    Args:
        limits: The bounds.
        packed_bytes: How long the file is.
        clock: Seconds that only rise.
    """

    def __init__(self, limits: ScanLimits, packed_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self._clock = limits, clock
        self._left_bytes = limits.free_bytes + limits.ratio * packed_bytes
        self._members = 0
        self._depth = 0
        self._share = _Share(0, limits.members, clock() + limits.seconds + packed_bytes / limits.bytes_per_second)
        self.late = False
        """Time ran out, so that another run might answer otherwise."""

    def begin_archive(self) -> _Share:
        """Enter an archive; the value that is returned ends it."""
        before, self._depth = self._share, self._depth + 1
        if self._depth > 1:
            now = self._clock()
            self._share = _Share(
                (before.bytes_floor + self._left_bytes) // 2,
                self._members + (before.members_ceiling - self._members) // 2,
                now + max(0.0, before.until - now) / 2,
            )
        return before

    def end_archive(self, before: _Share) -> None:
        """Leave an archive."""
        self._share, self._depth = before, self._depth - 1

    def begin_member(self) -> None:
        """Count one more file.

        Raises:
            SpentError: it is one too many, or time is over.
        """
        self._members += 1
        if self._members > self._share.members_ceiling:
            raise SpentError("too many files are packed in it: the rest was not read")
        self.check_time()

    def spend(self, count_bytes: int) -> None:
        """Count unpacked bytes.

        Raises:
            SpentError: there are too many, or time is over.
        """
        self._left_bytes -= count_bytes
        if self._left_bytes < self._share.bytes_floor:
            raise SpentError("it unpacks to more bytes than may be read: the rest was not read")
        self.check_time()

    def check_time(self) -> None:
        """Ask the clock.

        Raises:
            SpentError: time is over.
        """
        if self._clock() > self._share.until:
            self.late = True
            raise SpentError("reading it took too long: the rest was not read")

    def most_member_bytes(self) -> int:
        """Return how long the next member may be: half of what is left."""
        return max(0, self._left_bytes - self._share.bytes_floor) // 2

    def fits(self, total_bytes: int) -> bool:
        """Return whether so much may still be unpacked."""
        return total_bytes <= self._left_bytes - self._share.bytes_floor

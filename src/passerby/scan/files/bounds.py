"""How much of a target is unpacked, and who counts it. What a bound cuts off is named, never dropped in silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


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


class Budget:
    """Counts what one file of the target unpacks to.

    Args:
        limits: The bounds.
        packed_bytes: How long the file is.
        clock: Seconds that only rise.
    """

    def __init__(self, limits: ScanLimits, packed_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self._clock = limits, clock
        self._most_bytes = limits.free_bytes + limits.ratio * packed_bytes
        self._left_bytes = self._most_bytes
        self._members = 0
        self._seconds = limits.seconds + packed_bytes / limits.bytes_per_second
        self._until = clock() + self._seconds
        self.late = False
        """Time ran out, so that another run might answer otherwise."""

    def begin_member(self) -> None:
        """Count one more file.

        Raises:
            SpentError: it is one too many, or time is over.
        """
        self._members += 1
        if self._members > self.limits.members:
            raise SpentError(f"more than {self.limits.members} files are packed in it: the rest was not read")
        self.check_time()

    def spend(self, count_bytes: int) -> None:
        """Count unpacked bytes.

        Raises:
            SpentError: there are too many, or time is over.
        """
        self._left_bytes -= count_bytes
        if self._left_bytes < 0:
            raise SpentError(f"it unpacks to more than {self._most_bytes} bytes: the rest was not read")
        self.check_time()

    def check_time(self) -> None:
        """Ask the clock.

        Raises:
            SpentError: time is over.
        """
        if self._clock() > self._until:
            self.late = True
            raise SpentError(f"reading it took longer than {self._seconds:.0f} seconds: the rest was not read")

    def most_member_bytes(self) -> int:
        """Return how long the next member may be: half of what is left, so that one bomb does not hide what stands after it."""
        return self._left_bytes // 2

    def fits(self, total_bytes: int) -> bool:
        """Return whether so much may still be unpacked."""
        return total_bytes <= self._left_bytes

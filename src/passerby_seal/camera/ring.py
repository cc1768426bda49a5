"""A ring of memory without a name, shared by the process that holds the frame and the one that seals.

Who writes keeps the account of what is free; places go over a pipe, so that the kernel orders what one writes and the other
reads. Nothing of it has a name in a file system, and it is gone with the two processes.
"""

from __future__ import annotations

import mmap
import os

CAPACITY_BYTES = 8 * 1024 * 1024
"""More than a second of four faces of 300 pixels at 12.5 frames a second."""
ALIGN_BYTES = 16


class PatchRing:
    """The side that writes. Not safe to use from several threads.

    Args:
        capacity_bytes: Of the memory.

    Raises:
        OSError: the system gives none.
    """

    def __init__(self, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self.capacity_bytes = capacity_bytes
        self.fd = os.memfd_create("patches", os.MFD_CLOEXEC)
        try:
            os.ftruncate(self.fd, capacity_bytes)
            self._memory = mmap.mmap(self.fd, capacity_bytes)
        except OSError:
            os.close(self.fd)
            raise
        self._head = self._freed = 0

    def reserve(self, size_bytes: int) -> tuple[int, memoryview] | None:
        """Return a position and the memory there, or None where it is full; nothing is taken before ``commit``.

        Args:
            size_bytes: Wanted, in one piece.
        """
        position = self._placed(size_bytes)
        if size_bytes > self.capacity_bytes or _aligned(position + size_bytes) - self._freed > self.capacity_bytes:
            return None
        start = position % self.capacity_bytes
        return position, memoryview(self._memory)[start : start + size_bytes]

    def _placed(self, size_bytes: int) -> int:
        start = self._head % self.capacity_bytes
        return self._head if start + size_bytes <= self.capacity_bytes else self._head - start + self.capacity_bytes

    def commit(self, position: int, size_bytes: int) -> None:
        """Take what ``reserve`` offered; it stays until it is freed."""
        self._head = _aligned(position + size_bytes)

    def free(self, position: int) -> None:
        """Note that everything before a position was read; a position that was never written frees nothing."""
        if self._freed < position <= self._head:
            self._freed = position

    @property
    def used_bytes(self) -> int:
        """Return how much was written and not read."""
        return self._head - self._freed

    def close(self) -> None:
        """Wipe it and give it back."""
        if not self._memory.closed:
            self._memory[:] = bytes(self.capacity_bytes)
            self._memory.close()
            os.close(self.fd)


def _aligned(position: int) -> int:
    return -(-position // ALIGN_BYTES) * ALIGN_BYTES


class RingReader:
    """The side that reads.

    Args:
        fd: Of the memory; taken over.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, fd: int) -> None:
        self._fd, self.capacity_bytes = fd, os.fstat(fd).st_size
        self._memory = mmap.mmap(fd, self.capacity_bytes)

    def view(self, position: int, size_bytes: int) -> memoryview:
        """Return the memory at a position, until it is freed.

        Raises:
            ValueError: it does not lie inside.
        """
        start = position % self.capacity_bytes
        if position < 0 or size_bytes < 1 or start + size_bytes > self.capacity_bytes:
            raise ValueError(f"{size_bytes} bytes at {position} must lie inside {self.capacity_bytes}")
        return memoryview(self._memory)[start : start + size_bytes]

    def close(self) -> None:
        """Give it back."""
        self._memory.close()
        os.close(self._fd)

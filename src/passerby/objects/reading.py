"""Reading one version of an object by ranges: what is read is kept in memory within bounds, what comes next is asked for ahead.

Nothing of it touches a disk: an object on a store may be footage that nobody has bare on this machine.
"""

from __future__ import annotations

import functools
import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

BLOCK_BYTES = 4 << 20
_AHEAD = 3
"""Blocks asked for before they are needed: 12 MiB hide 100 ms of distance at 1 Gbit/s. Source: a choice; not measured."""
KEPT_BYTES = 128 << 20
"""What a process keeps of the objects it reads; an object that fits is fetched once, however often it is read."""
_AT_ONCE = 4

Fetch = Callable[[int, int], bytes]
"""Fetches the bytes from a place to another."""


class Blocks:
    """The bytes of one version of one object, in blocks, and which of them are held.

    Args:
        size_bytes: Of the object.
        fetch: Gets a range of it; called in several threads.
        kept: Where blocks are held.
    """

    def __init__(self, size_bytes: int, fetch: Fetch, kept: KeptBlocks) -> None:
        self.size_bytes = size_bytes
        self._fetch, self._kept = fetch, kept
        self._last = -1

    def read(self, start: int, most: int) -> bytes:
        """Return bytes from a place on, at least one where there are any, at most ``most``."""
        if start >= self.size_bytes or most < 1:
            return b""
        number, skip = divmod(start, BLOCK_BYTES)
        wanted = self._block(number)
        if number in {self._last, self._last + 1}:
            for later in range(number + 1, min(number + _AHEAD, (self.size_bytes - 1) // BLOCK_BYTES) + 1):
                self._block(later)
        self._last = number
        try:
            return wanted.result()[skip : skip + most]
        except BaseException:
            self._kept.drop(self, number)  # it is asked for anew when it is wanted again
            raise

    def _block(self, number: int) -> Future[bytes]:
        start = number * BLOCK_BYTES
        return self._kept.get(self, number, lambda: self._fetch(start, min(start + BLOCK_BYTES, self.size_bytes)))


class KeptBlocks:
    """Blocks of all objects that a process reads: those that were used last, within a number of bytes."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most = max(1 + _AHEAD, most_bytes // BLOCK_BYTES)
        self.held: OrderedDict[tuple[int, int], tuple[Blocks, Future[bytes]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, blocks: Blocks, number: int, fetch: Callable[[], bytes]) -> Future[bytes]:
        """Return a block that is held or on its way, or ask for it."""
        key = (id(blocks), number)
        with self._lock:
            if key not in self.held:
                self.held[key] = (blocks, _threads().submit(fetch))
            self.held.move_to_end(key)
            while len(self.held) > self._most:
                self.held.popitem(last=False)
            return self.held[key][1]

    def drop(self, blocks: Blocks, number: int) -> None:
        """Forget a block."""
        with self._lock:
            self.held.pop((id(blocks), number), None)


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="objects")


class RangeFile(io.RawIOBase):
    """An object as a file that can be read and sought.

    Args:
        blocks: Its bytes.
        name: Its address; demuxers look at its end.
    """

    def __init__(self, blocks: Blocks, name: str) -> None:
        super().__init__()
        self.name = name
        self._blocks, self._at = blocks, 0

    def readable(self) -> bool:
        """See ``io.IOBase``."""
        return True

    def seekable(self) -> bool:
        """See ``io.IOBase``."""
        return True

    def tell(self) -> int:
        """See ``io.IOBase``."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See ``io.IOBase``."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._blocks.size_bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Writable, /) -> int:  # type: ignore[override]  # a buffer that has a length
        """See ``io.RawIOBase``."""
        data = self._blocks.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class Writable(Protocol):
    """A buffer that bytes are put into."""

    def __len__(self) -> int:
        """Return how many it takes."""

    def __setitem__(self, place: slice, data: bytes, /) -> None:
        """Put bytes there."""

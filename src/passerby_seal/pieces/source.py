"""Where a pack is read from: any place of it, without the rest."""

from __future__ import annotations

from bisect import bisect_right
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

from passerby.errors import StorageError


class PackSource(Protocol):
    """Bytes that can be read from any place."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from a place on; fewer only where they end before."""


class PackBytes:
    """A pack in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from a place on; fewer only where they end before."""
        return self._data[offset : offset + length]


class PackFiles:
    """A pack in one file, or in parts that follow one another."""

    def __init__(self, *parts: Path) -> None:
        """Open the parts, on disk or in an object store.

        Raises:
            StorageError: one cannot be read.
        """
        self._files: list[IO[bytes]] = []
        self._begins: list[int] = []
        self.size = 0
        with ExitStack() as opened:
            for part in parts:
                try:
                    self._files.append(opened.enter_context(part.open("rb")))
                    self._begins.append(self.size)
                    self.size += self._files[-1].seek(0, 2)
                except OSError as exc:
                    raise StorageError(f"pack {part} cannot be read: {exc.strerror or exc}") from exc
            self._opened = opened.pop_all()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from a place on; fewer only where they end before.

        Raises:
            StorageError: they cannot be read.
        """
        found = b""
        while length > len(found) and offset + len(found) < self.size:
            at = offset + len(found)
            part = bisect_right(self._begins, at) - 1
            try:
                self._files[part].seek(at - self._begins[part])
                read = self._files[part].read(length - len(found))
            except OSError as exc:
                raise StorageError(f"pack cannot be read: {exc.strerror or exc}") from exc
            if not read:
                break
            found += read
        return found

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

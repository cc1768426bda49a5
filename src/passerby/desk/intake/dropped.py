"""Files that were dropped onto the page: their bytes are held in memory, under a name that programs can open.

A browser hands a page bytes and no path, and what a server spools to disk would be bare. The bytes are kept in a file of
memory without a name (memfd); a link in a private folder gives it one, which leads to it in this process and in those
that are handed its descriptor.

Source: Linux, memfd_create(2), proc_pid_fd(5).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from passerby.errors import UnsupportedError, UsageError

MOST_BYTES = 1 << 30
"""Of all that is held at once. Source: a choice; the original stays where it was, and larger files are opened from the list."""
_LONGEST_NAME = 120
"""Bytes, not letters, so that what is written beside it has room for its endings. Source: NAME_MAX of Linux is 255."""
_LIST_HINT = "choose it from the list instead: it is read from where it lies"


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file in memory.

    Attributes:
        path: Under which this process opens it.
        descriptor: That other processes need to open it there.
        size_bytes: Its size.
    """

    path: Path
    descriptor: int
    size_bytes: int


class DroppedFiles:
    """Holds files; a context, which lets go of all.

    Args:
        most_bytes: That may be held at once.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._held: dict[Path, HeldFile] = {}
        self._taken = 0
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in [*self._held.values()]:
            self.forget(one)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def possible(self) -> bool:
        """Return whether this system has files of memory."""
        return hasattr(os, "memfd_create")

    async def hold(self, name: str, parts: AsyncIterable[bytes], *, size_bytes: int | None = None) -> HeldFile:
        """Take a file as it comes.

        Args:
            name: That it had; its last part counts.
            parts: Its bytes.
            size_bytes: As announced, so that what is too large is refused before it comes.

        Raises:
            UsageError: it is too large, or its name is none.
            UnsupportedError: this system has no files of memory.
        """
        if not self.possible:
            raise UnsupportedError("a dropped file cannot be held in memory on this system", hint=_LIST_HINT)
        place = self._place(name)
        taken = 0
        descriptor = os.memfd_create("passerby", os.MFD_CLOEXEC)
        try:
            self._refuse_more(size_bytes or 0)
            async for part in parts:
                self._refuse_more(len(part))
                self._taken += len(part)
                taken += len(part)
                _write(descriptor, part)
            place.symlink_to(f"/proc/self/fd/{descriptor}")
        except BaseException:
            self._taken -= taken
            os.close(descriptor)
            shutil.rmtree(place.parent, ignore_errors=True)
            raise
        held = self._held[place] = HeldFile(place, descriptor, taken)
        return held

    def forget(self, held: HeldFile) -> None:
        """Let go of a file."""
        if self._held.pop(held.path, None) is not None:
            self._taken -= held.size_bytes
            os.close(held.descriptor)
            shutil.rmtree(held.path.parent, ignore_errors=True)

    def _refuse_more(self, size_bytes: int) -> None:
        if self._taken + size_bytes > self.most_bytes:
            raise UsageError(
                f"dropped files must have at most {self.most_bytes >> 20} MB together, got more", hint=_LIST_HINT
            )

    def _place(self, name: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="passerby-desk-"))
        kept = plain_name(name)
        if not kept:
            raise UsageError("a dropped file must have a name, got none", hint=_LIST_HINT)
        return Path(tempfile.mkdtemp(dir=self._folder)) / kept


def plain_name(name: str) -> str:
    """Return the last part of a name, without what no file's name should hold.

    >>> plain_name("a/b/../party.mp4"), plain_name("..")
    ('party.mp4', '')
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(letter for letter in last if letter.isprintable()).strip().lstrip(".")
    stem, dot, suffix = kept.rpartition(".")
    return f"{_cut(stem, _LONGEST_NAME)}.{_cut(suffix, 16)}" if dot else _cut(kept, _LONGEST_NAME)


def _cut(text: str, most_bytes: int) -> str:
    return text.encode("utf-8", "ignore")[:most_bytes].decode("utf-8", "ignore")


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]

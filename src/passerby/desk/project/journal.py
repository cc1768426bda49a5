"""The journal of one project on disk: JSON lines, each durable before it is acknowledged, never rewritten.

A process that is killed while it writes leaves half a line at the end; it was never acknowledged, so it is left out when the
journal is opened again, and said. The journal is locked while it is open.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from passerby.errors import DeskError, OutputError, UsageError
from passerby.files import FileSystem, write_atomic

FORMAT, VERSION = "passerby-desk", 1
MOST_BYTES = 1 << 28
"""A longer journal is none that a person made. Source: a choice."""
_SYSTEM = FileSystem()


class Journal:
    """A journal that is open, and locked.

    Args:
        path: The file; it is there, with its header.
        system: Another one breaks its calls in tests.

    Attributes:
        path: As given.
        rows: What stood in it when it was opened, header first.
        torn: Bytes of a half last line that were left out.

    Raises:
        DeskError: it is open elsewhere, or a whole line is no JSON object.
        OutputError: it cannot be opened for writing.
    """

    def __init__(self, path: Path, *, system: FileSystem = _SYSTEM) -> None:
        self.path, self._system = path, system
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        except OSError as exc:
            raise OutputError(f"cannot open {path}: {exc.strerror or exc}") from exc
        try:
            _lock(self._handle, path)
            data = _read(self._handle, path)
            whole, _, rest = data.rpartition(b"\n")
            self._size = len(data) - len(rest)
            self.torn = len(rest)
            self.rows = tuple(_row(path, number, line) for number, line in enumerate(whole.split(b"\n"), 1) if line)
            if self.torn and self.rows and self.rows[0].get("format") == FORMAT:
                self._cut()  # of a file that is none of ours nothing is taken away
        except BaseException:
            os.close(self._handle)
            raise

    @classmethod
    def begin(cls, path: Path, header: dict[str, Any]) -> None:
        """Write a journal that holds nothing but its header, unless one is there already.

        Raises:
            OutputError: it cannot be written.
        """
        with suppress(UsageError):  # somebody was faster: theirs is read
            write_atomic(path, _line(header), overwrite=False, mode=0o600)

    def append(self, row: dict[str, Any]) -> None:
        """Add a line; when this returns it is durable, when it raises nothing was added.

        Raises:
            OutputError: it cannot be written.
        """
        line = _line(row)
        try:
            written = 0
            while written < len(line):
                written += os.write(self._handle, line[written:])
            self._system.flush(self.path)
        except OSError as exc:
            self._cut()
            raise OutputError(
                f"cannot write {self.path}: {exc.strerror or exc}",
                hint="nothing of the edit was taken; free space and try again",
            ) from exc
        self._size += len(line)

    def close(self) -> None:
        """Let go of the file and its lock; what is added later fails, and never goes to another file of that number."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _cut(self) -> None:
        """Take away what lies behind the last whole line."""
        try:
            os.ftruncate(self._handle, self._size)
            os.fsync(self._handle)
        except OSError as exc:
            raise OutputError(f"cannot write {self.path}: {exc.strerror or exc}") from exc


def exported_digests(path: Path) -> frozenset[str]:
    """Return the digests of the outputs that a journal says were exported, also while it is open elsewhere.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        lines = [line for line in file if line.startswith(b'{"exported"') and line.endswith(b"\n")]
    return frozenset(str(_row(path, number, line).get("exported")) for number, line in enumerate(lines, 1))


def _line(row: dict[str, Any]) -> bytes:
    return (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _read(handle: int, path: Path) -> bytes:
    if os.fstat(handle).st_size > MOST_BYTES:
        raise DeskError(f"project must be at most {MOST_BYTES >> 20} MiB, got more: {path}")
    pieces = []
    while piece := os.read(handle, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def _row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise DeskError(
            f"{path}:{number}: line must be one JSON object, got: {exc}",
            hint="was the project changed by hand? move it away",
        ) from exc
    if not isinstance(found, dict):
        raise DeskError(f"{path}:{number}: line must be one JSON object, got {type(found).__name__}")
    return found


def _lock(handle: int, path: Path) -> None:
    """Lock a file for as long as it is open; a process that ends lets go of it, however it ends."""
    try:
        if sys.platform == "win32":  # pragma: no cover - untried
            import msvcrt

            os.lseek(handle, MOST_BYTES, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        raise DeskError(
            f"project must be open in one place, got it open elsewhere: {path}",
            hint="close the other desk, then try again",
        ) from exc

"""Records a camera's veiled stream: fragmented MP4 that can be played up to the last written fragment, whatever happens.

A file is header and fragments, each a group of pictures written in one piece; a power cut costs at most what was not yet
synchronised. File names are the wall time of the first picture, in UTC.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from passerby.gateway.config import RecordConfig
from passerby.gateway.stream.fmp4 import init_segment
from passerby.gateway.stream.gops import Gop, GopCutter
from passerby.gateway.stream.relay import Relay

WAITING = 32
_NAME = "%Y%m%dT%H%M%S"
_SWEEP_S = 60.0
_DISK_S = 1.0
SPARE_BYTES = 4 * 1024 * 1024
"""Free space wanted, once a write has failed, before the next is tried: more than a group of pictures takes."""
Full = Callable[[bool, str], None]
"""Called from the recorder's thread when the disk becomes full (with why) and when it has space again."""


def file_name(wall_ns: int) -> str:
    """Return the name of a recording that begins at a wall time.

    >>> file_name(1_500_000_000)
    '19700101T000001.500Z.mp4'
    """
    at = datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC)
    return f"{at.strftime(_NAME)}.{wall_ns // 1_000_000 % 1000:03d}Z.mp4"


def began_ns(path: Path) -> int | None:
    """Return the wall time at which a recording begins, by its name; None for a file that is none.

    >>> began_ns(Path("19700101T000001.500Z.mp4"))
    1500000000
    """
    stem, dot, rest = path.name.partition(".")
    if not dot or not rest.endswith("Z.mp4") or not rest[:3].isdecimal():
        return None
    try:
        at = datetime.strptime(stem, _NAME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp()) * 1_000_000_000 + int(rest[:3]) * 1_000_000


@dataclass(slots=True)
class _Open:
    file: BinaryIO
    gop: Gop
    base: int
    sequence: int = 0
    whole_bytes: int = 0


class Recorder:
    """Writes one camera's stream from a thread of its own.

    Args:
        camera: Its name, and the name of its folder.
        config: Where, how long, how much.
        full: Told about the disk.
    """

    def __init__(self, camera: str, config: RecordConfig, full: Full) -> None:
        self.folder = config.folder / camera
        self._config, self._full = config, full
        self._waiting: queue.Queue[Gop | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._leave: Callable[[], None] | None = None
        self._open: _Open | None = None
        self._synced_s = self._swept_s = self._asked_s = 0.0
        self._is_full, self._space = False, True
        self.dropped = 0
        self.written_bytes = 0

    def start(self, relay: Relay) -> None:
        """Begin to record."""
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()
        self._leave = relay.subscribe(GopCutter(self._offer))

    def stop(self) -> None:
        """Write what is waiting and close the file."""
        if self._leave is not None:
            self._leave()
            self._leave = None
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(10.0)
            self._thread = None

    def _offer(self, gop: Gop) -> None:
        try:
            self._waiting.put_nowait(gop)
        except queue.Full:
            self.dropped += 1

    def _run(self) -> None:
        while True:
            try:
                gop = self._waiting.get(timeout=_DISK_S)
            except queue.Empty:
                self._guarded(None)
                continue
            if gop is None:
                break
            self._guarded(gop)
        try:
            self._close()
        except OSError as exc:
            self._tell(True, f"recording cannot be written: {exc.strerror}")

    def _guarded(self, gop: Gop | None) -> None:
        try:
            if self._has_space() and gop is not None:
                self._write(gop)
                # only what was written shows that there is space: a quota does not tell of itself
                self._tell(False, "")
            self._sync()
            self._sweep()
        except OSError as exc:
            text = "no space left" if exc.errno in {errno.ENOSPC, errno.EDQUOT} else (exc.strerror or "write failed")
            self._abandon()
            self._asked_s, self._space = time.monotonic(), False
            self._tell(True, f"recording cannot be written: {text}")

    def _has_space(self) -> bool:
        now_s = time.monotonic()
        if now_s - self._asked_s >= _DISK_S:
            self._asked_s = now_s
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            wanted = max(self._config.min_free_bytes, SPARE_BYTES if self._is_full else 0)
            free = shutil.disk_usage(self.folder).free
            if free < wanted:
                self._close()
                self._sweep(now=True)
                free = shutil.disk_usage(self.folder).free
            self._space = free >= wanted
            if not self._space:
                self._tell(True, f"{free // 2**20} MiB free, {wanted // 2**20} MiB wanted")
        return self._space

    def _tell(self, is_full: bool, why: str) -> None:
        if is_full != self._is_full:
            self._is_full = is_full
            self._full(is_full, why)

    def _write(self, gop: Gop) -> None:
        if self._open is not None:
            first = self._open.gop
            age_s = (gop.ticks - first.ticks) / 90_000
            if gop.parameters != first.parameters or age_s >= self._config.segment_s or age_s < 0:
                self._close()
        if self._open is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            path = self.folder / file_name(gop.wall_ns)
            # unbuffered, so that a fragment is one write
            self._open = _Open(path.open("xb", buffering=0), gop, gop.ticks)
            self._append(init_segment(gop.parameters))
        self._open.sequence += 1
        self._append(gop.fragment(self._open.sequence, self._open.base))
        self._open.whole_bytes = self._open.file.tell()

    def _append(self, data: bytes) -> None:
        if self._open is not None:
            written = self._open.file.write(data)
            if written != len(data):
                raise OSError(errno.ENOSPC, "no space left")
            self.written_bytes += written

    def _sync(self) -> None:
        if self._open is not None and time.monotonic() - self._synced_s >= self._config.sync_s:
            self._synced_s = time.monotonic()
            os.fsync(self._open.file.fileno())

    def _close(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            try:
                os.fsync(opened.file.fileno())
            finally:
                opened.file.close()

    def _abandon(self) -> None:
        """Close a file that cannot be written on, at the end of its last whole fragment; what fails once may fail again."""
        opened, self._open = self._open, None
        if opened is not None:
            with contextlib.suppress(OSError), opened.file as file:
                file.truncate(opened.whole_bytes)
                if not opened.whole_bytes:
                    Path(file.name).unlink()

    def _sweep(self, *, now: bool = False) -> None:
        if not now and time.monotonic() - self._swept_s < _SWEEP_S:
            return
        self._swept_s = time.monotonic()
        current = self._open.file.name if self._open else None
        keep = [path for path in recorded(self.folder) if str(path) != str(current)]
        for path in expired(keep, self._config, time.time_ns()):
            path.unlink(missing_ok=True)


def recorded(folder: Path) -> list[Path]:
    """Return the recordings of a camera's folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if began_ns(path) is not None)


def expired(paths: list[Path], config: RecordConfig, wall_ns: int) -> list[Path]:
    """Return which recordings must go: those too old, then the oldest above the size.

    Args:
        paths: Finished recordings, oldest first.
        config: Limits.
        wall_ns: Now.
    """
    gone: list[Path] = []
    kept: list[tuple[Path, int]] = []
    for path in paths:
        status = path.stat()
        if config.retain.days > 0 and wall_ns - status.st_mtime_ns > config.retain.days * 86_400e9:
            gone.append(path)
        else:
            kept.append((path, status.st_size))
    total = sum(size for _, size in kept)
    while config.retain.max_size_bytes and kept and total > config.retain.max_size_bytes:
        path, size = kept.pop(0)
        gone.append(path)
        total -= size
    return gone

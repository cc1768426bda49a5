"""Records a camera's veiled stream from a thread of its own, keeps to the limits, and tells when the disk is full.

What is written can be played up to the last written fragment, whatever happens: see ``recording_files``.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import queue
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from passerby.errors import OutputError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import RecordConfig
from passerby.gateway.stream.gops import Gop, GopCutter
from passerby.gateway.stream.recording_files import (
    OpenFile,
    RecordingFile,
    add_part,
    delete_left_over,
    delete_recording,
    open_unbuffered,
    recorded,
)
from passerby.gateway.stream.relay import Relay
from passerby.gateway.stream.retention import expired, note_retention
from passerby.sealing import IndexPart

WAITING = 32
SPARE_BYTES = 4 * 1024 * 1024
"""Free space wanted, once a write has failed, before the next is tried: more than a group of pictures takes."""
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_log = logging.getLogger("passerby.gateway.recorder")
Full = Callable[[bool, str], None]
"""Called from the recorder's thread when the disk becomes full (with why) and when it has space again."""


def free_bytes(folder: Path) -> int:
    """Return the free space of a folder's disk."""
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True)
class RecorderLimits:
    """How often a recorder checks its disk, and how.

    Attributes:
        space_s: For free space, and after a failed write for the next try.
        sweep_s: For recordings that must go.
        free_bytes: Tells the free space below a folder.
    """

    space_s: float = 1.0
    sweep_s: float = 60.0
    free_bytes: Callable[[Path], int] = free_bytes


class Recorder:
    """Writes one camera's stream.

    Args:
        camera: Its name, and the name of its folder.
        config: Where, how long, how much.
        full: Told about the disk.
        limits: How often to check the disk.
        open_file: Makes a file.
        clock: The machine's clocks.
    """

    def __init__(
        self,
        camera: str,
        config: RecordConfig,
        full: Full,
        *,
        limits: RecorderLimits | None = None,
        open_file: OpenFile = open_unbuffered,
        clock: Clock = MACHINE,
    ) -> None:
        self.folder = config.folder / camera
        self._config, self._full, self._limits = config, full, limits or RecorderLimits()
        self._open_file, self._clock = open_file, clock
        self._waiting: queue.Queue[Gop | IndexPart | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._leave: Callable[[], None] | None = None
        self._open: RecordingFile | None = None
        self._synced_s = self._swept_s = self._asked_s = 0.0
        self._is_full, self._space = False, True
        self.dropped = 0

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

    def index(self, parts: Sequence[IndexPart]) -> None:
        """Take parts of the index of what is recorded; lost where the disk is too slow or full."""
        for part in parts:
            self._offer(part)

    def _offer(self, item: Gop | IndexPart) -> None:
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            self.dropped += 1

    def _run(self) -> None:
        while True:
            try:
                item = self._waiting.get(timeout=self._limits.space_s)
            except queue.Empty:
                self._guarded(None)
                continue
            if item is None:
                break
            if isinstance(item, IndexPart):
                # an index that is not there covers nobody
                with contextlib.suppress(OSError):
                    add_part(self.folder, item)
            else:
                self._guarded(item)
        try:
            self._close()
        except OSError as exc:
            self._tell(True, f"recording cannot be written: {exc.strerror}")

    def _guarded(self, gop: Gop | None) -> None:
        while True:
            try:
                self._take(gop)
            except OSError as exc:
                opened, self._open = self._open, None
                if opened is not None:
                    opened.abandon()
                # a quota shows in the write alone, whatever the disk says of its free space
                if exc.errno in _NO_SPACE and self._oldest_deleted():
                    continue
                text = "no space left" if exc.errno in _NO_SPACE else (exc.strerror or "write failed")
                self._asked_s, self._space = self._clock.now_s(), False
                self._tell(True, f"recording cannot be written: {text}")
            return

    def _take(self, gop: Gop | None) -> None:
        if self._has_space() and gop is not None:
            self._write(gop)
            # only what was written shows that there is space: a quota does not tell of itself
            self._tell(False, "")
        self._sync()
        self._sweep()

    def _has_space(self) -> bool:
        now_s = self._clock.now_s()
        if now_s - self._asked_s >= self._limits.space_s:
            self._asked_s = now_s
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            wanted = max(self._config.min_free_bytes, SPARE_BYTES if self._is_full else 0)
            if self._free_bytes() < wanted:
                self._close()
                self._sweep(now=True)
                while self._free_bytes() < wanted and self._oldest_deleted():
                    pass
            free = self._free_bytes()
            self._space = free >= wanted
            if not self._space:
                self._tell(True, f"{free // 2**20} MiB free, {wanted // 2**20} MiB wanted")
        return self._space

    def _free_bytes(self) -> int:
        return self._limits.free_bytes(self.folder)

    def _oldest_deleted(self) -> bool:
        """Delete this camera's oldest recording, where it may; return whether one went."""
        if self._config.when_full != "delete_oldest":
            return False
        found = self._finished()
        if found:
            delete_recording(found[0])
            _log.warning("%s: the disk is full: %s deleted", self.folder.name, found[0].name)
        return bool(found)

    def _tell(self, is_full: bool, why: str) -> None:
        if is_full != self._is_full:
            self._is_full = is_full
            self._full(is_full, why)

    def _write(self, gop: Gop) -> None:
        if self._open is not None and not self._open.takes(gop, self._config.segment_s):
            self._close()
        if self._open is None:
            self._open = RecordingFile(self.folder, gop, self._open_file)
        self._open.write(gop)

    def _sync(self) -> None:
        now_s = self._clock.now_s()
        if self._open is not None and now_s - self._synced_s >= self._config.sync_s:
            self._synced_s = now_s
            self._open.sync()

    def _close(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            opened.close()

    def _sweep(self, *, now: bool = False) -> None:
        now_s = self._clock.now_s()
        if not now and now_s - self._swept_s < self._limits.sweep_s:
            return
        self._swept_s = now_s
        try:
            note_retention(self.folder, self._config.retain)
        except OutputError as exc:
            # tried again at the next sweep
            _log.warning("%s: %s", self.folder.name, exc.message)
        for path in expired(self._finished(), self._config.retain, self._clock.wall_ns()):
            delete_recording(path)
        delete_left_over(self.folder)

    def _finished(self) -> list[Path]:
        current = self._open.path if self._open else None
        return [path for path in recorded(self.folder) if path != current]

"""How long recordings are kept: a word of their folder, not of a camera that runs.

A recorder leaves beside its files what they were recorded under (``.retention.json``). So recordings of a camera that was
removed, renamed, turned off or moved to another folder go when their time is up, by whoever looks through the folders.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from passerby.errors import OutputError
from passerby.files import write_atomic
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import NAME_PATTERN, RetainConfig
from passerby.gateway.stream.recording_files import began_ns, delete_left_over, delete_recording, recorded

MARKER = ".retention.json"
_DAY_NS = 86_400 * 10**9
_MARKER_MAX_BYTES = 4096
_log = logging.getLogger("passerby.gateway.retention")


def note_retention(folder: Path, retain: RetainConfig) -> None:
    """Write how long a camera's folder keeps its recordings; nothing is written where it says so already.

    Raises:
        OutputError: it cannot be written.
    """
    if noted_retention(folder) != retain:
        write_atomic(folder / MARKER, json.dumps(asdict(retain)).encode(), overwrite=True)


def noted_retention(folder: Path) -> RetainConfig | None:
    """Return how long a camera's folder keeps its recordings, or None where it says nothing that ends some day."""
    try:
        with (folder / MARKER).open("rb") as file:
            told = json.loads(file.read(_MARKER_MAX_BYTES))
        days, most = float(told["days"]), int(told["max_size_bytes"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return RetainConfig(days=days, max_size_bytes=most) if (0 < days <= 3650) or (days == 0 and most > 0) else None


def expired(paths: Iterable[Path], retain: RetainConfig, wall_ns: int) -> list[Path]:
    """Return which recordings must go: those too old, then the oldest above the size.

    A recording is as old as its last write, but never younger than a day after its name: a copy that was put back has a new
    time of writing.

    Args:
        paths: Finished recordings, oldest first.
        retain: Limits.
        wall_ns: Now.
    """
    gone: list[Path] = []
    kept: list[tuple[Path, int]] = []
    for path in paths:
        with suppress(FileNotFoundError):
            status, began = path.stat(), began_ns(path)
            ended_ns = status.st_mtime_ns if began is None else min(status.st_mtime_ns, began + _DAY_NS)
            if retain.days > 0 and wall_ns - ended_ns > retain.days * _DAY_NS:
                gone.append(path)
            else:
                kept.append((path, status.st_size))
    total = sum(size for _, size in kept)
    while retain.max_size_bytes and kept and total > retain.max_size_bytes:
        path, size = kept.pop(0)
        gone.append(path)
        total -= size
    return gone


class RetentionSweeper:
    """Looks through every camera's folder in every recordings folder that was ever used, and deletes what must go.

    Folders that a recorder writes to now are its own. A folder without a word (of an older version) keeps what the file's
    defaults say.

    Args:
        ledger: File that holds which recordings folders were used, so that one that the configuration no longer names is not
            forgotten.
        clock: The machine's clocks.

    Attributes:
        failed: What could not be deleted, a sentence a folder.
    """

    def __init__(self, ledger: Path, *, clock: Clock = MACHINE) -> None:
        self.failed: tuple[str, ...] = ()
        self._ledger, self._clock = ledger, clock

    def sweep(self, roots: Iterable[Path], retain: RetainConfig, busy: Callable[[], Iterable[Path]]) -> None:
        """Look through all folders once; to be called in a thread.

        Args:
            roots: Recordings folders that the configuration names.
            retain: Of folders that say nothing.
            busy: Returns the folders that a recorder writes to; asked again before each folder.
        """
        unnoted = retain if retain.days or retain.max_size_bytes else RetainConfig()
        failed = []
        for root in self._roots(roots):
            for folder in _camera_folders(root):
                if folder in {path.resolve() for path in busy()}:
                    continue
                try:
                    self._sweep_folder(folder, noted_retention(folder) or unnoted)
                except OSError as exc:
                    failed.append(f"recordings in {folder} cannot be deleted: {exc.strerror}")
        for text in failed:
            if text not in self.failed:
                _log.warning("%s", text)
        self.failed = tuple(failed)

    def _sweep_folder(self, folder: Path, retain: RetainConfig) -> None:
        paths = recorded(folder)
        gone = expired(paths, retain, self._clock.wall_ns())
        for path in gone:
            delete_recording(path)
        delete_left_over(folder)
        if len(gone) == len(paths):
            (folder / MARKER).unlink(missing_ok=True)
            with suppress(OSError):
                # somebody's own file in it keeps it
                folder.rmdir()

    def _roots(self, named: Iterable[Path]) -> list[Path]:
        """Return all recordings folders, those that were used before too, and keep them in mind."""
        try:
            told = json.loads(self._ledger.read_bytes())
            before = {Path(path) for path in told if isinstance(path, str)} if isinstance(told, list) else set()
        except (OSError, ValueError, RecursionError):
            before = set()
        roots = {path.resolve() for path in named} | {path for path in before if path.is_dir()}
        if roots != before:
            try:
                text = json.dumps(sorted(map(str, roots)), indent=0)
                write_atomic(self._ledger, text.encode(), overwrite=True)
            except OutputError as exc:
                _log.warning("%s", exc.message)
        return sorted(roots)


def _camera_folders(root: Path) -> Iterator[Path]:
    """Return the folders of a recordings folder that are a camera's: by their name, and by what is in them."""
    try:
        found = [path for path in root.iterdir() if NAME_PATTERN.fullmatch(path.name) and path.is_dir()]
    except OSError:
        return
    for folder in sorted(found):
        with suppress(OSError):
            if (folder / MARKER).exists() or recorded(folder):
                yield folder.resolve()

"""Keeps answers between scans, by the SHA-256 of a file and, so that it need not be read again, by what the system says of it.

The folder is private (mode 0700, this user's own). A key holds the versions and the code of all readers, the catalogue's
digest and the limits, so that a new version begins anew. Every answer has a check over its key and itself; one that does not
fit is not believed. This finds damage; it cannot hold off somebody who writes as this user, who could as well replace
Passerby. Where nothing can be kept, nothing is.

What the system says of a file (device, inode, size, both times) is believed only where the file was left alone for a while
before it was read. Somebody who makes up a whole disk can make that up, too: scan such a disk without what was kept.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from passerby import __version__
from passerby.scan.catalogue import read_catalogue
from passerby.scan.files import ScanLimits
from passerby.scan.run.answers import FileAnswers, answers_from_json, answers_to_json
from passerby.scan.values import Reader

MOST_BYTES = 512 << 20
"""A cache above this begins anew. Source: a choice; 190,000 files take about 30 MB."""
_MOST_ANSWER_BYTES = 16 << 20
_LEFT_ALONE_NS = 2_000_000_000
"""Times of files are no finer than that on some disks. Source: FAT's, 2 s; the same care as git's for its index."""
_FORMAT = 1
_NAME = "answers.sqlite"
_TABLE = "create table if not exists answers (key blob primary key, value blob, mark blob) without rowid"


def binding_of(readers: Sequence[Reader], limits: ScanLimits) -> bytes:
    """Return what all keys begin with: answers hold for these readers, this catalogue and these limits alone."""
    versions = [(reader.name, reader.version) for reader in readers]
    told = [_FORMAT, __version__, _code_digest(), versions, read_catalogue().digest, asdict(limits)]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=16).digest()


@functools.cache
def _code_digest() -> str:
    """Return a digest of the room's own code, so that nobody has to remember that an answer changes."""
    state = hashlib.blake2b(digest_size=16)
    for path in sorted(Path(__file__).parent.parent.rglob("*.py")):
        state.update(path.name.encode() + path.read_bytes())
    return state.hexdigest()


class AnswerCache:
    """Answers by key.

    Args:
        folder: Of this user's own; made where it is missing.
        binding: From :func:`binding_of`.
        write: Whether answers are put into it; one process does that.
    """

    def __init__(self, folder: Path, binding: bytes, *, write: bool = True) -> None:
        self._path, self._binding, self._write = folder / _NAME, binding, write
        self._base: sqlite3.Connection | None = None
        if _is_private(folder, make=write):
            with suppress(OSError):
                if write and self._path.stat().st_size > MOST_BYTES:
                    self._drop()
            self._open()

    def _open(self) -> None:
        try:
            if self._write:
                self._path.touch(mode=0o600)
            mode = "rwc" if self._write else "ro"
            self._base = sqlite3.connect(
                f"{self._path.as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=1
            )
            if self._write:
                self._base.execute("pragma journal_mode=wal")
                self._base.execute("pragma synchronous=off")  # what a power cut damages is dropped
                self._base.execute(_TABLE)
                self._base.execute("begin")
        except (sqlite3.Error, OSError) as exc:
            self._failed(exc)

    def file_key(self, path: str, status: os.stat_result) -> bytes:
        """Return the key of a file by what the system says of it."""
        told = (path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return self._key(repr(told))

    def content_key(self, path: str, digest: str) -> bytes:
        """Return the key of a file by what is in it. Its path counts, since readers go by names."""
        return self._key(repr((path, digest)))

    def _key(self, told: str) -> bytes:
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), key=self._binding, digest_size=16).digest()

    def read(self, key: bytes) -> FileAnswers | None:
        """Return what was kept under a key, or None where nothing was or where it is not what was kept."""
        if self._base is None:
            return None
        try:
            row = self._base.execute("select value, mark from answers where key = ?", (key,)).fetchone()
            if row is None or not isinstance(row[0], bytes) or row[1] != _mark(key, row[0]):
                return None
            return answers_from_json(row[0])
        except (sqlite3.Error, ValueError) as exc:
            self._failed(exc)
            return None

    def write(self, keys: Sequence[bytes], answers: FileAnswers) -> None:
        """Keep answers under several keys."""
        if self._base is None or not answers.lasting:
            return
        data = answers_to_json(answers)
        if len(data) > _MOST_ANSWER_BYTES:
            return
        try:
            rows = [(key, data, _mark(key, data)) for key in keys]
            self._base.executemany("insert or replace into answers values (?, ?, ?)", rows)
        except sqlite3.Error as exc:
            self._failed(exc)

    def close(self) -> None:
        """Make durable what was kept."""
        if self._base is not None:
            try:
                if self._write:
                    self._base.execute("commit")
                self._base.close()
            except sqlite3.Error as exc:
                self._failed(exc)
            self._base = None

    def _failed(self, exc: Exception) -> None:
        """Go on without; a damaged file goes, one that another scan writes does not."""
        if self._base is not None:
            with suppress(sqlite3.Error):
                self._base.close()
        self._base = None
        if self._write and not isinstance(exc, sqlite3.OperationalError):
            self._drop()

    def _drop(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(_NAME + suffix).unlink(missing_ok=True)


def was_left_alone(status: os.stat_result, now_ns: int) -> bool:
    """Return whether a file was changed long enough ago for its times to tell the next change."""
    return max(status.st_mtime_ns, status.st_ctime_ns) < now_ns - _LEFT_ALONE_NS


def _mark(key: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(value, key=key, digest_size=16).digest()


def _is_private(folder: Path, *, make: bool) -> bool:
    try:
        if make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    owned = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    return stat.S_ISDIR(status.st_mode) and owned and not status.st_mode & 0o022

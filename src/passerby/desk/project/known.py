"""Digests that this process knows already: a file of an hour is read once, not each time that somebody asks what it is.

A digest is known for as long as the file is the same by device, number, length and the system's own time of its last change,
which no program can set. Of a file that changed just now that time says nothing yet: it is read again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from passerby.values import Digest, digest_file

_Identity = tuple[int, int, int, int, int]
_MOST = 1000
_SETTLED_NS = 2 * 10**9
"""So old must the last change be. Source: FAT keeps times to two seconds."""
_known: dict[_Identity, Digest] = {}
_lock = threading.Lock()


def known_digest(
    path: Path, *, read: Callable[[Path], Digest] = digest_file, now_ns: Callable[[], int] = time.time_ns
) -> Digest:
    """Return the SHA-256 digest of a file, read only where it is not known.

    Args:
        path: The file.
        read: Makes the digest.
        now_ns: The present, as the system counts it.

    Raises:
        OSError: the file cannot be read.
    """
    before = _identity(path)
    with _lock:
        found = _known.get(before)
    if found is not None:
        return found
    settled = now_ns() - before[-1] > _SETTLED_NS
    digest = read(path)
    if settled and _identity(path) == before:
        with _lock:
            if len(_known) >= _MOST:
                _known.clear()
            _known[before] = digest
    return digest


def known_digests(*paths: Path) -> list[Digest]:
    """Return the digests of several files, read at once.

    Raises:
        OSError: one cannot be read.
    """
    with ThreadPoolExecutor(len(paths)) as readers:
        return [*readers.map(known_digest, paths)]


def _identity(path: Path) -> _Identity:
    told = path.stat()
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns

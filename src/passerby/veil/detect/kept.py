"""Keeps compiled networks between runs, so that short clips and folders of pictures start fast. They are weights: hence the care.

The folder is private (mode 0700, this user's own). An index pins the SHA-256 of every file in it and carries one of its own. What
differs from its pin is refused, said once in the log, and made anew. This finds damage and files that others put there; it cannot
hold off somebody who writes as this user, who could as well replace Passerby. Names carry what a network is bound to: versions,
processor, weights. Where the folder cannot be made, read or written nothing is kept, and all goes on.

Any number of processes may share the folder, without locks: a file's name holds its digest, so nobody's is ever overwritten by
other content, and the index is replaced as a whole. Of two that write it at once one may be forgotten, and is then made anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from passerby.errors import PasserbyError
from passerby.files import write_atomic
from passerby.values import digest_bytes

MOST_BYTES = 64 * 2**20
"""The least recently used go beyond this. Source: a choice; 26 networks in 8 bits of 2.4 MB, or 8 in float32."""
ORPHAN_S = 3_600
"""A file that the index does not name for so long belongs to nobody. Source: a choice, far above any start."""
INDEX = "index.json"
_PLAIN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_NAME = re.compile(r"[a-z0-9-]+")
_log = logging.getLogger("passerby.veil.detect")


@dataclass(frozen=True, slots=True)
class _Pin:
    """What a file must be: its SHA-256, hexadecimal, and its length."""

    sha256: str
    size_bytes: int


class NetworkFolder:
    """Files by name, each pinned. See the module.

    Args:
        path: A folder of this user's own that nobody else may enter.
        binding: Ends every name; what it stands for decides which files are found again.
        most_bytes: See ``MOST_BYTES``.
    """

    def __init__(self, path: Path, binding: str, *, most_bytes: int = MOST_BYTES) -> None:
        self.path, self._binding, self._most_bytes = path, binding, most_bytes

    def read(self, name: str) -> bytes | None:
        """Return what was kept under a name, or None where nothing was or where it is not what was kept."""
        name = self._bound(name)
        pin = self._pins().get(name)
        if pin is None:
            return None
        path = self._file(name, pin)
        try:
            data = _read_own(path)
        except OSError:  # somebody dropped it
            return None
        if (hashlib.sha256(data).hexdigest(), len(data)) != (pin.sha256, pin.size_bytes):
            _log.warning("kept network %s is not what was kept there: refused, and made anew", path)
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)  # used last
        return data

    def write(self, name: str, data: bytes) -> bool:
        """Keep something under a name; return whether it could be kept."""
        name = self._bound(name)
        pin = _Pin(hashlib.sha256(data).hexdigest(), len(data))
        try:
            write_atomic(self._file(name, pin), data, mode=0o600)
            pins = self._within_bound(self._pins() | {name: pin}, name)
            write_atomic(self.path / INDEX, _index_text(pins).encode(), mode=0o600)
        except (PasserbyError, OSError) as error:
            _log.info("network is not kept: %s", error)
            return False
        with suppress(OSError):  # another process may be at it
            self._remove_orphans(pins)
        return True

    def holds(self) -> tuple[int, int]:
        """Return how many files are kept, and their bytes."""
        pins = self._pins()
        return len(pins), sum(pin.size_bytes for pin in pins.values())

    def _bound(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"name must be of a to z, digits and hyphens, got {name!r}")
        return f"{name}-{self._binding}"

    def _file(self, name: str, pin: _Pin) -> Path:
        return self.path / f"{name}-{pin.sha256[:16]}.kept"

    def _pins(self) -> dict[str, _Pin]:
        try:
            text = _read_own(self.path / INDEX).decode()
        except (OSError, UnicodeDecodeError):
            return {}
        try:
            return _read_index(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            _log.warning("index of kept networks in %s was changed: all are made anew", self.path)
            with suppress(OSError):
                (self.path / INDEX).unlink()
            return {}

    def _within_bound(self, pins: dict[str, _Pin], newest: str) -> dict[str, _Pin]:
        def used_s(name: str) -> float:
            try:
                return self._file(name, pins[name]).stat().st_mtime
            except OSError:
                return 0.0

        kept, total = {}, 0
        for name in sorted(pins, key=lambda name: (name == newest, used_s(name)), reverse=True):
            total += pins[name].size_bytes
            if name == newest or total <= self._most_bytes:
                kept[name] = pins[name]
        return kept

    def _remove_orphans(self, pins: dict[str, _Pin]) -> None:
        named = {self._file(name, pin).name for name, pin in pins.items()}
        total = 0
        for path in sorted(self.path.glob("*.kept"), key=lambda path: path.lstat().st_mtime, reverse=True):
            status = path.lstat()
            total += status.st_size
            if path.name not in named and (total > self._most_bytes or time.time() - status.st_mtime > ORPHAN_S):
                with suppress(OSError):
                    path.unlink()


def private_folder(path: Path) -> str | None:
    """Make a folder that only this user may enter, or check that it is one; return None, or why it cannot serve.

    Args:
        path: Its parent is made too, but no more: a home that is missing stays missing.
    """
    try:
        for folder in (path.parent, path):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        return f"{path} cannot be made: {error.strerror}"
    if not stat.S_ISDIR(status.st_mode):
        return f"{path} must be a folder"
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        return f"{path} must belong to this user, got user {status.st_uid}"
    if hasattr(os, "geteuid") and stat.S_IMODE(status.st_mode) & 0o077:
        return f"{path} must be closed to others (mode 0700), got {stat.S_IMODE(status.st_mode):04o}"
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return f"{path} cannot be written"
    return None


def _read_own(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | _PLAIN)
    with os.fdopen(handle, "rb") as file:
        return file.read()


def _index_text(pins: dict[str, _Pin]) -> str:
    rows = {name: [pin.sha256, pin.size_bytes] for name, pin in sorted(pins.items())}
    return json.dumps({"files": rows, "digest": digest_bytes(json.dumps(rows).encode())}, indent=1) + "\n"


def _read_index(text: str) -> dict[str, _Pin]:
    """Read what ``_index_text`` wrote; anything else is an error of Python's own."""
    index = json.loads(text)
    pins = {name: _Pin(str(sha256), int(size_bytes)) for name, (sha256, size_bytes) in index["files"].items()}
    if _index_text(pins) != text or not all(_NAME.fullmatch(name) for name in pins):
        raise ValueError("digest of the index is another")
    return pins

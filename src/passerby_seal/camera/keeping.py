"""Packs after their hour: brought to the store where that is a bucket, and deleted when their retention is over.

Their keys are destroyed by the custodian; that the pack goes too keeps the disk free and leaves nothing for a later weakness.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from passerby.errors import PasserbyError, SealError
from passerby.files import write_atomic
from passerby_seal.camera.hours import hour_of
from passerby_seal.camera.spool import PACK, UNFINISHED, packed_hour
from passerby_seal.pieces import Pack, PackFiles

HOLD = ".hold"
"""After the name of a pack: JSON ``{"until": "2026-12-24T00:00:00Z"}`` keeps it so long."""
MOST_H = 720
"""Source: the longest retention that a policy may have, docs/seal-format.md."""
LEFT_OVER_H = 1
"""So many hours after its own an unfinished pack is written by nobody any more."""
Holds = Callable[[], Mapping[str, datetime]]
Put = Callable[[str, Path], object]
"""Brings a file to the store under a key; raises ``StoreError`` where that cannot be done now."""
_log = logging.getLogger("passerby.seal")


class PackSweeper:
    """Looks through the packs of one gateway; to be called in a thread, about once a minute.

    Args:
        folder: Where packs are written; one folder a camera below it.
        put: Brings a finished pack to a bucket; None where the folder is the store.

    Attributes:
        failed: What could not be done, in a sentence; empty where all was.
    """

    def __init__(self, folder: Path, put: Put | None = None) -> None:
        self._folder, self._put = folder, put
        self.failed = ""

    def sweep(self, wall_ns: int, retention_h: Callable[[str], int | None], held: Holds = dict) -> None:
        """Do what is due.

        Args:
            wall_ns: Now.
            retention_h: Returns how many hours a camera's packs are kept after their own; None where it seals no more: as long as
                each pack says itself.
            held: Returns which pieces the register says are held, by digest, and until when; asked only where a pack would go.
        """
        self.failed = ""
        now_h = hour_of(wall_ns)
        for path in sorted(self._folder.glob("*/*")):
            hour = packed_hour(path)
            if hour is None:
                continue
            try:
                kept_h = retention_h(path.parent.name) or _own_retention_h(path)
                due = now_h > hour + kept_h and not _is_held(path, wall_ns)
                if due and not _note_hold(path, held(), wall_ns):
                    path.unlink(missing_ok=True)
                    path.with_name(path.name + HOLD).unlink(missing_ok=True)
                elif path.name.endswith(UNFINISHED) and now_h > hour + LEFT_OVER_H:
                    # whole up to its last record: its process was killed
                    path.rename(path.with_name(path.name.removesuffix(UNFINISHED)))
                elif self._put is not None and path.name.endswith(PACK):
                    self._put(f"{path.parent.name}/{path.name}", path)
                    path.unlink()
            except OSError as exc:
                self._fail(f"pack {path.name} cannot be kept or deleted: {exc.strerror}")
            except PasserbyError as exc:
                self._fail(exc.message)

    def _fail(self, why: str) -> None:
        if not self.failed:
            _log.warning("%s", why)
        self.failed = self.failed or why


@lru_cache(maxsize=4096)
def _own_retention_h(path: Path) -> int:
    """Return the hours of retention that a pack was sealed under; the longest there is where it cannot be read."""
    with suppress(SealError, OSError), PackFiles(path) as files:
        return -(-Pack.read(files, unfinished=True).policy.retention_s // 3600)
    return MOST_H


def _note_hold(path: Path, holds: Mapping[str, datetime], wall_ns: int) -> bool:
    """Return whether a piece of a pack is held, and write beside it until when; one that does not read holds none."""
    digests: set[str] = set()
    if holds:
        with suppress(SealError), PackFiles(path) as files:
            digests = {piece.digest for piece in Pack.read(files, unfinished=True).pieces.values()}
    until = max((end for digest, end in holds.items() if digest in digests), default=None)
    if until is None or until.timestamp() * 1e9 <= wall_ns:
        return False
    write_atomic(path.with_name(path.name + HOLD), json.dumps({"until": until.isoformat()}).encode())
    return True


def _is_held(path: Path, wall_ns: int) -> bool:
    with suppress(OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        until = json.loads(path.with_name(path.name + HOLD).read_text("utf-8"))["until"]
        return datetime.fromisoformat(until).astimezone(UTC).timestamp() * 1e9 > wall_ns
    return False

"""Packs after their hour: brought to the store where that is a bucket, and deleted when their retention is over.

Their keys are destroyed by the custodian; that the pack goes too keeps the disk free and leaves nothing for a later weakness.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from passerby.errors import PasserbyError
from passerby_seal.camera.hours import hour_of
from passerby_seal.camera.spool import PACK, UNFINISHED, packed_hour

HOLD = ".hold"
"""After the name of a pack: JSON ``{"until": "2026-12-24T00:00:00Z"}`` keeps it so long."""
LEFT_OVER_H = 1
"""So many hours after its own an unfinished pack is written by nobody any more."""
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

    def sweep(self, wall_ns: int, retention_h: Callable[[str], int]) -> None:
        """Do what is due.

        Args:
            wall_ns: Now.
            retention_h: Returns how many hours a camera's packs are kept after their own.
        """
        self.failed = ""
        now_h = hour_of(wall_ns)
        for path in sorted(self._folder.glob("*/*")):
            hour = packed_hour(path)
            if hour is None:
                continue
            try:
                if now_h > hour + retention_h(path.parent.name) and not _is_held(path, wall_ns):
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


def _is_held(path: Path, wall_ns: int) -> bool:
    with suppress(OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        until = json.loads(path.with_name(path.name + HOLD).read_text("utf-8"))["until"]
        return datetime.fromisoformat(until).astimezone(UTC).timestamp() * 1e9 > wall_ns
    return False

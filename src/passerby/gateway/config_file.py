"""The configuration's file while the gateway runs: whether it changed, what it says now, and whether that was sound."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from passerby.errors import PasserbyError, ServiceError
from passerby.gateway.config import CityConfig

_log = logging.getLogger("passerby.gateway")


class ConfigFile:
    """One configuration that may be read again.

    Args:
        path: Its file.
        load: Reads it anew; None for one that has no file.

    Attributes:
        error: Why it could not be taken the last time, or empty.
        notes: What of it takes effect at the next start only, a sentence each.
    """

    def __init__(self, path: Path, load: Callable[[], CityConfig] | None) -> None:
        self._path, self._load = path, load
        self._stamp = self._now()
        self.error = ""
        self.notes: list[str] = []

    @property
    def is_file(self) -> bool:
        """Return whether there is anything to read again."""
        return self._load is not None

    def changed(self) -> bool:
        """Return whether the file is another than at the last call; False while it is not there."""
        stamp = self._now()
        if stamp is None or stamp == self._stamp:
            return False
        self._stamp = stamp
        return True

    def read(self) -> CityConfig:
        """Read it anew.

        Raises:
            ServiceError: there is no file.
            ConfigError: it is broken; that is remembered.
        """
        if self._load is None:
            raise ServiceError("configuration must be a file to be read again, is built in")
        try:
            return self._load()
        except PasserbyError as exc:
            self.error = exc.message
            _log.error("the new configuration is broken, the old one stays: %s", exc.message)
            raise

    def taken(self, said: list[str]) -> None:
        """Note that what was read holds now, and what was said about it."""
        self.error, self.notes = "", [line for line in said if "restarted" in line]
        _log.info("configuration read: %s", "; ".join(said) or "nothing changed")

    def _now(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

"""Tables in a file of SQLite in which every step is durable when it returns, and whole or not at all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from passerby.errors import StorageError

_BUSY_S = 10.0


class DurableTables:
    """A file of tables. Safe to use from several threads; another process may write it too, and is waited for 10 s.

    Args:
        path: The file; made with mode 0600, its folder must be there.
        tables: SQL that makes the tables that are missing.
        what: What it is, for errors.

    Raises:
        StorageError: it cannot be opened.
    """

    def __init__(self, path: Path, tables: str, *, what: str) -> None:
        self._what, self._lock = what, threading.Lock()
        with self._told():
            path.touch(mode=0o600)
            self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=_BUSY_S)
            self._base.execute("pragma journal_mode=wal")
            self._base.execute("pragma synchronous=full")
            self._base.executescript(tables)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._base.close()

    def read(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        """Return what a query finds.

        Raises:
            StorageError: it cannot be read.
        """
        with self._lock, self._told():
            return self._base.execute(query, values).fetchall()

    @contextmanager
    def step(self) -> Iterator[sqlite3.Connection]:
        """One durable step: all of it, or nothing.

        Raises:
            StorageError: it cannot be written.
        """
        with self._lock, self._told():
            self._base.execute("begin immediate")
            try:
                yield self._base
            except BaseException:
                self._base.execute("rollback")
                raise
            self._base.execute("commit")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as exc:
            raise StorageError(f"{self._what} cannot be read or written: {exc}") from exc

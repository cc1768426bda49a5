"""Entries on their way to a shared register, on the gateway's own disk (SQLite, durable) until the writer has proven them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from passerby.durable import DurableTables
from passerby.errors import StorageError
from passerby.gateway.publish.statements import StatedNow

QUEUE = "queue.sqlite"
WAITING = 20_000
"""Entries at most; what comes after that is dropped and counted, and shows as silence."""
_TABLES = """
create table if not exists queue (stream text not null);
create table if not exists waiting (
    number integer primary key autoincrement, job integer not null, entry blob not null, put_s real not null, now text
);
"""


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """Entries that were put together.

    Attributes:
        numbers: Of those that still wait.
        now: What they say of operator and camera.
    """

    numbers: tuple[int, ...]
    now: StatedNow


class SubmissionQueue:
    """The queue. Safe to use from several threads; numbers grow and are never used again.

    Args:
        path: The SQLite file; made with mode 0600.
        most: Entries that may wait.

    Attributes:
        stream: The queue's own name, made with it.

    Raises:
        StorageError: it cannot be opened.
    """

    def __init__(self, path: Path, *, most: int = WAITING) -> None:
        self._most = most
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as exc:
            raise StorageError(f"queue of the register cannot be read or written: {exc}") from exc
        self._tables = DurableTables(path, _TABLES, what="queue of the register")
        with self._tables.step() as base:
            if not base.execute("select stream from queue").fetchone():
                base.execute("insert into queue values (?)", (secrets.token_hex(16),))
        self.stream = str(self._tables.read("select stream from queue")[0][0])

    def put(self, entries: Sequence[bytes], now: StatedNow, put_s: float) -> int:
        """Keep entries, durable when this returns; returns the number of the last one.

        Args:
            entries: At least one, each in its one spelling.
            now: What they say.
            put_s: Wall time, seconds since 1970.

        Raises:
            StorageError: they cannot be kept, or too many wait.
        """
        with self._tables.step() as base:
            waiting = base.execute("select count(*) from waiting").fetchone()[0]
            if waiting + len(entries) > self._most:
                raise StorageError(f"register must take entries, {waiting} are waiting")
            job = base.execute("select seq + 1 from sqlite_sequence where name = 'waiting'").fetchone() or (1,)
            told = now.model_dump_json()
            rows = [(job[0], entry, put_s, told) for entry in entries]
            base.executemany("insert into waiting (job, entry, put_s, now) values (?, ?, ?, ?)", rows)
            return int(base.execute("select max(number) from waiting").fetchone()[0])

    def head(self, most: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """Return the first entries that wait, at least one where any does."""
        found: list[tuple[int, bytes]] = []
        room = most_bytes
        for number, entry in self._tables.read("select number, entry from waiting order by number limit ?", most):
            room -= len(entry)
            if found and room < 0:
                break
            found.append((number, entry))
        return found

    def oldest_s(self) -> float | None:
        """Return when the first entry that waits was put, None where none waits."""
        found = self._tables.read("select put_s from waiting order by number limit 1")
        return float(found[0][0]) if found else None

    def jobs(self) -> list[StatedNow]:
        """Return what the jobs that wait say, in order."""
        rows = self._tables.read("select now from waiting group by job order by job")
        return [StatedNow.model_validate_json(str(row[0])) for row in rows]

    def job_of(self, number: int) -> WaitingJob:
        """Return the job that an entry belongs to."""
        rows = self._tables.read(
            "select number, now from waiting where job = (select job from waiting where number = ?) order by number", number
        )  # fmt: skip
        told = StatedNow.model_validate_json(str(rows[0][1])) if rows else StatedNow()
        return WaitingJob(tuple(int(row[0]) for row in rows), told)

    def remove(self, numbers: Sequence[int]) -> None:
        """Let entries go: they are in the log, or refused.

        Raises:
            StorageError: it cannot be written; they are then sent again, and known again.
        """
        with self._tables.step() as base:
            base.executemany("delete from waiting where number = ?", [(number,) for number in numbers])

    def close(self) -> None:
        """Let go of the file."""
        self._tables.close()

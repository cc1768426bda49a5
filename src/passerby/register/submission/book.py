"""What the writer keeps beside the log: who may submit, whose each camera is, and which entries were taken (SQLite, durable).

An entry that is about to be appended is written down first, with the size that the log then has. After a crash the log itself
says whether it got there: it is looked for from that size on. So an entry is never appended twice, and never lost track of.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from passerby.durable import DurableTables
from passerby.errors import UsageError
from passerby.register.notes import VerifierKey
from passerby.register.storage import as_storage_errors
from passerby.register.submission.submission import Numbered
from passerby.register.tiles import leaf_hash

BOOK = "submissions.sqlite"
_TABLES = """
create table if not exists gateways (name text primary key, key text not null, operator integer not null);
create table if not exists cameras (camera text primary key, gateway text not null);
create table if not exists streams (gateway text, stream text, last integer not null, primary key (gateway, stream));
create table if not exists taken (
    gateway text, stream text, number integer, leaf blob not null, base integer not null, place integer,
    primary key (gateway, stream, number)
);
create table if not exists scanned (size integer not null, operator text not null);
"""


@dataclass(frozen=True, slots=True)
class GatewayRights:
    """A gateway that may submit.

    Attributes:
        key: Its name is the gateway's.
        operator: Whether it may say anew who the operator is.
    """

    key: VerifierKey
    operator: bool


@dataclass(frozen=True, slots=True)
class TakenEntry:
    """An entry that was taken.

    Attributes:
        number: In its stream.
        leaf: Its hash.
        base: Size of the log before it.
        place: Its index, None while that is not known.
    """

    number: int
    leaf: bytes
    base: int
    place: int | None


class SubmissionBook:
    """The book of one log. Safe to use from several threads; a second process may add gateways while the writer runs.

    Args:
        log: The log's directory.

    Raises:
        UsageError: there is no log.
        StorageError: the book cannot be opened.
    """

    def __init__(self, log: Path) -> None:
        if not (log / "private").is_dir():
            raise UsageError(f"{log} holds no log that can be written", hint="make one with `passerby register init`")
        path = log / "private" / BOOK
        with as_storage_errors("book of submissions cannot be opened"):
            self._tables = DurableTables(path, _TABLES, what="book of submissions")

    def close(self) -> None:
        """Let go of the file."""
        self._tables.close()

    # who may submit

    def admit(self, rights: GatewayRights, cameras: Iterable[str] = ()) -> None:
        """Let a gateway submit, or change its key or rights; give it cameras, whoever had them.

        Raises:
            StorageError: it cannot be written.
        """
        name = rights.key.name
        with self._tables.step() as base:
            base.execute("insert or replace into gateways values (?, ?, ?)", (name, str(rights.key), rights.operator))
            base.executemany("insert or replace into cameras values (?, ?)", [(camera, name) for camera in cameras])

    def bar(self, name: str) -> None:
        """Take nothing more from a gateway. Its cameras stay its own.

        Raises:
            UsageError: there is no such gateway.
            StorageError: it cannot be written.
        """
        with self._tables.step() as base:
            if not base.execute("delete from gateways where name = ?", (name,)).rowcount:
                raise UsageError(
                    f"gateway must be one that may submit, got {name!r}", hint="see `passerby register gateway list`"
                )

    def gateways(self) -> list[GatewayRights]:
        """Return who may submit."""
        rows = self._tables.read("select key, operator from gateways order by name")
        return [GatewayRights(VerifierKey.parse(str(key)), bool(operator)) for key, operator in rows]

    def cameras(self, name: str) -> int:
        """Return how many cameras a gateway has."""
        return int(self._tables.read("select count(*) from cameras where gateway = ?", name)[0][0])

    def owner(self, camera: str) -> str | None:
        """Return whose a camera is; empty where it stands in the log and is nobody's, None where it does not."""
        rows = self._tables.read("select gateway from cameras where camera = ?", camera)
        return str(rows[0][0]) if rows else None

    # what was taken

    def scanned(self) -> tuple[int, str]:
        """Return the size up to which all cameras of the log stand in the book, and the operator's newest entry there."""
        rows = self._tables.read("select size, operator from scanned")
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, "")

    def found(self, cameras: Iterable[str], size: int, operator: str) -> None:
        """Write down what stands in the log up to a size: cameras, which may be nobody's, and the operator."""
        with self._tables.step() as base:
            base.executemany("insert or ignore into cameras values (?, '')", [(camera,) for camera in cameras])
            self._scan(base, size, operator)

    def last(self, gateway: str, stream: str) -> int:
        """Return the last number that was taken, -1 before the first."""
        rows = self._tables.read("select last from streams where gateway = ? and stream = ?", gateway, stream)
        return int(rows[0][0]) if rows else -1

    def taken(self, gateway: str, stream: str) -> dict[int, TakenEntry]:
        """Return the entries of a stream that its gateway may still ask about, by number."""
        rows = self._tables.read(
            "select number, leaf, base, place from taken where gateway = ? and stream = ? order by number", gateway, stream
        )  # fmt: skip
        return {row[0]: TakenEntry(*row) for row in rows}

    def claimed(self, base: int) -> set[int]:
        """Return the indices from a size on that entries are known to have."""
        return {int(row[0]) for row in self._tables.read("select place from taken where place >= ?", base)}

    def intend(
        self, gateway: str, stream: str, entries: Sequence[Numbered], *, base: int, cameras: Iterable[str]
    ) -> None:
        """Write down entries that are about to be appended, and the cameras that they bring.

        Raises:
            StorageError: it cannot be written; nothing may be appended then.
        """
        with self._tables.step() as table:
            rows = [(gateway, stream, number, leaf_hash(data), base) for number, data in entries]
            table.executemany("insert or replace into taken values (?, ?, ?, ?, ?, null)", rows)
            last = (gateway, stream, entries[-1][0])
            table.execute("insert or replace into streams values (?, ?, ?)", last)
            table.executemany("insert or replace into cameras values (?, ?)", [(camera, gateway) for camera in cameras])

    def settle(self, gateway: str, stream: str, places: Mapping[int, int], *, below: int) -> None:
        """Write down where entries stand, and forget those that the gateway knows of.

        Args:
            gateway: Whose.
            stream: Of which queue.
            places: Index by number.
            below: The first number that the gateway still asks about.
        """
        with self._tables.step() as base:
            rows = [(place, gateway, stream, number) for number, place in places.items()]
            base.executemany("update taken set place = ? where gateway = ? and stream = ? and number = ?", rows)
            base.execute("delete from taken where gateway = ? and stream = ? and number < ?", (gateway, stream, below))

    def _scan(self, base: sqlite3.Connection, size: int, operator: str) -> None:
        base.execute("delete from scanned")
        base.execute("insert into scanned values (?, ?)", (size, operator))

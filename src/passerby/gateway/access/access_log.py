"""Who watched what: one SQLite file with its own retention. Lines are added and expire; nothing else changes them."""

from __future__ import annotations

import csv
import io
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from passerby.errors import ServiceError
from passerby.gateway.clock import MACHINE, Clock

_TABLES = """
create table if not exists access (
    number integer primary key autoincrement, at text not null, user text not null, address text not null,
    what text not null, camera text not null, detail text not null
);
create index if not exists access_at on access (at);
"""
_SWEEP_S = 600.0
_MOST_TEXT = 200
MOST_LINES = 2_000_000
"""Above this the oldest go, whatever their age: the file stays under some 300 MB."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        number: Grows; a gap would show that a line is missing.
        at: UTC, ISO text.
        user: Account, or empty where nobody was known.
        address: Where from.
        what: ``login``, ``login-refused``, ``watch``, ``watch-end``, ``snapshot``, ``recording``, ``cover``, ``account`` ...
        camera: Or empty.
        detail: A few words.
    """

    number: int
    at: str
    user: str
    address: str
    what: str
    camera: str
    detail: str


class AccessLog:
    """The log. Safe to use from several threads.

    Args:
        path: The SQLite file; made with mode 0600.
        days: Lines are kept this long.
        clock: By which lines are dated and expire.

    Raises:
        ServiceError: it cannot be opened.
    """

    def __init__(self, path: Path, days: float, clock: Clock = MACHINE) -> None:
        self.days = days
        self._clock = clock
        self._lock = threading.Lock()
        self._swept_s = 0.0
        self._recent: dict[tuple[str, str, str, str], float] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._base.execute("pragma journal_mode=wal")
            self._base.execute("pragma synchronous=normal")
            self._base.executescript(_TABLES)
        except (OSError, sqlite3.Error) as exc:
            raise ServiceError(f"access log must be writable at {path}, got {exc}") from exc

    def add(
        self, what: str, *, user: str = "", address: str = "", camera: str = "", detail: str = "", once_s: float = 0.0
    ) -> None:
        """Add a line.

        Args:
            what: See ``Line``.
            user: Account.
            address: Where from.
            camera: Or empty.
            detail: A few words; cut at 200 characters.
            once_s: Leave it out where the same was written within this time (HLS asks every two seconds).

        Raises:
            ServiceError: it cannot be written. Whoever would watch then must not.
        """
        key = (what, user, address, camera)
        now_s = self._clock.now_s()
        if once_s and now_s - self._recent.get(key, -once_s) < once_s:
            return
        at = self._text_of(self._clock.wall_ns())
        with self._lock:
            try:
                self._base.execute(
                    "insert into access (at, user, address, what, camera, detail) values (?, ?, ?, ?, ?, ?)",
                    (at, user[:64], address[:64], what, camera, detail[:_MOST_TEXT]),
                )
                self._sweep(now_s)
            except sqlite3.Error as exc:
                raise ServiceError(f"access log must be writable, got {exc}") from exc
        if once_s:
            self._recent[key] = now_s
            if len(self._recent) > 4096:
                self._recent.clear()

    def lines(self, *, before: int | None = None, camera: str = "", user: str = "", most: int = 200) -> list[Line]:
        """Return the newest lines first.

        Args:
            before: Only lines with a smaller number.
            camera: Only of this one.
            user: Only of this one.
            most: At most this many, up to 10,000.
        """
        text = "select number, at, user, address, what, camera, detail from access where number < ?"
        values: list[object] = [before if before is not None else 2**62]
        for column, wanted in (("camera", camera), ("user", user)):
            if wanted:
                text += f" and {column} = ?"
                values.append(wanted)
        values.append(max(1, min(most, 10_000)))
        with self._lock:
            try:
                rows = self._base.execute(text + " order by number desc limit ?", values).fetchall()
            except sqlite3.Error as exc:
                raise ServiceError(f"access log must be readable, got {exc}") from exc
        return [Line(*row) for row in rows]

    @staticmethod
    def _text_of(wall_ns: int) -> str:
        at = datetime.fromtimestamp(wall_ns / 1e9, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def _sweep(self, now_s: float) -> None:
        if self._swept_s and now_s - self._swept_s < _SWEEP_S:
            return
        self._swept_s = now_s
        oldest = self._text_of(self._clock.wall_ns() - round(self.days * 86_400e9))
        self._base.execute("delete from access where at < ?", (oldest,))
        self._base.execute("delete from access where number <= (select max(number) from access) - ?", (MOST_LINES,))


def access_log_csv(lines: list[Line]) -> str:
    """Return lines as CSV with a heading. Texts that a spreadsheet would run begin with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["number", "at", "user", "address", "what", "camera", "detail"])
    for line in lines:
        cells = [line.at, line.user, line.address, line.what, line.camera, line.detail]
        writer.writerow([line.number, *("'" + cell if cell[:1] in "=+-@\t" and cell else cell for cell in cells)])
    return out.getvalue()

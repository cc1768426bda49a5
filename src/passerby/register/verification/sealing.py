"""What entries about sealed faces must be to each other: announced in time, destroyed in time, tested in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from passerby.register.entries import (
    CameraChanged,
    CameraRegistered,
    Entry,
    Heartbeat,
    RetentionShredded,
    RunningStarted,
)
from passerby.register.fields import format_instant
from passerby.register.notes import CLOCK_SLACK
from passerby.register.seal_entries import SealAnnounced, SealTestAnnounced, SealTestOpened, SealTestPlanned
from passerby.register.seal_schedule import SealSchedule

SETTLING = timedelta(minutes=10)
"""How long after its end what was sealed before may still be counted. Source: roots come every few minutes."""
SHREDDED_WITHIN = timedelta(hours=24)
"""How long after its retention a key may still be there: a custodian's machine may be off over night."""
MOST_SPANS = 1000
"""Spans apart that are remembered of one camera, the newest."""
RESULT_WITHIN = timedelta(days=7)
"""How long after it was announced a test has its result in the log. Source: as long as sealing is announced ahead."""


@dataclass(slots=True)
class SealRecord:
    """One camera's sealing.

    Attributes:
        announced: As ``SealSchedule`` keeps them.
        kept: Begin, end and hours of retention of each span in which something was sealed and whose keys are not stated to be
            destroyed; the retention is the longest that was in force then.
        kept_index: The newest entry that counts something sealed.
    """

    announced: list[SealAnnounced] = field(default_factory=list)
    kept: list[tuple[datetime, datetime, int]] = field(default_factory=list)
    kept_index: int = -1

    def late_by(self, at: datetime, begin: datetime | None = None, end: datetime | None = None) -> datetime | None:
        """Return by when the key that is overdue the longest had to be destroyed, where one is.

        Args:
            at: As of when.
            begin: Only of spans that begin from here on; None: of all.
            end: Only of spans that begin before.
        """
        dues = [
            low + timedelta(hours=retention_h + 1) + SHREDDED_WITHIN
            for low, _, retention_h in self.kept
            if (begin is None or begin <= low) and (end is None or low < end)
        ]
        return min((due for due in dues if at > due), default=None)

    def keep(self, begin: datetime, end: datetime, retention_h: int) -> None:
        """Add a span in which something was sealed."""
        if self.kept and begin <= self.kept[-1][1] and retention_h == self.kept[-1][2]:
            low, high, _ = self.kept.pop()
            begin, end = min(begin, low), max(end, high)
        self.kept = [*self.kept, (begin, end, retention_h)][-MOST_SPANS:]

    def destroy(self, begin: datetime, end: datetime) -> None:
        """Take a span away."""
        parts = [
            (part, held) for low, high, held in self.kept for part in ((low, min(high, begin)), (max(low, end), high))
        ]
        self.kept = [(low, high, held) for (low, high), held in parts if low < high]


@dataclass(slots=True)
class SealTestRecord:
    """One planned test of the sealing, until its result stands in the log."""

    camera: str | None = None
    pieces: set[str] = field(default_factory=set)
    announced: datetime | None = None
    index: int = -1


class SealingCheck:
    """Holds the entries about sealing against those before.

    Args:
        seals: By camera; changed.
        tests: By the test's identifier; changed.
        say: Takes kind, index and text of a finding.
    """

    def __init__(
        self, seals: dict[str, SealRecord], tests: dict[str, SealTestRecord], say: Callable[[str, int, str], None]
    ) -> None:
        self._seals, self._tests, self._say = seals, tests, say

    def take(self, index: int, entry: Entry, at: datetime, newest: datetime | None) -> None:
        """Take the next entry.

        Args:
            index: Its place.
            entry: Any; what says nothing of sealing is passed over.
            at: When it can have been stated.
            newest: The newest instant of an entry before it.
        """
        if isinstance(entry, SealAnnounced):
            self._announced(index, entry, at, newest)
        elif isinstance(entry, Heartbeat | RunningStarted | CameraRegistered | CameraChanged):
            self._says_sealed(index, entry)
        elif isinstance(entry, RetentionShredded):
            self._shredded(index, entry, at)
        elif isinstance(entry, SealTestPlanned | SealTestAnnounced | SealTestOpened):
            self._tested(index, entry, at)

    def present(self, now: datetime) -> list[tuple[int, str]]:
        """Return what should be there by now and is not: the entry it is about, and what is missing."""
        found = []
        for name, record in self._seals.items():
            due = record.late_by(now)
            if due:
                found.append(
                    (record.kept_index, f"keys of camera {name[:8]} had to be destroyed by {format_instant(due)}")
                )
        for test, one in self._tests.items():
            if one.announced and now - one.announced > RESULT_WITHIN:
                found.append(
                    (one.index, f"test {test[:8]} has no result {RESULT_WITHIN.days} days after it was announced")
                )
        return found

    def _record(self, camera: str) -> SealRecord:
        return self._seals.setdefault(camera, SealRecord())

    def _announced(self, index: int, entry: SealAnnounced, at: datetime, newest: datetime | None) -> None:
        """An entry dated before one that stands before it was stated after that one, whatever it says."""
        record = self._record(entry.camera)
        schedule = SealSchedule(record.announced)
        late = newest is not None and newest - at > CLOCK_SLACK
        breach = schedule.breach(entry, newest if late and newest else at)
        if breach:
            self._say("sealing", index, f"camera {entry.camera[:8]}: {breach}")
        schedule.add(entry)
        record.announced = schedule.announced

    def _says_sealed(self, index: int, entry: Heartbeat | RunningStarted | CameraRegistered | CameraChanged) -> None:
        if isinstance(entry, Heartbeat):
            sealed = bool(entry.sealed_roots or entry.pieces_sealed or entry.tracks_sealed)
            begin, end = entry.begin - SETTLING, entry.end
        elif isinstance(entry, RunningStarted):
            sealed, begin, end = entry.mode == "veil-and-seal", entry.at - SETTLING, entry.at
        else:
            sealed, begin, end = bool(entry.sealed_h), entry.at, entry.at
        if not sealed:
            return
        record = self._record(entry.camera)
        announced = _longest_retention(record.announced, begin, end)
        if announced is None:
            self._say(
                "sealing", index, f"camera {entry.camera[:8]} keeps faces locked, which no entry announces for then"
            )
        if isinstance(entry, Heartbeat):
            record.keep(entry.begin, entry.end, announced or 0)
            record.kept_index = index

    def _shredded(self, index: int, entry: RetentionShredded, at: datetime) -> None:
        names = [entry.camera] if entry.camera else list(self._seals)
        for name in names:
            record = self._seals.get(name)
            if record is None or not record.kept:
                continue
            due = record.late_by(at, entry.begin, entry.end)
            if due:
                self._say("sealing", index, f"keys of camera {name[:8]} had to be destroyed by {format_instant(due)}")
            record.destroy(entry.begin, entry.end)

    def _tested(self, index: int, entry: SealTestPlanned | SealTestAnnounced | SealTestOpened, at: datetime) -> None:
        test, name = self._tests.get(entry.test), entry.test[:8]
        if isinstance(entry, SealTestPlanned):
            if test:
                self._say("order", index, f"test {name} is planned a second time")
            self._tests[entry.test] = SealTestRecord(index=index)
            return
        if isinstance(entry, SealTestAnnounced):
            if test is None or test.announced:
                wrong = "was not planned" if test is None else "is announced a second time"
                self._say("opening", index, f"test {name} {wrong}: its pieces must not be opened")
            self._tests[entry.test] = SealTestRecord(entry.camera, set(entry.pieces), at, index)
            return
        if test is None or test.announced is None:
            self._say("opening", index, f"test {name} opened pieces, but was not announced")
        elif test.camera != entry.camera or not set(entry.pieces) <= test.pieces:
            self._say("opening", index, f"test {name} opened other pieces than were announced")
        self._tests.pop(entry.test, None)


def _longest_retention(announced: list[SealAnnounced], begin: datetime, end: datetime) -> int | None:
    """Return the longest retention in force at any moment of a span; None where nothing is."""
    schedule = SealSchedule(announced)
    found = [schedule.at(begin), schedule.at(end), *(one for one in announced if begin < one.begins < end)]
    return max((one.retention_h for one in found if one and one.retention_h), default=None)

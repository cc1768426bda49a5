"""What the entries must be to each other: order, time, heartbeats without a gap, commitments revealed in time.

A pure reading of the entries in their order, in memory that grows with cameras and open cases, never with entries. It says
what the operator left out or contradicted, not whether what was stated is true.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from passerby.register.entries import (
    CameraChanged,
    CameraRegistered,
    CameraRetired,
    Entry,
    Heartbeat,
    OfCamera,
    OfCase,
    RequestDecided,
    RequestNotified,
    RequestOpened,
    RequestReceived,
    RequestRefused,
    RequestWithdrawn,
    Reveal,
    RunningStarted,
    RunningStopped,
    YearStatistics,
)
from passerby.register.fields import Commitment, commit, format_instant

CLOCK_SLACK = timedelta(minutes=5)
"""How far ``at`` may run back between neighbours, or ahead of the reader's clock.

Source: threads and machines of one operator append at once, and NTP keeps clocks well under a second apart; minutes leave
room for a queue, and are too short to hide anything in."""
SILENT_HEARTBEATS = 1.5
"""A camera is silent when nothing was heard of it for this many heartbeats."""


@dataclass(frozen=True, slots=True)
class LogProblem:
    """One thing that is wrong.

    Attributes:
        kind: One of ``KINDS``.
        text: What was wanted and what came.
        index: Of the entry it is about, or None.
    """

    KINDS: ClassVar = (
        "tree", "tile", "missing", "format", "signature", "quorum", "schema", "order", "time", "silence", "late-reveal",
        "wrong-reveal", "statistics", "rollback", "fork",
    )  # fmt: skip
    kind: str
    text: str
    index: int | None = None

    def __str__(self) -> str:
        where = "" if self.index is None else f"entry {self.index}: "
        return f"{self.kind}: {where}{self.text}"


@dataclass(slots=True)
class _CameraRecord:
    heartbeat: timedelta
    retired: bool = False
    running: bool = False
    heard: datetime | None = None
    """The newest ``at`` of an entry that shows it to be running."""
    covered: datetime | None = None
    """Up to where its counts are known."""


@dataclass(slots=True)
class _CaseRecord:
    decided: bool = False
    closed: bool = False


class History:
    """Takes entries in their order; ``problems`` grows as they come, ``finish`` adds what is missing by now."""

    def __init__(self) -> None:
        self.problems: list[LogProblem] = []
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None
        self._cameras: dict[str, _CameraRecord] = {}
        self._cases: dict[str, _CaseRecord] = {}
        self._promised: dict[int, Commitment] = {}
        self._kept: set[int] = set()
        self._years: Counter[tuple[int, str]] = Counter()

    def take(self, index: int, entry: Entry) -> None:
        """Hold one entry against all before it."""
        self._check_time(index, entry.at)
        if isinstance(entry, CameraRegistered):
            if entry.camera in self._cameras:
                self._say("order", index, f"camera {entry.camera[:8]} is registered a second time")
            self._cameras[entry.camera] = _CameraRecord(timedelta(seconds=entry.heartbeat_s))
        elif isinstance(entry, OfCamera):
            self._take_camera(index, entry)
        elif isinstance(entry, RequestReceived):
            if entry.case in self._cases:
                self._say("order", index, f"case {entry.case[:8]} is received a second time")
            self._cases[entry.case] = _CaseRecord()
            self._years[entry.at.year, "requests"] += 1
        elif isinstance(entry, OfCase):
            self._take_case(index, entry)
        elif isinstance(entry, Reveal):
            self._take_reveal(index, entry)
        elif isinstance(entry, YearStatistics):
            self._take_statistics(index, entry)
        details = getattr(entry, "details", None)
        if isinstance(details, Commitment):
            self._promised[index] = details

    def finish(self, now: datetime, *, seen: datetime | None = None) -> None:
        """Add what should be there by ``now`` and is not.

        Args:
            now: By the reader's clock.
            seen: When the witnesses had seen all entries; an entry that claims to be newer was dated ahead.
        """
        for name, camera in self._cameras.items():
            if camera.running and camera.heard and now - camera.heard > SILENT_HEARTBEATS * camera.heartbeat:
                self._say(
                    "silence", None, f"camera {name[:8]} is not known since {_span(camera.heard, now)}, until now"
                )
        for index, promise in self._promised.items():
            if index not in self._kept and now > promise.reveal_by:
                self._say("late-reveal", index, f"must be revealed by {format_instant(promise.reveal_by)}, was not")
        bound, whose = (now, "now") if seen is None else (seen, f"{format_instant(seen)}, when witnesses saw it")
        if self.last_at and self.last_at > bound + CLOCK_SLACK:
            self._say("time", None, f"newest entry must not be ahead of {whose}, is of {format_instant(self.last_at)}")

    def _say(self, kind: str, index: int | None, text: str) -> None:
        self.problems.append(LogProblem(kind, text, index))

    def _check_time(self, index: int, at: datetime) -> None:
        if self.last_at is None or at > self.last_at:
            self.last_at = at
        elif at < self.last_at - CLOCK_SLACK:
            newest = format_instant(self.last_at)
            self._say("time", index, f"is of {format_instant(at)}, long before {newest} of an earlier entry: backdated")
        self.first_at = self.first_at or at

    def _take_camera(self, index: int, entry: OfCamera) -> None:
        name = entry.camera
        camera = self._cameras.get(name)
        if camera is None or camera.retired:
            self._say("order", index, f"camera {name[:8]} is {'retired' if camera else 'not registered'}")
            return
        if isinstance(entry, CameraChanged):
            camera.heartbeat = timedelta(seconds=entry.heartbeat_s) if entry.heartbeat_s else camera.heartbeat
        elif isinstance(entry, RunningStarted):
            self._check_silence(index, name, camera, entry.at)
            camera.running, camera.heard, camera.covered = True, entry.at, entry.at
        elif isinstance(entry, Heartbeat):
            self._take_heartbeat(index, name, camera, entry)
        elif isinstance(entry, RunningStopped | CameraRetired):
            self._check_silence(index, name, camera, entry.at)
            camera.running = False
            camera.retired = isinstance(entry, CameraRetired)

    def _take_heartbeat(self, index: int, name: str, camera: _CameraRecord, entry: Heartbeat) -> None:
        if not camera.running:
            self._say("order", index, f"camera {name[:8]} has a heartbeat, but was not started")
        if entry.end > entry.at + CLOCK_SLACK:
            self._say(
                "time", index, f"counts must end before {format_instant(entry.at)}, end {format_instant(entry.end)}"
            )
        self._check_silence(index, name, camera, entry.at, entry.begin)
        camera.heard = max(entry.at, camera.heard or entry.at)
        camera.covered = max(entry.end, camera.covered or entry.end)

    def _check_silence(
        self, index: int, name: str, camera: _CameraRecord, at: datetime, begin: datetime | None = None
    ) -> None:
        if not (camera.running and camera.heard and camera.covered):
            return
        if at - camera.heard > SILENT_HEARTBEATS * camera.heartbeat:
            self._say("silence", index, f"camera {name[:8]} was not known from {_span(camera.heard, at)}")
        elif begin and begin - camera.covered > (SILENT_HEARTBEATS - 1) * camera.heartbeat:
            self._say("silence", index, f"camera {name[:8]} has no counts from {_span(camera.covered, begin)}")

    def _take_case(self, index: int, entry: OfCase) -> None:
        name = entry.case
        case = self._cases.get(name)
        if case is None:
            self._say("order", index, f"case {name[:8]} was never received")
            return
        year = entry.at.year
        if isinstance(entry, RequestDecided):
            if entry.approvals < entry.needed:
                self._say("order", index, f"case {name[:8]} needs {entry.needed} approvals, has {entry.approvals}")
            case.decided = not case.closed
            self._years[year, "granted"] += 1
        elif isinstance(entry, RequestRefused | RequestWithdrawn):
            case.closed, case.decided = True, False
            self._years[year, "refused" if isinstance(entry, RequestRefused) else "withdrawn"] += 1
        elif isinstance(entry, RequestOpened):
            if not case.decided:
                self._say("order", index, f"case {name[:8]} is opened, but was not granted")
            self._years[year, "opened"] += 1
        elif isinstance(entry, RequestNotified):
            self._years[year, "notified"] += entry.outcome == "told"

    def _take_reveal(self, index: int, entry: Reveal) -> None:
        promise = self._promised.get(entry.entry)
        if promise is None:
            self._say("wrong-reveal", index, f"entry {entry.entry} holds no commitment")
            return
        if commit(entry.value, entry.salt) != promise.digest:
            self._say("wrong-reveal", index, f"value does not match the commitment of entry {entry.entry}")
            return
        self._kept.add(entry.entry)
        if entry.at > promise.reveal_by:
            due = format_instant(promise.reveal_by)
            self._say("late-reveal", index, f"entry {entry.entry} had to be revealed by {due}")

    def _take_statistics(self, index: int, entry: YearStatistics) -> None:
        for name in ("requests", "granted", "refused", "withdrawn", "opened", "notified"):
            stated, found = getattr(entry, name), self._years[entry.year, name]
            if stated != found:
                self._say("statistics", index, f"{name} of {entry.year} must be {found} as in the log, got {stated}")


def _span(begin: datetime, end: datetime) -> str:
    return f"{format_instant(begin)} for {timedelta(seconds=(end - begin) // timedelta(seconds=1))}"

"""What the entries must be to each other: order, time, heartbeats without a gap, commitments revealed in time.

A reading of the entries in their order, at once or visit by visit, in memory that grows with cameras and open cases, never with
entries. It says what the operator left out or contradicted, not whether what was stated is true.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from passerby.errors import EntryError
from passerby.register.codec import decode_entry
from passerby.register.entries import (
    CameraChanged,
    CameraRegistered,
    CameraRetired,
    Entry,
    FindingAcknowledged,
    Heartbeat,
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
from passerby.register.notes import CLOCK_ERROR, CLOCK_SLACK
from passerby.register.seal_entries import SealHeld
from passerby.register.stated import OfCamera, OfCase
from passerby.register.verification.findings import Explanation, LogFindings, LogProblem
from passerby.register.verification.sealing import SealingCheck, SealRecord, SealTestRecord

SILENT_HEARTBEATS = 1.5
"""A camera is silent when nothing was heard of it for this many heartbeats."""


@dataclass(slots=True)
class CameraRecord:
    """One camera, as later entries are held against it.

    Attributes:
        heard: The newest instant of an entry that shows it to be running.
        heard_index: That entry.
        covered: Up to where its counts are known.
        explained: Where its present silence was acknowledged.
    """

    heartbeat: timedelta
    retired: bool = False
    running: bool = False
    heard: datetime | None = None
    heard_index: int = -1
    covered: datetime | None = None
    explained: Explanation | None = None

    def silent_at(self, at: datetime) -> bool:
        """Whether it should have been heard of by an instant, and was not."""
        return self.running and self.heard is not None and at - self.heard > SILENT_HEARTBEATS * self.heartbeat


@dataclass(slots=True)
class CaseRecord:
    """One request."""

    decided: bool = False
    closed: bool = False


@dataclass(slots=True)
class PromiseRecord:
    """One commitment, and whether it was revealed, or its lateness acknowledged."""

    promise: Commitment
    kept: bool = False
    explained: Explanation | None = None


@dataclass(slots=True)
class HistoryState:
    """All that is known of the entries up to and without ``read``; what a watcher keeps between visits.

    Attributes:
        read: Entries taken.
        first_at: Of the first entry.
        newest: The newest instant of an entry that was not ahead of the reader's clock; ``newest_index`` is that entry.
        behind: Newest instant of the entries in a row that are dated long before it; None where the last one is not.
        ahead, unseen: Whether the last entry was ahead of the reader's clock, or of the witnesses.
        seals, tests: What was announced of sealed faces, by camera, and tests of it that are under way.
        years: What happened, counted by year and name.
        found, explained, dropped: See ``LogFindings``.
    """

    read: int = 0
    first_at: datetime | None = None
    newest: datetime | None = None
    newest_index: int = -1
    behind: datetime | None = None
    ahead: bool = False
    unseen: bool = False
    cameras: dict[str, CameraRecord] = field(default_factory=dict)
    cases: dict[str, CaseRecord] = field(default_factory=dict)
    promised: dict[int, PromiseRecord] = field(default_factory=dict)
    seals: dict[str, SealRecord] = field(default_factory=dict)
    tests: dict[str, SealTestRecord] = field(default_factory=dict)
    years: dict[int, dict[str, int]] = field(default_factory=dict)
    found: list[LogProblem] = field(default_factory=list)
    explained: list[LogProblem] = field(default_factory=list)
    dropped: int = 0


class History:
    """Takes entries in their order; ``findings`` grow as they come, ``present`` says what is missing by now.

    Args:
        now: By the reader's clock.
        seen: When the witnesses had seen all entries; one that claims to be newer was dated ahead.
        state: To go on from; it is changed.
    """

    def __init__(self, now: datetime, *, seen: datetime | None = None, state: HistoryState | None = None) -> None:
        self._now, self._seen = now, seen
        self.state = state or HistoryState()
        self.findings = LogFindings(self.state.found, self.state.explained, self.state.dropped)
        self._sealing = SealingCheck(self.state.seals, self.state.tests, self._say)
        self._last_words = {camera.heard_index: camera for camera in self.state.cameras.values()}

    def read(self, index: int, data: bytes) -> Entry | None:
        """Take the next entry as its bytes; what fits no form is a finding, and None comes back."""
        try:
            entry = decode_entry(data)
        except EntryError as exc:
            self.findings.say("schema", exc.message, index)
            self.state.read = index + 1
            return None
        self.take(index, entry)
        return entry

    def take(self, index: int, entry: Entry) -> None:
        """Hold the next entry against all before it."""
        state = self.state
        newest = state.newest
        at = self._check_time(index, entry.at)
        self._sealing.take(index, entry, at, newest)
        if isinstance(entry, SealHeld):
            self._take_held(index, entry)
        elif isinstance(entry, CameraRegistered):
            if entry.camera in state.cameras:
                self._say("order", index, f"camera {entry.camera[:8]} is registered a second time")
            state.cameras[entry.camera] = CameraRecord(timedelta(seconds=entry.heartbeat_s))
        elif isinstance(entry, OfCamera):
            self._take_camera(index, entry, at)
        elif isinstance(entry, RequestReceived):
            if entry.case in state.cases:
                self._say("order", index, f"case {entry.case[:8]} is received a second time")
            state.cases[entry.case] = CaseRecord()
            self._count(entry, "requests")
        elif isinstance(entry, OfCase):
            self._take_case(index, entry)
        elif isinstance(entry, Reveal):
            self._take_reveal(index, entry)
        elif isinstance(entry, YearStatistics):
            self._take_statistics(index, entry)
        elif isinstance(entry, FindingAcknowledged):
            self._take_acknowledged(index, entry, at)
        details = getattr(entry, "details", None)
        if isinstance(details, Commitment):
            state.promised[index] = PromiseRecord(details)
        state.read = index + 1

    def present(self) -> list[LogProblem]:
        """Return what should be there by now and is not; those that were acknowledged among them."""
        found = []
        for name, camera in self.state.cameras.items():
            if camera.silent_at(self._now) and camera.heard:
                text = f"camera {name[:8]} is not known since {_span(camera.heard, self._now)}, until now"
                found.append(LogProblem("silence", text, camera.heard_index, camera.explained))
        for index, record in self.state.promised.items():
            due = record.promise.reveal_by
            if not record.kept and self._now > due:
                text = f"must be revealed by {format_instant(due)}, was not"
                found.append(LogProblem("late-reveal", text, index, record.explained))
        found += [LogProblem("sealing", text, index) for index, text in self._sealing.present(self._now)]
        return found

    def saved(self) -> HistoryState:
        """Return the state as it is to be kept."""
        state, findings = self.state, self.findings
        state.found, state.explained, state.dropped = findings.open, findings.explained, findings.dropped
        return state

    def _say(self, kind: str, index: int, text: str, explained: Explanation | None = None) -> None:
        self.findings.say(kind, text, index, explained)

    def _count(self, entry: Entry, name: str) -> None:
        counts = self.state.years.setdefault(entry.at.year, {})
        counts[name] = counts.get(name, 0) + 1

    def _check_time(self, index: int, at: datetime) -> datetime:
        """Return when an entry can have been stated. Of entries in a row with the same fault the first is named.

        An entry ahead of the reader's clock moves nothing: neither are later ones backdated for it, nor is a camera heard of
        until then.
        """
        state = self.state
        state.first_at = state.first_at or at
        if at - self._now > CLOCK_SLACK:
            if not state.ahead:
                self._say("time", index, f"must not be ahead of now, is of {format_instant(at)}")
            state.ahead = True
            return self._now if at - self._now <= CLOCK_ERROR else state.newest or self._now
        state.ahead = False
        unseen = self._seen is not None and at - self._seen > CLOCK_SLACK
        if self._seen is not None and unseen and not state.unseen:
            seen = format_instant(self._seen)
            self._say("time", index, f"must not be ahead of {seen}, when witnesses saw it, is of {format_instant(at)}")
        state.unseen = unseen
        if state.newest is None or at > state.newest:
            state.newest, state.newest_index, state.behind = at, index, None
        elif state.newest - at > CLOCK_SLACK:
            self._check_behind(index, at, state.newest)
        else:
            state.behind = None
        return at

    def _check_behind(self, index: int, at: datetime, newest: datetime) -> None:
        """Either this entry was backdated or the newer one was ahead: entries that go on from here contradict nothing new."""
        state = self.state
        if state.behind is None or state.behind - at > CLOCK_SLACK:
            other = f"{format_instant(newest)} of entry {state.newest_index}"
            self._say(
                "time", index, f"is of {format_instant(at)}, long before {other}: backdated, or the other was ahead"
            )
            state.behind = at
        state.behind = max(state.behind, at)

    def _take_camera(self, index: int, entry: OfCamera, at: datetime) -> None:
        name = entry.camera
        camera = self.state.cameras.get(name)
        if camera is None or camera.retired:
            self._say("order", index, f"camera {name[:8]} is {'retired' if camera else 'not registered'}")
            return
        if isinstance(entry, CameraChanged):
            camera.heartbeat = timedelta(seconds=entry.heartbeat_s) if entry.heartbeat_s else camera.heartbeat
        elif isinstance(entry, RunningStarted):
            self._check_silence(index, name, camera, at)
            camera.running, camera.covered = True, at
            self._hear(index, camera, at)
        elif isinstance(entry, Heartbeat):
            self._take_heartbeat(index, camera, entry, at)
        elif isinstance(entry, RunningStopped | CameraRetired):
            self._check_silence(index, name, camera, at)
            camera.running = False
            camera.retired = isinstance(entry, CameraRetired)

    def _take_heartbeat(self, index: int, camera: CameraRecord, entry: Heartbeat, at: datetime) -> None:
        name = entry.camera
        if not camera.running:
            self._say("order", index, f"camera {name[:8]} has a heartbeat, but was not started")
        if entry.end - entry.at > CLOCK_SLACK:
            self._say(
                "time", index, f"counts must end before {format_instant(entry.at)}, end {format_instant(entry.end)}"
            )
        self._check_silence(index, name, camera, at, entry.begin)
        went_back = camera.heard is not None and camera.heard - at > CLOCK_SLACK
        end = entry.end if entry.end - at <= CLOCK_SLACK else at
        camera.covered = end if went_back else max(end, camera.covered or end)
        self._hear(index, camera, at)

    def _hear(self, index: int, camera: CameraRecord, at: datetime) -> None:
        """Note a camera's own word; one from long before its last word shows that the last one was ahead."""
        went_back = camera.heard is not None and camera.heard - at > CLOCK_SLACK
        camera.heard = at if went_back else max(at, camera.heard or at)
        self._last_words.pop(camera.heard_index, None)
        camera.heard_index, camera.explained = index, None
        self._last_words[index] = camera

    def _check_silence(
        self, index: int, name: str, camera: CameraRecord, at: datetime, begin: datetime | None = None
    ) -> None:
        if not (camera.running and camera.heard and camera.covered):
            return
        if camera.silent_at(at):
            text = f"camera {name[:8]} was not known from {_span(camera.heard, at)}"
            self._say("silence", index, text, camera.explained)
        elif begin and begin - camera.covered > (SILENT_HEARTBEATS - 1) * camera.heartbeat:
            self._say("silence", index, f"camera {name[:8]} has no counts from {_span(camera.covered, begin)}")

    def _take_held(self, index: int, entry: SealHeld) -> None:
        """A hold is for a request that is pending, and for nothing else."""
        self._take_camera(index, entry, entry.at)
        case = self.state.cases.get(entry.case)
        if case is None or case.closed:
            self._say("sealing", index, f"pieces are held for case {entry.case[:8]}, which is not pending")

    def _take_case(self, index: int, entry: OfCase) -> None:
        name = entry.case
        case = self.state.cases.get(name)
        if case is None:
            opening = isinstance(entry, RequestDecided | RequestOpened)
            self._say("opening" if opening else "order", index, f"case {name[:8]} was never received")
            return
        if isinstance(entry, RequestDecided):
            if entry.approvals < entry.needed:
                self._say("opening", index, f"case {name[:8]} needs {entry.needed} approvals, has {entry.approvals}")
            case.decided = not case.closed
            self._count(entry, "granted")
        elif isinstance(entry, RequestRefused | RequestWithdrawn):
            case.closed, case.decided = True, False
            self._count(entry, "refused" if isinstance(entry, RequestRefused) else "withdrawn")
        elif isinstance(entry, RequestOpened):
            if not case.decided:
                self._say("opening", index, f"case {name[:8]} is opened, but was not granted")
            self._count(entry, "opened")
        elif isinstance(entry, RequestNotified) and entry.outcome == "told":
            self._count(entry, "notified")

    def _take_reveal(self, index: int, entry: Reveal) -> None:
        record = self.state.promised.get(entry.entry)
        if record is None:
            self._say("wrong-reveal", index, f"entry {entry.entry} holds no commitment")
            return
        if commit(entry.value, entry.salt) != record.promise.digest:
            self._say("wrong-reveal", index, f"value does not match the commitment of entry {entry.entry}")
            return
        record.kept = True
        if entry.at > record.promise.reveal_by:
            due = format_instant(record.promise.reveal_by)
            self._say("late-reveal", index, f"entry {entry.entry} had to be revealed by {due}", record.explained)

    def _take_statistics(self, index: int, entry: YearStatistics) -> None:
        counts = self.state.years.get(entry.year, {})
        for name in ("requests", "granted", "refused", "withdrawn", "opened", "notified"):
            stated, found = getattr(entry, name), counts.get(name, 0)
            if stated != found:
                self._say("statistics", index, f"{name} of {entry.year} must be {found} as in the log, got {stated}")

    def _take_acknowledged(self, index: int, entry: FindingAcknowledged, at: datetime) -> None:
        """Only what was there to be found when it was acknowledged: nobody explains a silence before it begins."""
        if entry.entry >= index:
            self._say("order", index, f"acknowledges entry {entry.entry}, which must stand before it")
            return
        explanation = Explanation(index, entry.reason)
        self.findings.explain(entry.finding, entry.entry, explanation)
        camera, record = self._last_words.get(entry.entry), self.state.promised.get(entry.entry)
        if entry.finding == "silence" and camera and camera.silent_at(at):
            camera.explained = explanation
        elif entry.finding == "late-reveal" and record and not record.kept and at > record.promise.reveal_by:
            record.explained = explanation


def _span(begin: datetime, end: datetime) -> str:
    return f"{format_instant(begin)} for {timedelta(seconds=(end - begin) // timedelta(seconds=1))}"

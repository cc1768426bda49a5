"""One camera as a log tells of it: its settings, its counts, the spans that nothing accounts for, its faults and requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from passerby.register import (
    AccessTested,
    CameraChanged,
    CameraRegistered,
    CameraRetired,
    Fault,
    Heartbeat,
    RetentionShredded,
    RunningStarted,
    RunningStopped,
    SealAnnounced,
    SealHeld,
    SealSchedule,
    SealTestOpened,
    SelfTest,
    SpotCheck,
)

HOURS_KEPT = 24
DAYS_KEPT = 31
LISTED = 20
"""Faults, gaps and entries of one kind that are kept per camera; the numbers of all of them are kept in full."""
GAP_S = 60
"""Spans of two heartbeats may lie this far apart, for clocks that are set while a camera runs."""
AHEAD_S = 300
"""An operator's clock may run this far ahead; what is stated of a later time is not believed."""
USUAL_HEARTBEAT_S = 3600
LATE_HEARTBEATS = 0.5
"""Counts that come later than this many heartbeats after their time left the camera unknown until they came."""


T = TypeVar("T")


class StatePart(BaseModel):
    """A piece of the state."""

    model_config = ConfigDict(extra="forbid")


class Said(StatePart, Generic[T]):
    """An entry and where it stands in the log."""

    index: int
    entry: T


@dataclass(slots=True)
class Counts:
    """What heartbeats of one hour or day add up to. Times in seconds."""

    begin: datetime
    end: datetime
    first: int
    last: int
    faces: int = 0
    frames: int = 0
    stated_s: int = 0
    covered_whole_s: int = 0
    stalled_s: int = 0
    down_s: int = 0


@dataclass(slots=True)
class Gap:
    """A span that no heartbeat covers; ``index`` is the entry that ended it, ``before`` the last word before it."""

    begin: datetime
    end: datetime
    index: int
    before: int = -1


class Tally(StatePart):
    """Requests in numbers, the newest entries of each kind, and how long the newest decisions took."""

    requests: int = 0
    granted: int = 0
    refused: int = 0
    withdrawn: int = 0
    opened: int = 0
    tracks: int = 0
    entries: dict[str, list[int]] = {}
    decision_s: list[int] = []

    def add(self, event: CaseStep) -> None:
        """Count one step of a case."""
        setattr(self, event.what, getattr(self, event.what) + 1)
        self.tracks += event.tracks
        keep(self.entries.setdefault(event.what, []), event.index, LISTED)
        if event.took_s is not None:
            keep(self.decision_s, event.took_s, LISTED)


class CaseStep(StatePart):
    """One step of a case."""

    index: int
    what: Literal["requests", "granted", "refused", "withdrawn", "opened"]
    tracks: int = 0
    took_s: int | None = None


class CameraHistory(StatePart):
    """All that the log says about one camera, as far as a page shows it."""

    camera: str
    registered: Said[CameraRegistered] | None = None
    sources: dict[str, int] = {}
    """Field of the registration -> entry that states its present value."""
    retired: Said[CameraRetired] | None = None
    running: Said[Annotated[RunningStarted | RunningStopped, Field(discriminator="kind")]] | None = None
    started: Said[RunningStarted] | None = None
    heartbeat: Said[Heartbeat] | None = None
    covered: datetime | None = None
    """Until when its time is accounted for, by heartbeats since it was started."""
    selftest: Said[SelfTest] | None = None
    selftest_failed: Said[SelfTest] | None = None
    spotcheck: Said[SpotCheck] | None = None
    access: Said[AccessTested] | None = None
    shredded: Said[RetentionShredded] | None = None
    seals: list[Said[SealAnnounced]] = []
    """As ``SealSchedule`` keeps them."""
    seal_held: list[Said[SealHeld]] = []
    seal_test: Said[SealTestOpened] | None = None
    seal_tests: int = 0
    hours: list[Counts] = []
    days: list[Counts] = []
    gaps: list[Gap] = []
    gap_s: int = 0
    contradictions: int = 0
    """Heartbeats that tell again of a time told before, or of the future."""
    doubted: Said[Heartbeat] | None = None
    """The last heartbeat, where it was not believed because an earlier one is of long after it."""
    faults: list[Said[Fault]] = []
    fault_count: int = 0
    tally: Tally = Field(default_factory=Tally)

    @property
    def heartbeat_s(self) -> int:
        """How often a heartbeat is due."""
        return self.registered.entry.heartbeat_s if self.registered else USUAL_HEARTBEAT_S

    @property
    def last_word(self) -> datetime | None:
        """The newest instant at which the operator says what this camera is; None before it was ever started."""
        if self.running is None:
            return None
        if self.covered and self.start_was_ahead:
            return self.covered
        return max(self.running.entry.at, self.covered or self.running.entry.at)

    @property
    def start_was_ahead(self) -> bool:
        """Whether a heartbeat after the last start or stop is dated long before it."""
        said, running = self.heartbeat, self.running
        if said is None or running is None or said.index < running.index:
            return False
        return running.entry.at - said.entry.at > timedelta(seconds=AHEAD_S)

    @property
    def due(self) -> datetime | None:
        """Until when the next word must have come: a heartbeat's interval, and a tenth of it, at least a minute, to travel."""
        slack_s = max(60, self.heartbeat_s // 10)
        return self.last_word + timedelta(seconds=self.heartbeat_s + slack_s) if self.last_word else None


_NEWEST = {
    "camera.retired": "retired",
    "spotcheck": "spotcheck",
    "access.tested": "access",
    "retention.shredded": "shredded",
    "test.opened": "seal_test",
}
"""Kinds of which the newest entry is all that counts -> where it is kept."""


def add_to_camera(camera: CameraHistory, index: int, entry: Any) -> None:  # noqa: ANN401  # any entry that names a camera
    """Take one entry into a camera's state."""
    said = {"index": index, "entry": entry}
    match entry:
        case CameraRegistered():
            camera.registered = Said(**said)
            camera.sources = dict.fromkeys(entry.model_dump(exclude_none=True), index)
        case CameraChanged():
            change(camera, index, entry)
        case RunningStarted():
            note_start(camera, index, entry)
            camera.running, camera.started = Said(**said), Said(**said)
        case RunningStopped():
            note_gap(camera, index, entry.at, camera.heartbeat_s // 2)
            camera.running = Said(**said)
        case Heartbeat():
            note_heartbeat(camera, index, entry)
        case Fault():
            camera.fault_count += 1
            keep(camera.faults, Said(**said), LISTED)
        case SelfTest():
            camera.selftest = Said(**said)
            if not entry.passed:
                camera.selftest_failed = Said(**said)
        case CameraRetired() | SpotCheck() | AccessTested() | RetentionShredded() | SealTestOpened():
            setattr(camera, _NEWEST[entry.kind], Said(**said))
            camera.seal_tests += isinstance(entry, SealTestOpened)
        case SealAnnounced():
            note_seal(camera, index, entry)
        case SealHeld():
            keep(camera.seal_held, Said(**said), LISTED)
        case _:
            return


def note_seal(camera: CameraHistory, index: int, entry: SealAnnounced) -> None:
    """Add an announcement of sealing; what it replaces goes."""
    schedule = SealSchedule(said.entry for said in camera.seals)
    schedule.add(entry)
    said = [*camera.seals, Said(index=index, entry=entry)]
    camera.seals = [one for one in said if any(one.entry is kept for kept in schedule.announced)]


def change(camera: CameraHistory, index: int, entry: CameraChanged) -> None:
    """Lay what changed over the registration; a change of a camera that was never registered says nothing."""
    if camera.registered is None:
        return
    changed = {
        name: getattr(entry, name)
        for name in CameraChanged.model_fields
        if name not in {"kind", "v", "at", "camera"} and getattr(entry, name) is not None
    }
    camera.registered = Said(index=camera.registered.index, entry=camera.registered.entry.model_copy(update=changed))
    camera.sources |= dict.fromkeys(changed, index)


def note_heartbeat(camera: CameraHistory, index: int, heartbeat: Heartbeat) -> None:
    """Add a heartbeat's counts to its hour and day; one that tells of a span told before, or of the future, is not believed.

    Two in a row that are dated long before what was stated earlier show that the earlier word was ahead: then they are believed.
    """
    ahead = timedelta(seconds=AHEAD_S)
    if heartbeat.end - heartbeat.at > ahead:
        camera.contradictions += 1
        return
    told_before = camera.heartbeat and camera.heartbeat.entry.end - heartbeat.begin > timedelta(seconds=GAP_S)
    behind = camera.covered is not None and camera.covered - heartbeat.at > ahead
    if told_before or behind:
        doubted = camera.doubted
        camera.doubted = Said(index=index, entry=heartbeat) if behind else None
        if not (behind and doubted and heartbeat.begin >= doubted.entry.end - timedelta(seconds=GAP_S)):
            camera.contradictions += 1
            return
        take_back(camera, doubted)
    camera.doubted = None
    late = heartbeat.at - heartbeat.end > timedelta(seconds=LATE_HEARTBEATS * camera.heartbeat_s)
    note_gap(camera, index, heartbeat.at if late else heartbeat.begin, GAP_S)
    camera.heartbeat = Said(index=index, entry=heartbeat)
    camera.covered = max(heartbeat.end, camera.covered or heartbeat.end)
    hour = heartbeat.begin.replace(minute=0, second=0)
    count(
        camera.hours,
        hour if heartbeat.end <= hour + timedelta(hours=1) else heartbeat.begin,
        index,
        heartbeat,
        HOURS_KEPT,
    )
    count(camera.days, heartbeat.begin.replace(hour=0, minute=0, second=0), index, heartbeat, DAYS_KEPT)


def take_back(camera: CameraHistory, first: Said[Heartbeat]) -> None:
    """Forget what a word that was dated ahead led to, and go on with the first heartbeat of after it."""
    future = [gap for gap in camera.gaps if gap.end - first.entry.at > timedelta(seconds=AHEAD_S)]
    camera.gap_s -= sum(round((gap.end - gap.begin).total_seconds()) for gap in future)
    camera.gaps = [gap for gap in camera.gaps if gap not in future]
    camera.hours = [row for row in camera.hours if row.begin <= first.entry.at]
    camera.days = [row for row in camera.days if row.begin <= first.entry.at]
    camera.covered = min([first.entry.begin, *(gap.begin for gap in future)])
    camera.heartbeat = None
    note_heartbeat(camera, first.index, first.entry)


def runs(camera: CameraHistory) -> bool:
    """Return whether a camera was started and not stopped since."""
    return camera.running is not None and isinstance(camera.running.entry, RunningStarted)


def note_start(camera: CameraHistory, index: int, entry: RunningStarted) -> None:
    """Account for a start: a first one begins the time to be accounted for, one after a silence ends a gap.

    One while the camera runs, because its settings changed, says nothing about the time before: the next heartbeat does.
    """
    if not runs(camera):
        camera.covered = entry.at
    elif camera.due and entry.at > camera.due:
        note_gap(camera, index, entry.at, GAP_S)
        camera.covered = entry.at


def note_gap(camera: CameraHistory, index: int, until: datetime, allowed_s: int) -> None:
    """Keep the span in which nobody could know whether a running camera ran.

    Args:
        camera: Its state before the entry.
        index: The entry that speaks again.
        until: When it was known again.
        allowed_s: Seconds that may stay without an account.
    """
    if not runs(camera) or camera.covered is None:
        return
    begin = max(camera.covered, camera.gaps[-1].end) if camera.gaps else camera.covered
    missing_s = round((until - begin).total_seconds())
    if missing_s > allowed_s:
        camera.gap_s += missing_s
        said = [word.index for word in (camera.running, camera.heartbeat) if word]
        keep(camera.gaps, Gap(begin=begin, end=until, index=index, before=max(said, default=-1)), LISTED)


def count(rows: list[Counts], begin: datetime, index: int, heartbeat: Heartbeat, kept: int) -> None:
    """Add a heartbeat to the row that begins at an instant."""
    if not rows or rows[-1].begin != begin:
        keep(rows, Counts(begin=begin, end=heartbeat.end, first=index, last=index), kept)
    row = rows[-1]
    row.end, row.last = max(row.end, heartbeat.end), index
    row.faces += heartbeat.faces_covered
    row.frames += heartbeat.frames
    row.stated_s += round((heartbeat.end - heartbeat.begin).total_seconds())
    row.covered_whole_s += heartbeat.covered_whole_s
    row.stalled_s += heartbeat.stalled_s
    row.down_s += heartbeat.down_s


def keep(rows: list[T], row: T, kept: int) -> None:
    """Append a row and let the oldest fall out."""
    rows.append(row)
    if len(rows) > kept:
        del rows[0]

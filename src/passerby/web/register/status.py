"""What a camera's state means at one instant: on, off, or not known. Silence becomes "not known" here, with its length."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from passerby.register import Heartbeat, RunningStarted, SealAnnounced, SealSchedule
from passerby.web.register.camera import AHEAD_S, CameraHistory, Said
from passerby.web.register.state import State

WINDOW = timedelta(days=30)


class Light(StrEnum):
    """What a passer-by wants to know first."""

    ON = "on"
    WHOLE = "whole"
    DOWN = "down"
    STALLED = "stalled"
    OFF = "off"
    UNKNOWN = "unknown"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Status:
    """A camera at one instant.

    Attributes:
        light: On, covered whole, without picture, standing still, off, not known, not started yet, or gone for good.
        since: Since when; for "not known", the operator's last word.
        index: The entry that says so, or that was the last word. None where no entry does.
        field: The field of that entry that holds ``since``.
        due: When the next word is due, else "not known" follows. None where none is due.
        ahead: Whether it is not known because the last word is dated in the future.
    """

    light: Light
    since: datetime | None = None
    index: int | None = None
    due: datetime | None = None
    ahead: bool = False
    field: str = "at"

    def silent_s(self, now: datetime) -> int:
        """Return how long nothing has been heard, in seconds; 0 unless that is not known."""
        if self.light is not Light.UNKNOWN or self.since is None:
            return 0
        return max(0, round((now - self.since).total_seconds()))


@dataclass(frozen=True, slots=True)
class Totals:
    """One camera's last 30 days. Times in seconds; ``not_known_s`` is that of gaps and of a silence that goes on."""

    faces: int
    frames: int
    stated_s: int
    covered_whole_s: int
    stalled_s: int
    down_s: int
    gaps_s: int
    not_known_s: int
    first: int | None
    last: int | None


def status_of(camera: CameraHistory, now: datetime) -> Status:
    """Return what a camera is at an instant: the first of these that holds.

    1. It was removed.
    2. It was never started.
    3. Not known: the operator's last word is dated in the future.
    4. It was stopped.
    5. Not known: no word came by the time that one was due.
    6. It runs, or it is in trouble for more than half of the span of its last heartbeat.

    Args:
        camera: Its state.
        now: Aware. The same state at another instant may be "not known".
    """
    if camera.retired:  # 1
        return Status(Light.GONE, camera.retired.entry.at, camera.retired.index)
    running, last_word = camera.running, camera.last_word
    if running is None or last_word is None:  # 2
        said = camera.heartbeat or camera.registered
        return Status(Light.NEW, said.entry.at, said.index) if said else Status(Light.NEW)
    heartbeat = _heartbeat_since(camera, running.entry.at)
    index = (heartbeat or running).index
    if last_word > now + timedelta(seconds=AHEAD_S):  # 3
        return Status(Light.UNKNOWN, None, index, ahead=True)
    if not isinstance(running.entry, RunningStarted):  # 4
        return Status(Light.OFF, running.entry.at, running.index)
    due = camera.due
    if due is None or now > due:  # 5
        return Status(Light.UNKNOWN, last_word, index, field="end" if heartbeat else "at")
    return _status_of_running(camera, Said(index=running.index, entry=running.entry), heartbeat, due)  # 6


def _status_of_running(
    camera: CameraHistory, running: Said[RunningStarted], heartbeat: Said[Heartbeat] | None, due: datetime
) -> Status:
    light = Light.WHOLE if running.entry.mode == "cover-whole" else Light.ON
    trouble = trouble_of(heartbeat.entry) if heartbeat else None
    if heartbeat and (trouble or camera.start_was_ahead):
        return Status(trouble or light, heartbeat.entry.begin, heartbeat.index, due, field="begin")
    return Status(light, running.entry.at, running.index, due)


def _heartbeat_since(camera: CameraHistory, at: datetime) -> Said[Heartbeat] | None:
    """The last heartbeat, unless the camera was started or stopped after it."""
    said = camera.heartbeat
    return said if said and (said.entry.end >= at or camera.start_was_ahead) else None


def trouble_of(heartbeat: Heartbeat) -> Light | None:
    """Return what a camera was for more than half of a heartbeat's span, if that is not on."""
    half_s = (heartbeat.end - heartbeat.begin).total_seconds() / 2
    seconds = {
        Light.DOWN: heartbeat.down_s,
        Light.STALLED: heartbeat.stalled_s,
        Light.WHOLE: heartbeat.covered_whole_s,
    }
    return max(seconds, key=lambda light: seconds[light]) if sum(seconds.values()) > half_s else None


def totals_of(camera: CameraHistory, now: datetime) -> Totals:
    """Return the sums of the last 30 days, by the days on which spans began."""
    since = now - WINDOW
    rows = [row for row in camera.days if row.end > since]
    silent_s = status_of(camera, now).silent_s(now)
    gaps_s = sum(max(0, round((min(gap.end, now) - max(gap.begin, since)).total_seconds())) for gap in camera.gaps)
    return Totals(
        faces=sum(row.faces for row in rows),
        frames=sum(row.frames for row in rows),
        stated_s=sum(row.stated_s for row in rows),
        covered_whole_s=sum(row.covered_whole_s for row in rows),
        stalled_s=sum(row.stalled_s for row in rows),
        down_s=sum(row.down_s for row in rows),
        gaps_s=gaps_s,
        not_known_s=gaps_s + min(silent_s, round(WINDOW.total_seconds())),
        first=rows[0].first if rows else None,
        last=rows[-1].last if rows else None,
    )


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a camera's log says of faces that are kept locked, at one instant.

    Attributes:
        now: The announcement in force.
        coming: One that has not begun, under which faces are kept where none are now, or for longer.
        ended: Without one in force, the end of the last one, while what was kept under it may still be there.
        until: Until when that is.
    """

    now: Said[SealAnnounced] | None = None
    coming: Said[SealAnnounced] | None = None
    ended: Said[SealAnnounced] | None = None
    until: datetime | None = None

    @property
    def said(self) -> Said[SealAnnounced] | None:
        """The announcement that a reader must know of first."""
        return self.now or self.coming or self.ended


def sealed_of(camera: CameraHistory, now: datetime) -> Sealed:
    """Return what is announced of locked faces at an instant."""
    schedule = SealSchedule(said.entry for said in camera.seals)
    by_entry = {id(said.entry): said for said in camera.seals}
    found, coming = schedule.at(now), schedule.coming(now)
    if coming and coming.retention_h <= (found.retention_h if found else 0):
        coming = None
    begun = [said for said in camera.seals if said.entry.begins <= now]
    ended, until = None, None
    if found is None and len(begun) > 1:
        until = begun[-1].entry.begins + timedelta(hours=begun[-2].entry.retention_h + 1)
        ended = begun[-1] if now < until else None
    return Sealed(by_entry.get(id(found)), by_entry.get(id(coming)), ended, until if ended else None)


def late_reveals(state: State, now: datetime) -> list[int]:
    """Return the entries whose commitment should have been revealed by now, in the log's order."""
    return sorted(index for index, pending in state.pending.items() if pending.commitment.reveal_by < now)


def hidden_requests(state: State) -> list[datetime]:
    """Return, for each request whose camera is not named yet, the date by which it must be, in order of dates."""
    return sorted(
        pending.commitment.reveal_by
        for pending in state.pending.values()
        if pending.case and (case := state.cases.get(pending.case)) and case.camera is None
    )

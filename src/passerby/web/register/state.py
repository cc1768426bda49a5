"""What a log's entries add up to: one state per operator and per camera. Reads entries in their order, each once.

The state is a plain function of the entries: the same log gives the same state, whether read at once or bit by bit, and it
can be saved as JSON between two readings. What it keeps per camera is bounded; older counts fall out, older entries stay
in the log. It believes what the operator states; whether a statement is silent, late or contradicts itself is worked out
in ``status``.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from passerby.errors import EntryError, RegisterError
from passerby.register import (
    AccessTested,
    Commitment,
    Entry,
    FindingAcknowledged,
    OperatorStated,
    Remark,
    RetentionShredded,
    Reveal,
    RunningStopped,
    SealAnnounced,
    SealTestOpened,
    SelfTest,
    SpotCheck,
    YearStatistics,
    commit,
)
from passerby.web.register.camera import LISTED, CameraHistory, CaseStep, Said, StatePart, Tally, add_to_camera, keep

NEWS_KEPT = 100
REASONS_KEPT = 1000
MAX_CAMERAS = 50_000
MAX_CASES = 20_000
"""Requests that are not closed, and commitments that are not revealed; beyond that the oldest fall out of the pages."""


class Case(StatePart):
    """A request on its way. Steps wait here until the camera is named."""

    at: datetime
    camera: str | None
    waiting: list[CaseStep] = Field(default_factory=list)


class PendingReveal(StatePart):
    """A commitment that is not revealed yet; ``case`` where it hides a request's camera."""

    commitment: Commitment
    case: str | None


class State(StatePart):
    """Everything the pages show, up to and without the entry ``size``."""

    form: Literal[2] = 2
    size: int = 0
    operator: Said[OperatorStated] | None = None
    cameras: dict[str, CameraHistory] = Field(default_factory=dict)
    cases: dict[str, Case] = Field(default_factory=dict)
    pending: dict[int, PendingReveal] = Field(default_factory=dict)
    revealed: dict[int, Commitment] = Field(default_factory=dict)
    """The newest commitments that were revealed: said again, a reveal contradicts nothing."""
    bad_reveals: list[int] = Field(default_factory=list)
    late_reveals: list[int] = Field(default_factory=list)
    """Reveals that came after their date."""
    tally: Tally = Field(default_factory=Tally)
    years: dict[int, Said[YearStatistics]] = Field(default_factory=dict)
    remarks: list[Said[Remark]] = Field(default_factory=list)
    news: list[Said[Annotated[Entry, Field(discriminator="kind")]]] = Field(default_factory=list)
    latest: datetime | None = None
    reasons: dict[int, Said[FindingAcknowledged]] = Field(default_factory=dict)
    """Why a camera was silent, in the operator's words, by the entry that was found silent; the newest ones."""
    unread: list[int] = Field(default_factory=list)
    """Entries of a kind that this version does not know."""

    def skip(self, index: int) -> None:
        """Pass over the next entry, because it is of a kind that this version does not know."""
        if index == self.size:
            self.size = index + 1
            keep(self.unread, index, LISTED)

    def add(self, index: int, entry: Entry) -> None:
        """Take in the next entry.

        Args:
            index: Its place in the log. An entry that was taken in before changes nothing.
            entry: Its content.

        Raises:
            RegisterError: entries were left out, or there are more cameras than a page can hold.
        """
        if index < self.size:
            return
        if index > self.size:
            raise RegisterError(f"entry must be the next one, {self.size}, got {index}")
        name = getattr(entry, "camera", None)
        if name is not None and name not in self.cameras and len(self.cameras) >= MAX_CAMERAS:
            raise RegisterError(f"a log's pages hold at most {MAX_CAMERAS} cameras, got more")
        self.size = index + 1
        self.latest = entry.at if self.latest is None else max(self.latest, entry.at)
        kind = entry.kind
        if kind.startswith("request."):
            self._add_case(index, entry)
        elif isinstance(entry, OperatorStated):
            self.operator = Said(index=index, entry=entry)
        elif isinstance(entry, YearStatistics):
            self.years[entry.year] = Said(index=index, entry=entry)
        elif isinstance(entry, Reveal):
            self._reveal(index, entry)
        elif isinstance(entry, FindingAcknowledged):
            self._explain(index, entry)
        elif isinstance(entry, Remark):
            keep(self.remarks, Said(index=index, entry=entry), LISTED)
        elif name is not None:
            add_to_camera(self._camera(name), index, entry)
        else:
            self._add_to_all(index, entry)
        if is_news(entry):
            keep(self.news, Said(index=index, entry=entry), NEWS_KEPT)

    def _explain(self, index: int, entry: FindingAcknowledged) -> None:
        if entry.finding == "silence" and entry.entry < index:
            self.reasons.pop(entry.entry, None)
            self.reasons[entry.entry] = Said(index=index, entry=entry)
            if len(self.reasons) > REASONS_KEPT:
                del self.reasons[next(iter(self.reasons))]

    def _add_to_all(self, index: int, entry: Entry) -> None:
        """An entry that could name a camera and names none is about all of them; other kinds are about none."""
        if isinstance(entry, RetentionShredded):
            for camera in self.cameras.values():
                add_to_camera(camera, index, entry)

    def _camera(self, name: str) -> CameraHistory:
        if name not in self.cameras:
            self.cameras[name] = CameraHistory(camera=name)
        return self.cameras[name]

    def _add_case(self, index: int, entry: Any) -> None:  # noqa: ANN401  # the kinds share only ``case``
        what = {"request.received": "requests", "request.decided": "granted"}.get(entry.kind, entry.kind[8:])
        case = self.cases.get(entry.case)
        if what == "requests" and case is None:
            case = self.cases[entry.case] = Case(at=entry.at, camera=entry.camera)
            if len(self.cases) > MAX_CASES:
                del self.cases[next(iter(self.cases))]
        details = getattr(entry, "details", None)
        if details is not None:
            if len(self.pending) >= MAX_CASES:
                del self.pending[next(iter(self.pending))]
            self.pending[index] = PendingReveal(commitment=details, case=entry.case if what == "requests" else None)
        if what not in {"requests", "granted", "refused", "withdrawn", "opened"}:
            return
        decided = what in {"granted", "refused"} and case is not None
        took_s = max(0, round((entry.at - case.at).total_seconds())) if decided and case else None
        event = CaseStep.model_validate(
            {"index": index, "what": what, "tracks": getattr(entry, "tracks", 0), "took_s": took_s}
        )
        self.tally.add(event)
        if case and case.camera:
            self._camera(case.camera).tally.add(event)
        elif case:
            keep(case.waiting, event, LISTED)

    def _reveal(self, index: int, entry: Reveal) -> None:
        pending = self.pending.get(entry.entry)
        promise = pending.commitment if pending else self.revealed.get(entry.entry)
        if promise is None or not fits(promise, entry):
            keep(self.bad_reveals, index, LISTED)
            return
        if pending is None:
            return
        del self.pending[entry.entry]
        self.revealed[entry.entry] = promise
        if len(self.revealed) > NEWS_KEPT:
            del self.revealed[next(iter(self.revealed))]
        if entry.at > promise.reveal_by:
            keep(self.late_reveals, index, LISTED)
        case = self.cases.get(pending.case or "")
        name = camera_in(entry.value)
        if case is None or case.camera or name not in self.cameras:
            return
        case.camera = name
        for event in case.waiting:
            self.cameras[name].tally.add(event)
        case.waiting = []


def is_news(entry: Entry) -> bool:
    """Return whether an entry belongs into the feed: locked faces, openings, faults, and tests that failed."""
    return (
        entry.kind in {"request.opened", "fault"}
        or isinstance(entry, SealAnnounced)
        or (isinstance(entry, SelfTest | SpotCheck | SealTestOpened) and not entry.passed)
        or (isinstance(entry, RunningStopped) and entry.reason == "fault")
        or (isinstance(entry, AccessTested) and entry.exclusive == "not-exclusive")
    )


def fits(commitment: Commitment, reveal: Reveal) -> bool:
    """Return whether a reveal shows what the commitment fixed."""
    try:
        return commit(reveal.value, reveal.salt) == commitment.digest
    except EntryError:
        return False


def camera_in(value: str) -> str:
    """Return the camera that revealed details name, or an empty text."""
    try:
        details = json.loads(value)
    except ValueError:
        return ""
    name = details.get("camera") if isinstance(details, dict) else None
    return name if isinstance(name, str) else ""

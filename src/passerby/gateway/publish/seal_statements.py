"""Announces in the register that a camera keeps faces locked, before it does, and says since when it may.

An announcement counts when it is durable in the log. What is laxer than before begins a week later, and until then nothing is
sealed. One that took so long to reach the log that verifiers would take its date for an earlier one is made anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta

from passerby.errors import EntryError, RegisterError
from passerby.gateway.config import SealTerms
from passerby.gateway.publish.log_writer import RegisterWriter
from passerby.gateway.publish.statements import Statements
from passerby.register import SEAL_NOTICE, AnnouncedAuthority, AnnouncedCustodian, SealAnnounced, SealSchedule

MARGIN = timedelta(minutes=10)
"""Added to the week. Source: twice what verifiers allow two clocks to differ."""
REACHES_LOG = timedelta(minutes=4)
"""Within this an announcement must be in the log, or it is made anew. Source: verifiers take five minutes for a clock's error."""
_log = logging.getLogger("passerby.gateway.register")


class SealStatements:
    """What is announced of each camera's sealing.

    Args:
        statements: Where it is remembered.
        writer: The way into the log.
        now: Returns the instant at which an entry is made.
    """

    def __init__(self, statements: Statements, writer: RegisterWriter, now: Callable[[], datetime]) -> None:
        self._statements, self._writer, self._now = statements, writer, now
        self._under_way: dict[str, tuple[SealAnnounced, Future[None]]] = {}
        self._refused: dict[str, SealTerms | None] = {}

    def state(self, name: str, terms: SealTerms | None) -> None:
        """Bring the register up to what the configuration says of one camera; to be called once a second."""
        self._settle(name, terms)
        known = self._statements.kept.cameras.get(name)
        if known is None or name in self._under_way or (name in self._refused and self._refused[name] == terms):
            return
        last = known.seals[-1] if known.seals else None
        if _terms_of(last) != terms:
            entry = announcement(known.id, terms, SealSchedule(known.seals), self._now())
            self._under_way[name] = entry, self._writer.put([entry])
            begins = (
                "sealing ends" if terms is None else f"faces are kept locked from {entry.begins:%Y-%m-%d %H:%M} UTC on"
            )
            _log.warning("%s: %s, as the register announces", name, begins)

    def in_force(self, name: str, terms: SealTerms | None) -> SealAnnounced | None:
        """Return the announcement under which a camera may seal now; None where none says what the configuration says."""
        known = self._statements.kept.cameras.get(name)
        if known is None or terms is None:
            return None
        found = SealSchedule(known.seals).at(self._now())
        return found if found is not None and _terms_of(found) == terms else None

    def coming(self, name: str) -> SealAnnounced | None:
        """Return the announcement that has not begun yet, or None."""
        known = self._statements.kept.cameras.get(name)
        return SealSchedule(known.seals).coming(self._now()) if known is not None else None

    def _settle(self, name: str, terms: SealTerms | None) -> None:
        entry, done = self._under_way.get(name, (None, None))
        if entry is None or done is None or not done.done():
            return
        del self._under_way[name]
        failed = done.exception()
        if isinstance(failed, EntryError):
            _log.error("sealing of %s is not announced: %s", name, failed.message)
            self._refused[name] = terms
        elif failed is None and self._now() - entry.at <= REACHES_LOG:
            known = self._statements.kept.cameras[name]
            schedule = SealSchedule(known.seals)
            schedule.add(entry)
            known.seals = schedule.announced
            try:
                self._statements.save()
            except RegisterError as exc:  # it is announced once more after the next start
                _log.error("%s", exc.message)


def announcement(camera: str, terms: SealTerms | None, schedule: SealSchedule, now: datetime) -> SealAnnounced:
    """Return the entry that announces how a camera seals from as soon on as it may; None: it does not any more."""
    at = now.replace(microsecond=0)
    told: dict[str, object] = {"camera": camera, "at": at, "retention_h": terms.retention_h if terms else 0}
    if terms is not None:
        told["needed"] = terms.needed
        told["authorities"] = tuple(
            AnnouncedAuthority(name=name, role=role, key=key) for name, role, key in terms.authorities
        )
        told["custodian"] = AnnouncedCustodian(name=terms.custodian[0], who=terms.custodian[1])
    at_once = SealAnnounced.model_validate(told | {"begins": at})
    if schedule.breach(at_once, at) is None:
        return at_once
    due = at + SEAL_NOTICE + MARGIN
    begins = due.replace(minute=0, second=0) + timedelta(hours=1)
    return SealAnnounced.model_validate(told | {"begins": begins})


def _terms_of(entry: SealAnnounced | None) -> SealTerms | None:
    if entry is None or entry.needed is None or entry.authorities is None or entry.custodian is None:
        return None
    return SealTerms(
        entry.retention_h,
        entry.needed,
        tuple((one.name, one.role, one.key) for one in entry.authorities),
        (entry.custodian.name, entry.custodian.who),
    )

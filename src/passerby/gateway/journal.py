"""What happened, on its way to people: the last events for the console, who watched for the access log, all for the log."""

from __future__ import annotations

import logging
from collections import deque

from passerby.errors import ServiceError
from passerby.gateway.access import AccessLog
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.entrance import RateLimit
from passerby.gateway.states import Event, EventKind

EVENTS = 500
_READERS = {
    EventKind.READER_CAME: "watch",
    EventKind.READER_LEFT: "watch-end",
    EventKind.ACCESS_REFUSED: "refused",
}
_log = logging.getLogger("passerby.gateway")


class EventJournal:
    """Takes the events of a gateway.

    Args:
        access: Who watched is written there.
        clock: The machine's clocks.

    Attributes:
        events: The last ones, oldest first, without readers, self-tests that passed and what was sealed.
        refused_requests: Requests of readers that were refused.
    """

    def __init__(self, access: AccessLog, clock: Clock = MACHINE) -> None:
        self._access, self._notes = access, RateLimit(60, 0.2, clock=clock.now_s)
        self.events: deque[Event] = deque(maxlen=EVENTS)
        self.refused_requests = 0

    def take(self, event: Event) -> None:
        """Take one event."""
        if event.kind in _READERS:
            self._reader(event)
            return
        if event.kind is EventKind.SEALED:
            return
        if event.kind is not EventKind.SELFTEST or not event.ok:
            self.events.append(event)
        level = logging.WARNING if not event.ok else logging.INFO
        extra = {"camera": event.camera, "event": event.kind.value}
        _log.log(level, "%s", " ".join(filter(None, (event.kind, event.reason, event.detail))), extra=extra)

    def _reader(self, event: Event) -> None:
        if event.kind is EventKind.ACCESS_REFUSED:
            self.refused_requests += 1
            if not self._notes.allow(event.address):
                # counted, and no more: who is refused for ever must not push the lines of those who watched out of the log
                return
        try:
            self._access.add(
                _READERS[event.kind],
                user=event.user,
                address=event.address,
                camera=event.camera,
                detail=event.detail.partition(":")[0] if event.kind is EventKind.READER_LEFT else event.detail,
            )
        except ServiceError as exc:
            _log.error("%s", exc.message)

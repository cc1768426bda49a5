"""Puts on record what happens to cameras: registered, started, stopped, changed, faults, heartbeats, self-tests, access.

No camera starts before its entries are durable in the log, unless the log has been unwritable for less than the grace time that
the operator states in the log itself. When it is over, every camera is covered until the log can be written again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

from passerby.errors import EntryError, RegisterError, StorageError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import CameraConfig, CityConfig
from passerby.gateway.publish.heartbeats import (
    CameraHeartbeats,
    HeartbeatSpan,
    SealedSpan,
    rounded,
    state_of,
    state_of_reason,
)
from passerby.gateway.publish.log_writer import LogWriter, RegisterWriter
from passerby.gateway.publish.seal_statements import SealStatements
from passerby.gateway.publish.shared_log import SharedLogWriter
from passerby.gateway.publish.statements import StatedNow, Statements, started
from passerby.gateway.states import CameraStatus, Event, EventKind
from passerby.gateway.values import SELFTEST_CAMERA, CoverReason
from passerby.register import (
    AccessTested,
    CameraChanged,
    Entry,
    Fault,
    Heartbeat,
    RunningStopped,
    SealAnnounced,
    SelfTest,
)

PERMIT_S = 10.0
_FAILING_S = 0.5
FAULT_PIECE_S = 15.0
"""A fault that goes on is stated after this long, and then at every heartbeat, without waiting for its end. One that ended is
stated once it has not come back for as long."""
_MOST_ROOTS, _ROOTS_DUE = 64, 48
"""Roots that a heartbeat holds, and from how many on it is stated early. Source: docs/register.md."""
_log = logging.getLogger("passerby.gateway.register")


class RegisterLink:
    """Links a gateway to the register.

    Args:
        city: The configuration.
        hold: Covers a camera for a reason.
        release: Ends that.
        clock: By which entries are dated.
        permit_s: Longest wait until a start is durable in the log.

    Raises:
        RegisterError: the log cannot be made or opened.
    """

    def __init__(
        self,
        city: CityConfig,
        hold: Callable[[str, CoverReason, str], None],
        release: Callable[[str, CoverReason], None],
        *,
        clock: Clock = MACHINE,
        permit_s: float = PERMIT_S,
    ) -> None:
        self.city = city
        self._clock, self._permit_s = clock, permit_s
        self._hold, self._release = hold, release
        self.statements = Statements(city.register.path, self._now)
        self.writer: RegisterWriter = (
            LogWriter(city.register.path, city.register.origin, clock)
            if city.register.address is None
            else SharedLogWriter(city.register, self.statements, clock)
        )
        for identifier in self.writer.registered(self.statements.unsure()):
            self.statements.sure(identifier)
        self.seals = SealStatements(self.statements, self.writer, self._now)
        self._said_sealing: dict[str, bool] = {}
        self._heartbeats: dict[str, CameraHeartbeats] = {}
        self._open_faults: dict[tuple[str, CoverReason], datetime] = {}
        self._ended_faults: dict[tuple[str, CoverReason], tuple[datetime, datetime]] = {}
        self._tests: dict[str, tuple[bool, int]] = {}
        self._roots: dict[str, list[str]] = {}
        self._pending: dict[str, tuple[Future[None], StatedNow]] = {}
        self._covering = False
        self._permits = asyncio.Lock()

    def identifier(self, name: str) -> str | None:
        """Return a camera's identifier in the register."""
        return self.statements.identifier(name)

    def sealing(self, name: str) -> SealAnnounced | None:
        """Return what the register announces of a camera that may keep faces locked now; None: nothing may be kept."""
        statement = self.city.statements.get(name)
        return self.seals.in_force(name, statement.seal) if statement else None

    # starting and stopping

    async def permit(self, config: CameraConfig) -> str | None:
        """State that a camera runs; None when it is durable in the log, or a sentence that says why it must not start."""
        async with self._permits:
            try:
                wait_s = self._permit_s if self.writer.failing_since_s is None else _FAILING_S
                await asyncio.wait_for(self._state(config), wait_s)
            except (RegisterError, OSError, TimeoutError) as exc:
                why = self.writer.why or (exc.message if isinstance(exc, RegisterError) else "no answer in time")
                if isinstance(exc, EntryError) or self.writer.failing_s() >= self.city.register.grace_s:
                    return f"the register cannot be written: {why}"
                _log.warning("%s runs within the grace time without a register: %s", config.name, why)
        self._heartbeats.setdefault(config.name, self._fresh(config.name))
        return None

    def _fresh(self, name: str) -> CameraHeartbeats:
        return CameraHeartbeats(self._now().replace(microsecond=0), self.city.statements[name].heartbeat_s)

    async def _state(self, config: CameraConfig) -> None:
        name, statement = config.name, self.city.statements[config.name]
        if name not in self._pending:
            entries, now = self.statements.due(self.city.register, name, statement)
            identifier = self.statements.identifier(name) or ""
            entries.append(await asyncio.to_thread(self._started, identifier, config))
            self._pending[name] = self.writer.put(entries, now), now
        # what an earlier attempt queued still waits for the log: it is not queued a second time
        try:
            await asyncio.shield(asyncio.wrap_future(self._pending[name][0]))
        finally:
            self._settle_pending(name)

    def _started(self, identifier: str, config: CameraConfig) -> Entry:
        self._said_sealing[config.name] = seals = self.sealing(config.name) is not None
        return started(identifier, config, self.city.statements[config.name], self._now(), seals=seals)

    def _state_sealing(self, name: str) -> None:
        """Announce it where that is due, and say that it began or ended when it does."""
        config, identifier = self.city.cameras.get(name), self.identifier(name)
        if config is None or identifier is None or name in self._pending:
            return
        self.seals.state(name, self.city.statements[name].seal)
        if (self.sealing(name) is not None) is not self._said_sealing.get(name, False):
            self._put([self._started(identifier, config)])

    def _settle_pending(self, name: str) -> None:
        found = self._pending.get(name)
        if found is None or not found[0].done():
            return
        del self._pending[name]
        if found[0].exception() is None:
            self.statements.remember(found[1])

    async def changed(self, city: CityConfig) -> None:
        """Take another configuration: what is stated about cameras that go on running unchanged is brought up to date."""
        self.city = city
        for name in list(self._heartbeats):
            if name not in city.statements or name in self._pending:
                continue
            statement = city.statements[name]
            self._heartbeats[name].interval_s = statement.heartbeat_s
            try:
                entries, now = self.statements.due(city.register, name, statement)
                if entries:
                    done = asyncio.wrap_future(self.writer.put(entries, now))
                    await asyncio.wait_for(asyncio.shield(done), self._permit_s)
                    self.statements.remember(now)
            except (RegisterError, TimeoutError):
                _log.exception("what changed about %s is not yet on record", name)

    # what happens

    def take(self, event: Event) -> None:
        """Take an event of the gateway."""
        at = _instant(event.at_ns)
        if event.kind is EventKind.STOPPED:
            self._stop(event.camera, at, "configuration" if event.detail else "planned")
        elif event.kind is EventKind.CHANGED:
            self._restarted(event.camera)
        elif event.kind is EventKind.FAULT_BEGAN and event.reason is not None:
            key = event.camera, event.reason
            # a fault that comes back at once is the same fault: a flapping one must not flood the log
            began, _ = self._ended_faults.pop(key, (at, at))
            self._open_faults[key] = began
        elif event.kind is EventKind.FAULT_ENDED and event.reason is not None:
            key = event.camera, event.reason
            if key in self._open_faults:
                self._ended_faults[key] = self._open_faults.pop(key), at
        elif event.kind is EventKind.SEALED:
            self._roots.setdefault(event.camera, []).append(event.detail)
        elif event.kind is EventKind.SELFTEST:
            self._selftest(event.camera, ok=event.ok)

    def _stop(self, name: str, at: datetime, reason: str) -> None:
        for key in [key for key in self._open_faults if key[0] == name]:
            self._ended_faults[key] = self._open_faults.pop(key), at
        self._say_ended(name, at)
        self._say_tests(name)
        heartbeats, identifier = self._heartbeats.pop(name, None), self.identifier(name)
        if heartbeats is None or identifier is None:
            return
        rest = heartbeats.rest()
        entries: list[Entry] = [self._heartbeat(name, identifier, rest)] if rest else []
        entries.append(RunningStopped.model_validate({"at": self._now(), "camera": identifier, "reason": reason}))
        self._put(entries)

    def _restarted(self, name: str) -> None:
        config = self.city.cameras.get(name)
        identifier = self.identifier(name)
        if config is None or identifier is None or name in self._pending:
            return
        try:
            entries, now = self.statements.due(self.city.register, name, self.city.statements[name])
            entries.append(self._started(identifier, config))
            self.writer.put(entries, now)
            self.statements.remember(now)
        except StorageError as exc:
            _log.error("what changed about %s is not on record: %s", name, exc.message)

    def _fault(self, name: str, reason: CoverReason, began: datetime, ended: datetime) -> None:
        identifier = self.identifier(name)
        if identifier is None or name not in self.city.statements:
            return
        state = state_of_reason(reason)
        cause = reason.value.replace("_", "-")
        told = {"at": self._now(), "camera": identifier, "begin": began, "end": max(began, ended), "cause": cause}
        self._put([Fault.model_validate(told | {"what": state.value})])

    def _selftest(self, name: str, *, ok: bool) -> None:
        names = list(self._heartbeats) if name == SELFTEST_CAMERA and not ok else [name]
        for camera in names:
            was, runs = self._tests.get(camera, (ok, 0))
            if was is not ok:
                self._say_tests(camera)
                runs = 0
            self._tests[camera] = (ok, runs + 1)
            if not ok or (was is not ok):
                # a failure, and the first success after one, are stated at once
                self._say_tests(camera)

    def _say_tests(self, name: str) -> None:
        ok, runs = self._tests.get(name, (True, 0))
        identifier = self.identifier(name)
        if runs and identifier is not None and name in self._heartbeats:
            self._put([SelfTest(at=self._now(), camera=identifier, passed=ok, runs=runs)])
        self._tests[name] = (ok, 0)

    def access(self, name: str, exclusive: str, method: str) -> None:
        """State whether anything else can pull a camera's picture; said again only when it changed."""
        known = self.statements.kept.cameras.get(name)
        if known is None or known.access == exclusive:
            return
        entry = AccessTested.model_validate(
            {"at": self._now(), "camera": known.id, "exclusive": exclusive, "method": method[:200]}
        )
        self._put([entry])
        known.access = exclusive
        self._save()

    def recognition(self, name: str, names: tuple[str, ...]) -> None:
        """State by what a camera itself offers to recognise faces, if by anything; said again only when it changed."""
        known = self.statements.kept.cameras.get(name)
        if known is None or known.recognises == list(names):
            return
        self._put([CameraChanged(at=self._now(), camera=known.id, recognises=names)])
        known.recognises = list(names)
        self._save()

    def _save(self) -> None:
        try:
            self.statements.save()
        except StorageError as exc:
            _log.error("%s", exc.message)

    # once a second

    def tick(self, statuses: list[CameraStatus]) -> None:
        """Count, and state what is due; to be called once a second."""
        now = self._now().replace(microsecond=0)
        for name in list(self._pending):
            self._settle_pending(name)
        for status in statuses:
            heartbeats, identifier = self._heartbeats.get(status.name), self.identifier(status.name)
            if heartbeats is None or identifier is None:
                continue
            counts, full = status.counts, len(self._roots.get(status.name, ())) >= _ROOTS_DUE
            sealed = SealedSpan(counts.sealed.pieces, counts.sealed.unsealed) if status.sealing else None
            spans = heartbeats.tick(now, state_of(status), counts.frames_out, counts.tracks, sealed=sealed, due=full)
            self._put([self._heartbeat(status.name, identifier, span) for span in spans])
            if spans:
                self._say_tests(status.name)
            self._state_sealing(status.name)
            self._faults_so_far(status.name, now, heartbeat=bool(spans))
            self._say_ended(status.name, now - timedelta(seconds=FAULT_PIECE_S))
        late = self.writer.failing_s() > self.city.register.grace_s
        if late or self._covering:
            self._cover(statuses, late=late)

    def _faults_so_far(self, name: str, now: datetime, *, heartbeat: bool) -> None:
        for (camera, reason), began in list(self._open_faults.items()):
            if camera == name and heartbeat and (now - began).total_seconds() >= FAULT_PIECE_S - 1:
                self._fault(camera, reason, began, now)
                self._open_faults[camera, reason] = now

    def _say_ended(self, name: str, before: datetime) -> None:
        """State the faults of a camera that ended before an instant and did not come back."""
        for (camera, reason), (began, ended) in list(self._ended_faults.items()):
            if camera == name and ended <= before:
                del self._ended_faults[camera, reason]
                self._fault(camera, reason, began, ended)

    def _cover(self, statuses: list[CameraStatus], *, late: bool) -> None:
        for status in statuses:
            if late:
                self._hold(status.name, CoverReason.REGISTER, self.writer.why)
            else:
                self._release(status.name, CoverReason.REGISTER)
        self._covering = late

    def _put(self, entries: list[Entry]) -> None:
        if entries:
            self.writer.put(entries)

    def _now(self) -> datetime:
        return _instant(self._clock.wall_ns())

    def _heartbeat(self, name: str, identifier: str, span: HeartbeatSpan) -> Heartbeat:
        waiting = self._roots.get(name, [])
        roots, self._roots[name] = tuple(waiting[:_MOST_ROOTS]), waiting[_MOST_ROOTS:]
        return Heartbeat(
            at=self._now(),
            camera=identifier,
            begin=span.begin,
            end=span.end,
            frames=span.frames,
            faces_covered=rounded(span.faces),
            covered_whole_s=round(span.whole_s),
            stalled_s=round(span.stalled_s),
            down_s=round(span.down_s),
            sealed_roots=roots or None,
            pieces_sealed=rounded(span.sealed.pieces) if span.sealed else None,
            unsealed_faces=rounded(span.sealed.unsealed) if span.sealed else None,
        )

    def close(self) -> None:
        """Write what is queued and let go of the log."""
        for name in {camera for camera, _ in self._ended_faults}:
            self._say_ended(name, self._now())
        self.writer.close()


def _instant(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)

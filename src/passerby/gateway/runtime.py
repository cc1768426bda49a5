"""One running gateway with everything around it: configuration and its reload, accounts, access log, register, MQTT, events.

The web pages and the command read and steer it; it knows neither of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from passerby.errors import PasserbyError, ServiceError
from passerby.gateway.access import AccessLog, AccountGate, Accounts, PasswordProofs, SingleSignOn, own_certificate
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import CityConfig, RtspConfig
from passerby.gateway.config_file import ConfigFile
from passerby.gateway.entrance import connection_places, divided_places
from passerby.gateway.journal import EventJournal
from passerby.gateway.last_minute import LastMinute
from passerby.gateway.onvif import AccessTests, PtzWatch
from passerby.gateway.publish import MetricsSource, MqttLink, RegisterLink, keep_packs, own_number, sealed_camera
from passerby.gateway.service import Gateway
from passerby.gateway.states import CameraStatus, Event
from passerby.gateway.stopping import end_tasks
from passerby.gateway.stream import RetentionSweeper
from passerby.gateway.values import AWAY, CoverReason
from passerby.values import utc_now

TICK_S = 1.0
_FILE_S = 2.0
_SWEEP_S = 60.0


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What TLS is served with; nothing where all stays on this machine.

    Attributes:
        certificate: PEM chain.
        key: PEM key.
        fingerprint: SHA-256 of a certificate that was made here; empty for the user's own.
    """

    certificate: Path | None = None
    key: Path | None = None
    fingerprint: str = ""


class Runtime:
    """A gateway, whole.

    Args:
        city: The configuration.
        load: Reads it anew; None for one that has no file.
        clock: The machine's clocks.

    Attributes:
        config: Its file.
        tls: What TLS is served with.
        journal: What happened.
        proofs: Checks passwords.
        sign_on: Logins by OpenID Connect, or None.
        places: How many connections there may be.
        last_minute: What each camera did.
        tests: The tests of exclusive access.
        retention: Deletes recordings whose time is up, whatever became of their camera.

    Raises:
        PasserbyError: accounts, access log or register cannot be opened.
    """

    def __init__(
        self, city: CityConfig, load: Callable[[], CityConfig] | None = None, *, clock: Clock = MACHINE
    ) -> None:
        self.city, self._clock = city, clock
        self.config = ConfigFile(city.path, load)
        self.accounts = Accounts(city.state / "accounts.sqlite")
        self.access = AccessLog(city.state / "access.sqlite", city.access_log.retain_days, clock)
        self.first_password = self.accounts.first_start()
        self.tls = _tls_files(city)
        self.record = RegisterLink(city, self.hold, self.release, clock=clock)
        self.proofs = PasswordProofs(self.accounts, clock=clock)
        self.sign_on = _sign_on(city, clock)
        self.gate = AccountGate(self.accounts, self.proofs)
        self.places = divided_places(
            connection_places(len(city.cameras)), readers=city.rtsp.max_readers, viewers=city.server.max_viewers
        )
        self.gateway = Gateway(
            city.cameras.values(),
            self._rtsp(city),
            self.gate,
            city.selftest,
            self.record.permit,
            may_seal=lambda config: sealed_camera(self.city, config, self.record),
        )
        self.gateway.subscribe(self._heard)
        self.broker = self._broker(city)
        self.ptz = PtzWatch(self.hold, self.release)
        self.tests = AccessTests(self.record.access, self.record.recognition)
        self.journal, self.last_minute = EventJournal(self.access, clock), LastMinute()
        self.retention = RetentionSweeper(city.state / "recordings.json", clock=clock)
        self.began = utc_now()
        self._tasks: list[asyncio.Task[None]] = []
        self._reloading = asyncio.Lock()
        self._stopping = False

    # life

    async def start(self) -> None:
        """Start everything.

        Raises:
            ServiceError: a port cannot be bound.
        """
        await self.gateway.start()
        self._around(self.city)
        if self.broker is not None:
            self.broker.start()
        self._tasks.append(asyncio.create_task(self._tick_for_ever(), name="runtime-tick"))
        self._tasks.append(asyncio.create_task(self._keep_retention(), name="retention"))
        if self.config.is_file:
            self._tasks.append(asyncio.create_task(self._watch_file(), name="config-watch"))

    async def stop(self) -> None:
        """End everything, in an order in which the register and the broker still hear of it."""
        # a reload that is under way is let finish: cutting it off could leave a camera half stopped
        async with self._reloading:
            self._stopping = True
            await end_tasks(self._tasks)
        self._tasks.clear()
        await self.ptz.stop()
        await self.tests.stop()
        await self.gateway.stop()
        if self.broker is not None:
            self.broker.tick()
            await self.broker.stop()
        if self.sign_on is not None:
            await self.sign_on.close()
        await asyncio.to_thread(self.record.close)
        self.access.close()
        self.proofs.close()
        self.accounts.close()

    async def reload(self) -> list[str]:
        """Read the configuration anew and change to it. A broken one changes nothing.

        Returns:
            What changed, a sentence each.

        Raises:
            ServiceError: there is no file.
            ConfigError: it is broken; what ran goes on running.
        """
        async with self._reloading:
            if self._stopping:
                raise ServiceError("configuration must be read by a gateway that runs, this one is stopping")
            city = await asyncio.to_thread(self.config.read)
            said = [f"{name} must be restarted for" for name in _fixed(self.city, city)]
            old, self.city = self.city, city
            self.record.city = city
            said += await self.gateway.apply(city.cameras.values())
            await self.record.changed(city)
            self.access.days = city.access_log.retain_days
            if old.mqtt != city.mqtt:
                await self._change_broker(city)
                said.append("mqtt changed")
            self._around(city)
            self.config.taken(said)
            return said

    def _around(self, city: CityConfig) -> None:
        self.ptz.watch(city.onvif)
        self.tests.watch([camera for camera in city.cameras.values() if camera.enabled], city.onvif)

    async def _change_broker(self, city: CityConfig) -> None:
        if self.broker is not None:
            await self.broker.stop()
        self.broker = self._broker(city)
        if self.broker is not None:
            self.broker.start()

    def _broker(self, city: CityConfig) -> MqttLink | None:
        if city.mqtt is None:
            return None
        return MqttLink(
            city.mqtt,
            self.statuses,
            lambda name, on: self.cover(name, on=on, user="mqtt"),
            number=own_number(city.state),
            titles=lambda: {name: camera.shown for name, camera in self.city.cameras.items() if camera.enabled},
        )

    def _rtsp(self, city: CityConfig) -> RtspConfig:
        rtsp = replace(city.rtsp, max_connections=self.places.rtsp)
        return replace(rtsp, certificate=self.tls.certificate, key=self.tls.key) if rtsp.beyond else rtsp

    # what others ask and do

    def statuses(self) -> list[CameraStatus]:
        """Return the state of every camera that runs."""
        return self.gateway.statuses()

    def hold(self, name: str, reason: CoverReason, detail: str = "") -> None:
        """Cover a camera whole."""
        self.gateway.hold(name, reason, detail)

    def release(self, name: str, reason: CoverReason) -> None:
        """End that."""
        self.gateway.release(name, reason)

    def cover(self, name: str, *, on: bool, user: str, address: str = "") -> bool:
        """Add or end an operator's full cover; returns whether there is such a camera. Ending it leaves the faces veiled."""
        if name not in self.gateway.cameras:
            return False
        self.access.add("cover" if on else "cover-end", user=user, address=address, camera=name)
        if on:
            self.hold(name, CoverReason.OPERATOR, "")
        else:
            self.release(name, CoverReason.OPERATOR)
        return True

    def metrics(self) -> MetricsSource:
        """Return what the metrics show."""
        folders = {camera.record.folder for camera in self.city.cameras.values() if camera.record.enabled}
        return MetricsSource(
            statuses=self.statuses(),
            refused=len(self.gateway.refused),
            alarm=bool(self.gateway.alarm.text),
            hidden_passed_ns=self.gateway.alarm.passed_ns,
            register_failing_s=self.record.writer.failing_s(),
            config_sound=not self.config.error,
            rtsp_sessions=self.gateway.rtsp.sessions,
            folders=tuple(sorted(folders)),
            access_refused=self.journal.refused_requests,
        )

    def not_ready(self) -> list[str]:
        """Return why this gateway is not ready to serve; empty when it is."""
        why = []
        if self.gateway.alarm.text:
            why.append("alarm: a test face came out bare")
        if self.record.writer.failing_since_s is not None:
            why.append("the register cannot be written")
        waiting = [
            status.name
            for status in self.statuses()
            if status.phase.value in {"starting", "slate", "stopped"} or AWAY.intersection(status.reasons)
        ]
        waiting += list(self.gateway.refused)
        if waiting:
            why.append(f"{len(waiting)} of {len(self.statuses()) + len(self.gateway.refused)} cameras show no picture")
        return why

    # what happens

    def _heard(self, event: Event) -> None:
        self.record.take(event)
        if self.broker is not None:
            self.broker.take(event)
        self.journal.take(event)

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            statuses = self.statuses()
            self.record.tick(statuses)
            if self.broker is not None:
                self.broker.tick()
            self.last_minute.note(statuses, self._clock.now_s())

    async def _keep_retention(self) -> None:
        while True:
            city = self.city
            roots = {city.record.folder, *(camera.record.folder for camera in city.cameras.values())}
            await asyncio.to_thread(self.retention.sweep, roots, city.record.retain, self.gateway.recording_folders)
            with contextlib.suppress(PasserbyError):
                await asyncio.to_thread(keep_packs, city, self.record, self._clock.wall_ns())
            await asyncio.sleep(_SWEEP_S)

    async def _watch_file(self) -> None:
        while True:
            await asyncio.sleep(_FILE_S)
            if self.config.changed():
                with contextlib.suppress(PasserbyError):
                    await self.reload()


def _tls_files(city: CityConfig) -> TlsFiles:
    if not city.server.beyond and not city.rtsp.beyond:
        return TlsFiles()
    tls = city.server.tls
    if tls.certificate is not None and tls.key is not None:
        return TlsFiles(tls.certificate, tls.key)
    host = city.server.host if city.server.beyond else city.rtsp.host
    return TlsFiles(*own_certificate(city.state, host))


def _sign_on(city: CityConfig, clock: Clock) -> SingleSignOn | None:
    server = city.server
    if server.single_sign_on is None or server.url is None:
        return None
    return SingleSignOn(server.single_sign_on, server.url, clock)


def _fixed(old: CityConfig, new: CityConfig) -> list[str]:
    """Return the parts that differ and take effect at the next start only."""
    parts = ("server", "rtsp", "register", "state", "selftest", "metrics")
    return [part for part in parts if getattr(old, part) != getattr(new, part)]

"""Runs a set of cameras: their processes, relays and outputs, the self-test, the events. One ``Gateway`` in one event loop.

What people and programs are told (console, metrics, MQTT, register) reads ``statuses`` and subscribes to events; what is
configured is handed in as frozen values; who may read is decided by a ``Gate``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from passerby.errors import ServiceError
from passerby.gateway.alarm import BareFaceAlarm, HiddenStream
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import CameraConfig, RtspConfig, SelfTestConfig
from passerby.gateway.picture import Slates
from passerby.gateway.rtsp import Gate, RtspPusher, RtspServer
from passerby.gateway.states import CameraStatus, Event, EventKind
from passerby.gateway.stream import (
    HlsFeed,
    LiveFeed,
    Recorder,
    Relay,
    Snapshots,
)
from passerby.gateway.supervision import CameraSupervisor, SealLink
from passerby.gateway.values import CoverReason
from passerby.sealing import IndexPart, SealedCamera

TICK_S = 0.1
GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, modulo 1, lie evenly however many there are: cameras' inference passes do not come all at once."""
Permit = Callable[[CameraConfig], Awaitable[str | None]]
"""Asked before a camera starts: None lets it, a sentence says why not (the register cannot be written)."""
MaySeal = Callable[[CameraConfig], SealedCamera | None]
"""Returns what of a camera is sealed now, or None: it does not seal, or may not yet."""
_SEAL_TICKS = 20
"""So many ticks between two questions whether a camera may seal."""


class ServedCamera:
    """One camera's outputs in the serving process.

    Args:
        supervisor: Of its process.
        clock: The machine's clocks.
    """

    def __init__(self, supervisor: CameraSupervisor, *, clock: Clock = MACHINE) -> None:
        self.supervisor, self._clock = supervisor, clock
        self.live = LiveFeed(supervisor.relay)
        self.hls = HlsFeed(supervisor.relay, clock=clock)
        self._recorder: Recorder | None = None
        self._pushers: list[RtspPusher] = []

    @property
    def config(self) -> CameraConfig:
        """Return what it is told."""
        return self.supervisor.config

    @property
    def relay(self) -> Relay:
        """Return its veiled stream."""
        return self.supervisor.relay

    @property
    def recording_folder(self) -> Path | None:
        """Return the folder that is recorded into at this moment."""
        return self._recorder.folder if self._recorder is not None else None

    def open_outputs(self, full: Callable[[bool, str], None]) -> None:
        """Begin to record and to push, as its configuration says.

        Args:
            full: Told about the disk, from the recorder's thread.
        """
        config = self.config
        if config.record.enabled:
            self._recorder = Recorder(config.name, config.record, full, clock=self._clock)
            self._recorder.start(self.relay)
        self._pushers = [RtspPusher(push, self.relay) for push in config.push]
        for pusher in self._pushers:
            pusher.start()

    async def close_outputs(self) -> None:
        """End recording and pushing."""
        recorder, self._recorder = self._recorder, None
        pushers, self._pushers = self._pushers, []
        await asyncio.gather(*(pusher.stop() for pusher in pushers))
        if recorder is not None:
            await asyncio.to_thread(recorder.stop)

    def index(self, parts: Sequence[IndexPart]) -> None:
        """Take parts of the index of what is recorded; where nothing is recorded there is none."""
        if self._recorder is not None:
            self._recorder.index(parts)

    def dismiss_viewers(self) -> None:
        """End every view in a browser."""
        self.live.close()
        self.hls.close()


class Gateway:
    """The gateway.

    Args:
        cameras: To run.
        rtsp: The RTSP server.
        gate: Who may read.
        selftest: How often.
        permit: Asked before a camera starts.
        may_seal: Asked what of a camera is sealed, when its process starts and every two seconds.
        clock: The machine's clocks.

    Attributes:
        cameras: Those that run, by name.
        refused: Those that may not start, by name, with the reason.
        alarm: Whether a test face came out bare.
    """

    def __init__(
        self,
        cameras: Iterable[CameraConfig],
        rtsp: RtspConfig,
        gate: Gate,
        selftest: SelfTestConfig | None = None,
        permit: Permit | None = None,
        *,
        may_seal: MaySeal | None = None,
        clock: Clock = MACHINE,
    ) -> None:
        self._clock, self._may_seal = clock, may_seal
        self.cameras: dict[str, ServedCamera] = {}
        self.refused: dict[str, str] = {}
        self.snapshots = Snapshots(clock=clock)
        self.alarm = BareFaceAlarm(lambda: [camera.relay for camera in self.cameras.values()], self.tell, clock)
        self._wanted = {camera.name: camera for camera in cameras if camera.enabled}
        self._selftest = selftest or SelfTestConfig()
        self._permit = permit
        self._slates = Slates()
        self._listeners: list[Callable[[Event], None]] = []
        self._rtsp = RtspServer(rtsp, self._stream, gate, self.tell)
        self._hidden: HiddenStream | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._added = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def rtsp(self) -> RtspServer:
        """Return the RTSP server, for its ports."""
        return self._rtsp

    # life

    async def start(self) -> None:
        """Serve, and start every camera.

        Raises:
            ServiceError: the RTSP server cannot start.
        """
        self._loop = asyncio.get_running_loop()
        await self._rtsp.start()
        self._ticker = asyncio.create_task(self._tick_for_ever(), name="gateway-tick")
        if self._selftest.enabled_stream:
            self._hidden = HiddenStream(self._selftest, self._slates, self.alarm.take, self._clock)
            self._hidden.start()
        for config in self._wanted.values():
            await self._add(config)

    async def stop(self) -> None:
        """End every camera, then the outputs: what readers see last is veiled or a slate."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
            self._ticker = None
        stops = [camera.supervisor.stop() for camera in self.cameras.values()]
        await asyncio.gather(*stops, *([self._hidden.stop()] if self._hidden is not None else []))
        for name in list(self.cameras):
            camera = self.cameras.pop(name)
            camera.dismiss_viewers()
            await camera.close_outputs()
            self.tell(Event(EventKind.STOPPED, name, self._clock.wall_ns()))
        self._hidden = None
        await self._rtsp.stop()

    async def apply(self, cameras: Iterable[CameraConfig]) -> list[str]:
        """Change to another set of cameras without dropping readers of those that stay.

        Returns:
            One sentence for each camera that was added, changed or removed.
        """
        wanted = {camera.name: camera for camera in cameras if camera.enabled}
        said = []
        for name in [name for name in self.cameras if name not in wanted]:
            camera = self.cameras.pop(name)
            await camera.supervisor.stop()
            camera.dismiss_viewers()
            await camera.close_outputs()
            self._rtsp.drop_camera(name)
            self.snapshots.forget(name)
            self.tell(Event(EventKind.STOPPED, name, self._clock.wall_ns(), detail="removed from the configuration"))
            said.append(f"{name} removed")
        for name, config in wanted.items():
            running = self.cameras.get(name)
            if running is None:
                await self._add(config)
                said.append(f"{name} added")
            elif running.config != config:
                await self._change(running, config)
                said.append(f"{name} changed")
        self._wanted = wanted
        return said

    async def _add(self, config: CameraConfig) -> None:
        why = await self._permit(config) if self._permit is not None else None
        if why is not None:
            # asked again every five seconds: it starts by itself once it may
            self.refused[config.name] = why
            self.tell(
                Event(
                    EventKind.FAULT_BEGAN,
                    config.name,
                    self._clock.wall_ns(),
                    reason=CoverReason.REGISTER,
                    ok=False,
                    detail=why,
                )
            )
            return
        if self.refused.pop(config.name, None) is not None:
            self.tell(Event(EventKind.FAULT_ENDED, config.name, self._clock.wall_ns(), reason=CoverReason.REGISTER))
        cycle_offset = self._added * GOLDEN % 1.0
        self._added += 1
        selftest_s = self._selftest.interval_s
        supervisor = CameraSupervisor(
            config,
            self._slates,
            self.tell,
            selftest_s=selftest_s,
            cycle_offset=cycle_offset,
            seal=SealLink(lambda: self._sealed_now(config.name), lambda parts: self._index(config.name, parts)),
            clock=self._clock,
        )
        camera = ServedCamera(supervisor, clock=self._clock)
        self.cameras[config.name] = camera
        self.alarm.cover(camera.relay)
        camera.open_outputs(self._disk(config.name))
        camera.supervisor.start()
        self.tell(Event(EventKind.STARTED, config.name, self._clock.wall_ns()))

    async def _change(self, camera: ServedCamera, config: CameraConfig) -> None:
        before = camera.config
        await camera.close_outputs()
        if config.for_process() == before.for_process():
            # recordings and pushes are made here: the camera's process need not know
            camera.supervisor.adopt(config)
        else:
            await camera.supervisor.reload(config)
        camera.supervisor.release(CoverReason.DISK_FULL)
        camera.open_outputs(self._disk(config.name))
        self.tell(Event(EventKind.CHANGED, config.name, self._clock.wall_ns()))

    def _sealed_now(self, name: str) -> SealedCamera | None:
        camera = self.cameras.get(name)
        return self._may_seal(camera.config) if self._may_seal is not None and camera is not None else None

    def _index(self, name: str, parts: Sequence[IndexPart]) -> None:
        if name in self.cameras:
            self.cameras[name].index(parts)

    def _disk(self, name: str) -> Callable[[bool, str], None]:
        def full(is_full: bool, why: str) -> None:
            # called from the recorder's thread
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._disk_full, name, is_full, why)

        return full

    def _disk_full(self, name: str, is_full: bool, why: str) -> None:
        if is_full:
            self.hold(name, CoverReason.DISK_FULL, why)
        else:
            self.release(name, CoverReason.DISK_FULL)

    # what others ask

    def hold(self, name: str, reason: CoverReason, detail: str = "") -> None:
        """Cover a camera whole until ``release``. There is nothing that does the opposite."""
        camera = self.cameras.get(name)
        if camera is not None:
            camera.supervisor.hold(reason, detail)

    def release(self, name: str, reason: CoverReason) -> None:
        """End what ``hold`` began."""
        camera = self.cameras.get(name)
        if camera is not None:
            camera.supervisor.release(reason)

    def statuses(self) -> list[CameraStatus]:
        """Return the state of every camera, in the order of the configuration."""
        return [
            camera.supervisor.camera_status(self._rtsp.readers(name) + camera.live.viewers)
            for name, camera in self.cameras.items()
        ]

    def recording_folders(self) -> list[Path]:
        """Return the folders that are recorded into at this moment; any thread may ask."""
        found = [camera.recording_folder for camera in list(self.cameras.values())]
        return [folder for folder in found if folder is not None]

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Hear every event from now on; must not block. Returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, event: Event) -> None:
        """Pass an event to everyone who listens."""
        for listener in list(self._listeners):
            listener(event)

    async def snapshot(self, name: str, *, height_px: int = 0) -> bytes:
        """Return a camera's newest veiled key frame as JPEG.

        Raises:
            ServiceError: there is no such camera, or no picture yet.
        """
        camera = self.cameras.get(name)
        unit = camera.relay.last_key if camera is not None else None
        if unit is None:
            raise ServiceError(f"camera {name} must be running to give a picture, got none")
        return await asyncio.to_thread(self.snapshots.jpeg, name, unit, height_px=height_px)

    def _stream(self, name: str) -> Relay | None:
        camera = self.cameras.get(name)
        return camera.relay if camera is not None else None

    # what goes on by itself

    async def _tick_for_ever(self) -> None:
        count = 0
        while True:
            await asyncio.sleep(TICK_S)
            count += 1
            for camera in list(self.cameras.values()):
                camera.supervisor.tick()
                camera.hls.tick()
                if count % _SEAL_TICKS == 0:
                    camera.supervisor.follow_seal()
            if self._hidden is not None:
                self._hidden.tick()
            if self.refused and count % 50 == 0:
                for name in [name for name in self.refused if name in self._wanted]:
                    await self._add(self._wanted[name])

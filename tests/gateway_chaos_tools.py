"""A simulated camera that misbehaves, a gateway in a thread, and an independent check of every output for a bare face."""

from __future__ import annotations

import asyncio
import io
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import Image
from tests.gateway_tools import LOGIN, PASSWORD, USER, LoopThread, camera, frames_of, veiled_unit
from tests.mqtt_broker import SmallBroker

from passerby.errors import ServiceError
from passerby.gateway.config import CameraConfig, EncodeConfig, MqttConfig, RtspConfig, SelfTestConfig
from passerby.gateway.picture.drawn_cover import TONE
from passerby.gateway.picture.encoder import LiveEncoder, ticks_of
from passerby.gateway.picture.scene import Scene, read_number
from passerby.gateway.picture.slate import Slates
from passerby.gateway.publish.mqtt import MqttLink
from passerby.gateway.rtsp.auth import DigestGate, ha1
from passerby.gateway.rtsp.server import RtspServer
from passerby.gateway.service import Gateway
from passerby.gateway.states import CameraStatus, Event
from passerby.gateway.stream.relay import Relay
from passerby.gateway.values import CoverReason

Luma = NDArray[np.uint8]
BARE = 0.6
FILL = 112
"""Luma of a cover."""


class BareFinder:
    """Searches a picture for a known face at its known size, by normalised correlation. Knows nothing of the veil."""

    def __init__(self, scene: Scene) -> None:
        x0, y0, x1, y1 = (int(v) for v in scene.faces(0)[-1])
        template = scene.luma(0)[y0:y1, x0:x1].astype(np.float64)
        template -= template.mean()
        self._size = template.shape
        self._norm = float(np.sqrt((template**2).sum()))
        height, width = scene.luma(0).shape
        self._full = (height + self._size[0], width + self._size[1])
        self._fits = (height - self._size[0] + 1, width - self._size[1] + 1)
        self._template = np.conj(np.fft.rfft2(template, self._full))
        self._ones = np.conj(np.fft.rfft2(np.ones(self._size), self._full))

    def best(self, luma: Luma) -> float:
        """Return the highest correlation, -1 to 1."""
        picture = luma.astype(np.float64)
        spectrum, squared = np.fft.rfft2(picture, self._full), np.fft.rfft2(picture**2, self._full)
        hits, sums, squares = (
            np.fft.irfft2(one, self._full)[: self._fits[0], : self._fits[1]]
            for one in (spectrum * self._template, spectrum * self._ones, squared * self._ones)
        )
        area = self._size[0] * self._size[1]
        # below a deviation of 5 there is nothing to see
        spread = np.sqrt(np.maximum(squares - sums**2 / area, 25.0 * area))
        return float((hits / (self._norm * spread)).max())


PARTLY = 0.1
NOISE = 14
"""Grey levels by which encoding twice changes a pixel at most, nearly always."""


def open_shares(scene: Scene, luma: Luma) -> dict[tuple[int, int], float]:
    """Return of each face that a picture should show how much of its area is bare, by the picture's number and the face's.

    A face that is hidden by another head or a post to more than two thirds is left out.
    """
    number = read_number(luma)
    if number is None:
        return {}
    known, shares = scene.luma(number), {}
    for face, (x0, y0, x1, y1) in enumerate(scene.faces(number)):
        shown, area = scene.shown(number, face), float((x1 - x0) * (y1 - y0))
        if shown.sum() > area / 3:
            seen, bare = luma[shown].astype(int), known[shown].astype(int)
            shares[number, face] = float(((abs(seen - bare) < NOISE) & (abs(seen - FILL) > NOISE / 2)).sum()) / area
    return shares


def incidents(partly: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return where runs of pictures begin in which one face is partly bare; all outputs together, a second apart."""
    last: dict[int, int] = {}
    begun = []
    for number, face in sorted(partly):
        if number - last.get(face, -100) > 10:
            begun.append((number, face))
        last[face] = number
    return begun


class Seen:
    """What came out, on all outputs.

    Attributes:
        faces: Face-frames looked at in pictures that are no covers.
        partly: Faces that are bare by more than a tenth of their area: picture, face, and how much at most.
    """

    def __init__(self, finder: BareFinder, scene: Scene) -> None:
        self._finder, self._scene = finder, scene
        self.faces = 0
        self.partly: dict[tuple[int, int], float] = {}
        # guards all below; notified with every picture
        self._came = threading.Condition()
        self.pictures: Counter[str] = Counter()
        self.covers: Counter[str] = Counter()
        self.bare: list[tuple[str, float]] = []
        self.times: dict[str, float] = {}
        self.cover_times: dict[str, float] = {}
        self.last: dict[str, Luma] = {}

    def judge(self, output: str, luma: Luma) -> None:
        score = self._finder.best(luma)
        cover = abs(float(np.median(luma)) - TONE) < 4
        shares = {} if cover else open_shares(self._scene, luma)
        with self._came:
            self.pictures[output] += 1
            self.covers[output] += cover
            self.faces += len(shares)
            for face, share in shares.items():
                if share > PARTLY:
                    self.partly[face] = max(share, self.partly.get(face, 0.0))
            self.last[output] = luma
            (self.cover_times if cover else self.times)[output] = time.monotonic()
            if score > BARE:
                self.bare.append((output, score))
            self._came.notify_all()

    def judge_file(self, output: str, data: bytes) -> None:
        for frame in frames_of(io.BytesIO(data)):
            self.judge(output, luma_of(frame))

    def stays_covered(self, output: str, seconds: float) -> bool:
        """Wait for a cover, and return whether only covers come for a while after it."""
        end = time.monotonic() + 10.0
        with self._came:
            while (now := time.monotonic()) < end:
                bare = self.pictures[output] - self.covers[output]
                # ends at once with a picture that is no cover, else when the time is over
                if self._came.wait_for(lambda bare=bare: self.pictures[output] - self.covers[output] > bare, seconds):  # type: ignore[misc]
                    continue
                if self.cover_times.get(output, 0.0) > now:
                    return True
        return False

    def shown_after(self, output: str, moment: float) -> bool:
        """Return whether any picture came out after a moment."""
        return max(self.times.get(output, 0.0), self.cover_times.get(output, 0.0)) > moment

    def veiled_after(self, output: str, moment: float) -> bool:
        """Return whether a picture that is no cover came out after a moment."""
        return self.times.get(output, 0.0) > moment


def luma_of(frame: av.VideoFrame) -> Luma:
    return np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)[: frame.height]


class SimulatedCamera:
    """An RTSP camera with bare faces walking through its picture, and bad habits."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.mode = "ok"
        self.thread = LoopThread()
        self.relay = Relay(camera("cam"), Slates())
        self.gate = DigestGate({USER: ha1(USER, PASSWORD)}.get, lambda *_: True)
        self.server = self._server(0)
        self.port = self.server.port
        self._random = random.Random(1)
        self._held: list[tuple[bytes, int, bool]] = []
        asyncio.run_coroutine_threadsafe(self._feed(), self.thread.loop)

    def _server(self, port: int) -> RtspServer:
        made = RtspServer(RtspConfig(port=port), {"cam": self.relay}.get, self.gate, lambda _: None)
        self.thread.call(made.start())
        return made

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/cam"

    def down(self) -> None:
        self.thread.call(self.server.stop())

    def up(self) -> None:
        self.server = self._server(self.port)

    def close(self) -> None:
        self.down()
        self.thread.close()

    async def _feed(self) -> None:
        settings = self.scene.settings
        encoder = LiveEncoder(settings.width, settings.height, settings.fps, EncodeConfig())
        number = 0
        while True:
            await asyncio.sleep((0.1 if self.mode == "flood" else 1.0) / settings.fps)
            stamp = time.monotonic_ns()
            for data, key, _ in encoder.encode(self.scene.frame(number), ticks_of(stamp)):
                self._misbehave(data, stamp, key=key)
            number += 1

    def _misbehave(self, data: bytes, stamp: int, *, key: bool) -> None:
        if self.mode == "freeze":
            return
        if self.mode == "drop" and self._random.random() < 0.3:
            return
        if self.mode == "corrupt":
            spoiled = bytearray(data)
            for _ in range(6):
                spoiled[self._random.randrange(40 if key else 8, len(spoiled))] ^= 1 << self._random.randrange(8)
            data = bytes(spoiled)
        if self.mode == "reorder":
            self._held.append((data, stamp, key))
            if len(self._held) == 4:
                self._random.shuffle(self._held)
                for held, at, is_key in self._held:
                    self.relay.accept(veiled_unit(held, at, key=is_key))
                self._held.clear()
            return
        self.relay.accept(veiled_unit(data, stamp, key=key))


TOPIC = re.compile(
    r"cams/(available|gateway|stats|events|hall/(state|reason|fps|faces|cover/state))"
    r"|homeassistant/[a-z_]+/passerby_[0-9a-z_]+/[a-z_]+/config"
)
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"ftyp", b"moof", b"mdat", b"RIFF", b"\x00\x00\x01", b"BM6", b"avcC")
_LONG_WORD = re.compile(rb"[A-Za-z0-9+/=_-]{120,}")


def no_picture_in(payload: bytes) -> str:
    """Return why a message could hold a picture, raw or as text; empty for one that cannot."""
    if len(payload) > 4096:
        return f"it is {len(payload)} bytes long"
    if any(magic in payload for magic in _MAGIC):
        return "it holds the beginning of a picture"
    if not payload.isascii() or not payload.decode("ascii").isprintable():
        return "it holds what is no text"
    return "it holds a word like a coded picture" if _LONG_WORD.search(payload) else ""


class Mqtt:
    """The gateway's link to a broker of the test's own, in the gateway's loop; ``small.messages`` holds what it published."""

    def __init__(self, gateway: Gateway, thread: LoopThread) -> None:
        self.small = SmallBroker()
        self._thread, self._gateway = thread, gateway
        thread.call(self.small.start())
        config = MqttConfig("127.0.0.1", self.small.port, "cams", "test", stats_interval_s=1.0, allow_cover=True)
        titles = {name: camera.config.shown for name, camera in gateway.cameras.items()}
        self._broker = MqttLink(config, gateway.statuses, self._cover, number="0123456789ab", titles=lambda: titles)
        gateway.subscribe(self._broker.take)
        thread.do(self._broker.start)
        self._timer: asyncio.TimerHandle | None = None
        thread.do(self._tick)

    def _cover(self, name: str, on: bool) -> bool:
        (self._gateway.hold if on else self._gateway.release)(name, CoverReason.OPERATOR)
        return True

    def _tick(self) -> None:
        self._broker.tick()
        self._timer = asyncio.get_running_loop().call_later(1.0, self._tick)

    def _last_tick(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._broker.tick()

    def last(self, topic: str) -> str:
        """Return what was told last."""
        return (self.small.topics(f"cams/{topic}") or [""])[-1]

    def stop(self) -> None:
        self._thread.do(self._last_tick)
        self._thread.call(self._broker.stop())
        self._thread.call(self.small.stop())


class RunningGateway:
    """A gateway in a thread, with every output watched."""

    def __init__(self, cameras: list[CameraConfig], scene: Scene, folder: Path, selftest: SelfTestConfig) -> None:
        self.seen = Seen(BareFinder(scene), scene)
        self.events: list[Event] = []
        self.folder = folder
        self.thread = LoopThread()
        gate = DigestGate({USER: ha1(USER, PASSWORD)}.get, lambda *_: True)
        self.gateway = Gateway(cameras, RtspConfig(port=0), gate, selftest)
        self.gateway.subscribe(self.events.append)
        self.mqtt = Mqtt(self.gateway, self.thread)
        self.thread.call(self.gateway.start(), 60)
        self._stop = threading.Event()
        self._mse: list[bytes] = []
        self._threads = [
            threading.Thread(target=self._guard(target), daemon=True) for target in (self._rtsp, self._poll)
        ]
        for thread in self._threads:
            thread.start()
        self._viewing = asyncio.run_coroutine_threadsafe(self._view(), self.thread.loop)

    def _guard(self, target: Callable[[], None]) -> Callable[[], None]:
        def inside() -> None:
            while not self._stop.is_set():
                try:
                    target()
                except (FFmpegError, OSError, ServiceError, KeyError):  # the last: the gateway has just stopped
                    self._stop.wait(0.2)

        return inside

    def _rtsp(self) -> None:
        url = f"rtsp://{LOGIN}127.0.0.1:{self.gateway.rtsp.port}/hall"
        options = {"rtsp_transport": "tcp", "fflags": "nobuffer", "analyzeduration": "100000", "probesize": "50000"}
        with av.open(url, options=options, timeout=(5, 5)) as container:
            for frame in container.decode(video=0):
                self.seen.judge("rtsp", luma_of(frame))
                if self._stop.is_set():
                    return

    def _poll(self) -> None:
        known: dict[str, bytes] = {}
        while not self._stop.is_set():
            with Image.open(io.BytesIO(self.thread.call(self.gateway.snapshot("hall")))) as picture:
                self.seen.judge("snapshot", np.asarray(picture.convert("YCbCr"), np.uint8)[:, :, 0])
            feed = self.gateway.cameras["hall"].hls
            for line in (self.thread.do(feed.playlist) or "").splitlines():
                name = line.partition('URI="')[2].rstrip('"') or line
                if name.startswith(("seg", "init")) and name not in known:
                    known[name] = self.thread.do(partial(feed.file, name)) or b""
                    if name.startswith("seg"):
                        init = next(data for key, data in reversed(known.items()) if key.startswith("init"))
                        self.seen.judge_file("hls", init + known[name])
            self._stop.wait(0.4)

    async def _view(self) -> None:
        viewer = self.gateway.cameras["hall"].live.join()
        whole = b""
        async for item in viewer.messages():
            if isinstance(item, str):
                if whole:
                    self._mse.append(whole)
                whole = b""
            else:
                whole += item
        self._mse.append(whole)

    @property
    def status(self) -> CameraStatus:
        return self.thread.do(self.gateway.statuses)[0]

    def stop(self) -> None:
        """Stop, and judge what has been gathered: the MSE stream and the recording."""
        if self._stop.is_set():
            return
        self.thread.call(self.gateway.stop(), 60)
        self.mqtt.stop()
        self._stop.set()
        for thread in self._threads:
            thread.join(15)
        self._viewing.result(10)
        self.thread.close()
        for whole in self._mse:
            self.seen.judge_file("mse", whole)
        for path in sorted(self.folder.rglob("*.mp4")):
            self.seen.judge_file("recording", path.read_bytes())

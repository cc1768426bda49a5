"""Shared by the gateway's tests: a stream of drawn pictures, programs that must be installed, an event loop in a thread."""

from __future__ import annotations

import asyncio
import io
import ipaddress
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.needs import missing as missing
from tests.needs import program as program

from passerby.gateway.clock import Clock
from passerby.gateway.config import CameraConfig, EncodeConfig, InputConfig, RtspConfig
from passerby.gateway.messages import VeiledUnit
from passerby.gateway.picture.encoder import LiveEncoder, ticks_of
from passerby.gateway.picture.scene import Scene, SceneSettings, read_number
from passerby.gateway.picture.slate import Slates
from passerby.gateway.rtsp.auth import DigestGate, ha1
from passerby.gateway.rtsp.server import SWEEP_S, RtspServer
from passerby.gateway.states import Event
from passerby.gateway.stream.relay import Relay
from passerby.gateway.values import CoverReason

T = TypeVar("T")
SMALL = SceneSettings(320, 192, 12.5, 0)
SLATES = Slates()
USER, PASSWORD = "reader", "p@ss word:1"
LOGIN = "reader:p%40ss%20word%3A1@"


def run(arguments: list[str], *, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a program and return what it said; it is killed at the timeout."""
    return subprocess.run(
        arguments, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
    )


GST_READER = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
pipeline = Gst.parse_launch(sys.argv[1])
bus = pipeline.get_bus()
def until(wanted):
    while True:
        message = bus.timed_pop_filtered(25 * Gst.SECOND, Gst.MessageType(wanted | Gst.MessageType.ERROR))
        if message is None:
            sys.exit("waited in vain")
        if message.type == Gst.MessageType.ERROR:
            sys.exit(": ".join(map(str, message.parse_error())))
        if message.type != Gst.MessageType.PROGRESS:
            return
        kind, _, text = message.parse_progress()
        if kind == Gst.ProgressType.COMPLETE and "PAUSE" in text:
            return
pipeline.set_state(Gst.State.PLAYING)
until(Gst.MessageType.EOS)
pipeline.set_state(Gst.State.PAUSED)
until(Gst.MessageType.PROGRESS)
pipeline.set_state(Gst.State.NULL)
message = bus.pop_filtered(Gst.MessageType.ERROR)
if message is not None:
    sys.exit(": ".join(map(str, message.parse_error())))
"""
"""Plays up to the end, pauses, and leaves when the pause is answered.

gst-launch-1.0 does not wait for that answer: its own TEARDOWN cancels its PAUSE, and GStreamer 1.22 reports what was cancelled
before its first byte was out as an end-of-file of the server (``writev_bytes`` in gstrtspconnection.c). On a busy machine that
made it fail in the moment of leaving, although the server had neither closed the connection nor seen the request.
"""


def gstreamer_reads(url: str, out: Path, *properties: str) -> None:
    """Read 15 pictures from a server with GStreamer, as raw pictures to a file; nothing that it does may fail."""
    python = program("/usr/bin/python3")
    if run([python, "-c", "import gi; gi.require_version('Gst', '1.0')"]).returncode:
        missing("GStreamer is not installed for Python")
    source = ["rtspsrc", f"location={url}", "latency=100", f"teardown-timeout={20 * 10**9}", *properties]
    chain = "rtph264depay ! h264parse ! avdec_h264 ! identity eos-after=15 ! filesink"
    done = run([python, "-c", GST_READER, f"{' '.join(source)} ! {chain} location={out}"])
    if "TLS support" in done.stderr or "glib-networking" in done.stderr:
        missing("GStreamer has no TLS (glib-networking)")
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size >= 14 * 320 * 192 * 3 // 2


class HandClock:
    """Clocks that stand still until a test moves them; they begin at the machine's."""

    def __init__(self) -> None:
        self.ns, self.wall_ns = time.monotonic_ns(), time.time_ns()
        self.clock = Clock(lambda: self.ns, lambda: self.wall_ns)

    def move(self, seconds: float) -> None:
        """Let both go on."""
        self.ns += round(seconds * 1e9)
        self.wall_ns += round(seconds * 1e9)


class LoopThread:
    """An event loop in a thread, so that blocking clients can be used beside it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T], timeout: float = 20.0) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def do(self, function: Callable[[], T]) -> T:
        async def inside() -> T:
            return function()

        return self.call(inside())

    def close(self) -> None:
        async def cancel() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.call(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


def veiled_unit(data: bytes, stamp_ns: int, *, key: bool, whole: CoverReason | None = None) -> VeiledUnit:
    """Return a unit as a worker would send it."""
    return VeiledUnit(data, key, whole, stamp_ns, stamp_ns)


async def feed(relay: Relay, settings: SceneSettings = SMALL, *, kbps: int = 4000) -> None:
    """Feed a relay with drawn pictures for ever, as a worker would."""
    scene = Scene(settings)
    encoder = LiveEncoder(settings.width, settings.height, settings.fps, EncodeConfig(max_kbps=kbps))
    number, began = 0, time.monotonic_ns()
    while True:
        due = began + round(number * 1e9 / settings.fps)
        await asyncio.sleep(max(0.0, (due - time.monotonic_ns()) / 1e9))
        for data, key, _ in encoder.encode(scene.frame(number), ticks_of(due)):
            relay.accept(veiled_unit(data, due, key=key))
        number += 1


def free_port() -> int:
    """A port that nobody listens at, for what takes a number alone."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def camera(name: str = "hall", url: str = "test://portrait?size=320x192") -> CameraConfig:
    return CameraConfig(name, InputConfig(url), friendly_name="Hall, north")


class Fed:
    """A relay fed by hand, as fast as one likes; its clock goes with the pictures."""

    def __init__(self, settings: SceneSettings = SMALL, config: CameraConfig | None = None) -> None:
        self.hand = HandClock()
        self.relay = Relay(config or camera(), SLATES, clock=self.hand.clock)
        self.scene = Scene(settings)
        self.encoder = LiveEncoder(settings.width, settings.height, settings.fps, EncodeConfig())
        self.number = 0
        self.began = self.hand.ns

    def feed(self, count: int) -> None:
        for _ in range(count):
            stamp = self.began + round(self.number * 1e9 / self.scene.settings.fps)
            self.hand.move(max(0, stamp - self.hand.ns) / 1e9)
            for data, key, _ in self.encoder.encode(self.scene.frame(self.number), ticks_of(stamp)):
                self.relay.accept(veiled_unit(data, stamp, key=key))
            self.number += 1


def numbers(data: bytes) -> list[int | None]:
    """Return the numbers that are drawn on a clip's pictures."""
    frames = frames_of(io.BytesIO(data))
    return [read_number(np.asarray(f.to_ndarray(format="yuv420p"), np.uint8)[: f.height]) for f in frames]


class Served:
    """An RTSP server with one camera of drawn pictures."""

    def __init__(
        self,
        config: RtspConfig | None = None,
        settings: SceneSettings = SMALL,
        *,
        feeding: bool = True,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self.thread = LoopThread()
        self.events: list[Event] = []
        self.relay = Relay(camera(), Slates())
        keys = {user: ha1(user, PASSWORD) for user in (USER, "guest")}
        gate = DigestGate(keys.get, lambda _, name: name == "hall")
        find = {"hall": self.relay, "yard": self.relay}.get
        self.server = RtspServer(config or RtspConfig(port=0), find, gate, self.events.append, sweep_s=sweep_s)
        self.thread.call(self.server.start())
        if feeding:
            asyncio.run_coroutine_threadsafe(feed(self.relay, settings), self.thread.loop)

    def url(self, *, path: str = "hall", login: str = LOGIN, tls: bool = False) -> str:
        port = self.server.tls_port if tls else self.server.port
        return f"rtsp{'s' if tls else ''}://{login}127.0.0.1:{port}/{path}"

    def close(self) -> None:
        self.thread.call(self.server.stop())
        self.thread.close()


def times_of(frames: Iterable[av.VideoFrame]) -> list[float]:
    """Return the presentation times of pictures, in seconds."""
    return [float(f.pts * f.time_base) for f in frames if f.pts is not None and f.time_base is not None]


def frames_of(source: str | io.BytesIO) -> list[av.VideoFrame]:
    """Decode the whole of a clip."""
    with av.open(source, "r") as container:
        return list(container.decode(video=0))


def wait_for(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    """Wait until a condition holds, or fail."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that nobody vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = built.add_extension(names, critical=False).sign(key, hashes.SHA256())
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_path, key_path

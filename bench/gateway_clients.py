"""The other side of the gateway's benchmark, in processes of their own: simulated cameras, and readers that throw away."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
from websockets.asyncio.client import connect

from passerby.gateway.config import CameraConfig, EncodeConfig, InputConfig, RtspConfig
from passerby.gateway.messages import VeiledUnit
from passerby.gateway.picture.encoder import LiveEncoder, ticks_of
from passerby.gateway.picture.scene import Scene, SceneSettings
from passerby.gateway.picture.slate import Slates
from passerby.gateway.rtsp.auth import DigestGate, ha1
from passerby.gateway.rtsp.server import RtspServer
from passerby.gateway.stream.relay import Relay

SCENE = SceneSettings(1280, 720, 12.5, 5)
CROSSING = SceneSettings(640, 360, 12.5, 4, seed=3, crossing=True)
LOOP = 250
GATE = DigestGate({"bench": ha1("bench", "bench")}.get, lambda *_: True)


def packets() -> list[tuple[bytes, bool]]:
    """Encode the clip that every simulated camera plays in a loop."""
    encoder = LiveEncoder(SCENE.width, SCENE.height, SCENE.fps, EncodeConfig(preset="veryfast", gop_s=1.0))
    made = []
    for number, frame in enumerate(pictures()):
        made += [(data, key) for data, key, _ in encoder.encode(frame, ticks_of(round(number * 1e9 / SCENE.fps)))]
    return made


def pictures() -> list[av.VideoFrame]:
    folder = os.environ.get("PASSERBY_FOOTAGE")
    clips = sorted(Path(folder).rglob("*.mp4")) if folder else []
    if not clips:
        scene = Scene(SCENE)
        return [scene.frame(number) for number in range(LOOP)]
    found = []
    with av.open(str(clips[0])) as container:
        for frame in container.decode(video=0):
            found.append(frame.reformat(SCENE.width, SCENE.height, "yuv420p"))
            if len(found) == LOOP:
                break
    return found


async def simulate(count: int, port: int) -> None:
    """Serve cameras ``cam0`` and on, for ever."""
    relays = {f"cam{n}": Relay(CameraConfig(f"cam{n}", InputConfig("test://portrait")), Slates()) for n in range(count)}
    server = RtspServer(RtspConfig(port=port, udp=False), relays.get, GATE, lambda _: None)
    units = packets()
    await server.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    number, began = 0, time.monotonic()
    while True:
        await asyncio.sleep(max(0.0, began + number / SCENE.fps - time.monotonic()))
        data, key = units[number % len(units)]
        stamp = time.monotonic_ns()
        for relay in relays.values():
            relay.accept(VeiledUnit(data, key, None, stamp, stamp))
        number += 1


class LostStretch:
    """A stretch of a stream that does not arrive.

    ``SIGUSR1``: the camera takes no pictures; ``SIGUSR2``: their packets get lost.
    """

    def __init__(self) -> None:
        self._until_s = {signal.SIGUSR1: 0.0, signal.SIGUSR2: 0.0}
        for number in self._until_s:
            signal.signal(number, self._begin)

    def _begin(self, number: int, _: object) -> None:
        self._until_s[signal.Signals(number)] = time.monotonic() + random.uniform(0.3, 2.5)  # noqa: S311 - no secret

    def now(self, number: signal.Signals) -> bool:
        return time.monotonic() < self._until_s[number]


async def walk(port: int, scene: SceneSettings, began_s: float) -> None:
    """Serve one camera ``cam0`` of a scene that goes on for ever; the number of a picture says when it was taken."""
    drawn, relay, lost = (
        Scene(scene),
        Relay(CameraConfig("cam0", InputConfig("test://portrait")), Slates()),
        LostStretch(),
    )
    server = RtspServer(RtspConfig(port=port, udp=False), {"cam0": relay}.get, GATE, lambda _: None)
    encoder = LiveEncoder(scene.width, scene.height, scene.fps, EncodeConfig(preset="veryfast", gop_s=1.0))
    await server.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        number = int((time.monotonic() - began_s) * scene.fps) + 1
        due_s = began_s + number / scene.fps
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        if lost.now(signal.SIGUSR1):
            continue
        stamp = round(due_s * 1e9)
        for data, key, _ in encoder.encode(drawn.frame(number), ticks_of(stamp)):
            if not lost.now(signal.SIGUSR2):
                relay.accept(VeiledUnit(data, key, None, stamp, stamp))


def cameras_process(count: int, port: int) -> subprocess.Popen[str]:
    return started(["--simulate", str(count), "--port", str(port)])


def walking_process(port: int, began_s: float) -> subprocess.Popen[str]:
    """Start the camera of people who cross; ``began_s`` is when its picture 0 was, by the machine's clock."""
    return started(["--walk", repr(began_s), "--port", str(port)])


def started(told: list[str]) -> subprocess.Popen[str]:
    arguments = [sys.executable, __file__, *told]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    if process.stdout is None or process.stdout.readline() != "ready\n":
        raise RuntimeError("the simulated cameras must start")
    return process


async def drain(rtsp_port: int, http_port: int, readers: int, viewers: int) -> None:
    """Read cam0 and throw it away: RTSP over TCP, and fragments by WebSocket."""
    await asyncio.gather(*(_read_rtsp(rtsp_port) for _ in range(readers)), *(_view(http_port) for _ in range(viewers)))


async def _read_rtsp(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    url = f"rtsp://127.0.0.1:{port}/cam0"
    challenge, session = "", ""
    transport = "Transport: RTP/AVP/TCP;interleaved=0-1\r\n"
    asked = (("DESCRIBE", ""), ("DESCRIBE", ""), ("SETUP", transport), ("PLAY", ""))
    for number, (method, extra) in enumerate(asked, 1):
        proof = digest(method, url, challenge) if challenge else ""
        writer.write(f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\n{proof}{session}{extra}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        for line in head.split("\r\n"):
            if line.startswith("WWW-Authenticate: Digest"):
                challenge = line.partition('nonce="')[2].partition('"')[0]
            if line.startswith("Session:"):
                session = f"Session: {line[9:].partition(';')[0]}\r\n"
            if line.startswith("Content-Length:"):
                await reader.readexactly(int(line[15:]))
    while await reader.read(1 << 18):
        pass


def digest(method: str, url: str, nonce: str) -> str:
    second = hashlib.md5(f"{method}:{url}".encode(), usedforsecurity=False).hexdigest()
    proof = hashlib.md5(f"{ha1('bench', 'bench')}:{nonce}:{second}".encode(), usedforsecurity=False).hexdigest()
    return f'Authorization: Digest username="bench", realm="Passerby", nonce="{nonce}", uri="{url}", response="{proof}"\r\n'


async def _view(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}/live/cam0", compression=None, max_size=None) as socket:
        async for _ in socket:
            pass


def start_drain(readers: int, viewers: int, rtsp_port: int, http_port: int) -> subprocess.Popen[str]:
    """Start readers of ``cam0`` in a process."""
    arguments = [sys.executable, __file__, "--drain", f"{readers},{viewers}"]
    return subprocess.Popen([*arguments, "--port", str(rtsp_port), "--http", str(http_port)], text=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulate", type=int, default=0)
    parser.add_argument("--walk", type=float, default=0.0)
    parser.add_argument("--drain", default="")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--http", type=int, default=0)
    asked = parser.parse_args()
    if asked.simulate:
        asyncio.run(simulate(asked.simulate, asked.port))
    elif asked.walk:
        asyncio.run(walk(asked.port, CROSSING, asked.walk))
    else:
        asyncio.run(drain(asked.port, asked.http, *(int(part) for part in asked.drain.split(","))))


if __name__ == "__main__":
    main()

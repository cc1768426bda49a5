"""Measures the gateway: cameras at once, added delay, cost of readers, recovery, memory, overload. See bench/README.md.

Cameras are H.264 streams of 1280x720 at 12.5 pictures a second, made once by x264 and served over RTSP by a process of their own
(``PASSERBY_FOOTAGE`` names a folder whose first clip is taken instead of the drawn scene). Usage:

    python bench/gateway.py [--seconds 60] [--cameras 1,2,3,4] [--overload 8] [--only curve,readers,recovery,overload]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect

from passerby.gateway.encode import LiveEncoder, ticks_of
from passerby.gateway.record import recorded
from passerby.gateway.relay import Relay
from passerby.gateway.rtsp import DigestGate, RtspServer, ha1
from passerby.gateway.scene import Scene, SceneSettings, read_number
from passerby.gateway.selftest import is_bare
from passerby.gateway.service import Gateway
from passerby.gateway.slate import Slates
from passerby.gateway.states import CameraStatus
from passerby.gateway.values import CameraConfig, EncodeConfig, InputConfig, RecordConfig, RtspConfig, SelfTestConfig
from passerby.gateway.wire import Kind, Message, flags_of
from passerby.values import utc_now
from passerby.web.streams import Streams

SCENE = SceneSettings(1280, 720, 12.5, 5)
LOOP = 250
GATE = DigestGate({"bench": ha1("bench", "bench")}.get, lambda *_: True)
WARM_S = 20.0


def show(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Print a table, its columns aligned."""
    wide = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    lines = [" | ".join(cell.rjust(width) for cell, width in zip(line, wide, strict=True)) for line in [head, *rows]]
    sys.stdout.write("\n".join(["", title, lines[0], "-" * len(lines[0]), *lines[1:], ""]))
    sys.stdout.flush()


# the simulated cameras, in a process of their own


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
            relay.accept(Message(Kind.UNIT, data, flags_of(key=key, whole=None), stamp, stamp))
        number += 1


def cameras_process(count: int, port: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, __file__, "--simulate", str(count), "--port", str(port)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    if process.stdout is None or process.stdout.readline() != "ready\n":
        raise RuntimeError("the simulated cameras must start")
    return process


# measuring


@dataclass(frozen=True, slots=True)
class Measured:
    """One span of running."""

    statuses: list[CameraStatus]
    before: list[CameraStatus]
    seconds: float
    serving_s: float

    def each(self, name: str) -> list[float]:
        pairs = zip(self.statuses, self.before, strict=True)
        return [getattr(now.counts, name) - getattr(then.counts, name) for now, then in pairs]

    @property
    def whole_share(self) -> float:
        slates = sum(now.slates - then.slates for now, then in zip(self.statuses, self.before, strict=True))
        return (sum(self.each("frames_whole")) + slates) / max(1.0, sum(self.each("frames_out")) + slates)

    @property
    def expected(self) -> float:
        return self.seconds * SCENE.fps * len(self.statuses)


def configs(count: int, port: int, folder: Path | None = None) -> list[CameraConfig]:
    record = RecordConfig(folder, min_free_bytes=0) if folder else None
    url = "rtsp://127.0.0.1:{}/cam{}"
    return [
        CameraConfig(f"cam{n}", InputConfig(url.format(port, n), "bench", "bench"), record=record) for n in range(count)
    ]


def gateway(cameras: list[CameraConfig]) -> Gateway:
    return Gateway(cameras, RtspConfig(port=0), GATE, SelfTestConfig(interval_s=60.0))


async def veiled(running: Gateway, timeout_s: float = 90.0) -> float:
    """Wait until every camera shows veiled pictures; return how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < timeout_s:
        if all(camera.relay.whole is None and camera.relay.slate is None for camera in running.cameras.values()):
            break
        await asyncio.sleep(0.01)
    return time.monotonic() - began


async def measure(running: Gateway, seconds: float) -> Measured:
    await asyncio.sleep(1.2)
    before, began, used = running.statuses(), time.monotonic(), time.process_time()
    for camera in running.cameras.values():
        camera.relay.delays_ms.clear()
    await asyncio.sleep(seconds)
    return Measured(running.statuses(), before, time.monotonic() - began, time.process_time() - used)


async def curve(counts: list[int], seconds: float, port: int) -> None:
    rows = []
    for count in counts:
        cameras = cameras_process(count, port)
        running = gateway(configs(count, port))
        await running.start()
        try:
            await veiled(running)
            await asyncio.sleep(WARM_S)
            got = await measure(running, seconds)
            rows.append(row(count, got, running))
        finally:
            await running.stop()
            cameras.kill()
            cameras.wait()
    head = ["cameras", "in/s each", "lost", "whole %", "p50 ms", "p99 ms", "looks/s", "ms a look", "cores workers"]
    show("cameras of 1280x720 at 12.5, H.264 in and out", [*head, "cores serving", "MB max"], rows)


def row(count: int, got: Measured, running: Gateway) -> list[str]:
    statuses = got.statuses
    looks = [status.counts for status in statuses]
    lost = sum(got.each("frames_left_out")) + max(0.0, got.expected - sum(got.each("frames_in")) - 2 * count)
    return [
        str(count),
        f"{sum(got.each('frames_in')) / got.seconds / count:.2f}",
        f"{lost:.0f}",
        f"{100 * got.whole_share:.2f}",
        f"{max(status.delay_p50_ms for status in statuses):.0f}",
        f"{max(status.delay_p99_ms for status in statuses):.0f}",
        f"{np.mean([one.detect_hz for one in looks]):.1f}",
        f"{np.mean([one.detect_ms for one in looks]):.0f}",
        f"{sum(got.each('cpu_s')) / got.seconds:.2f}",
        f"{got.serving_s / got.seconds:.3f}",
        f"{max(one.rss_bytes for one in looks) / 1e6:.0f}",
    ]


# cost of readers


async def drain(rtsp_port: int, http_port: int, readers: int, viewers: int) -> None:
    """Read cam0 and throw it away: RTSP over TCP, and fragments by WebSocket."""
    await asyncio.gather(*(_read_rtsp(rtsp_port) for _ in range(readers)), *(_view(http_port) for _ in range(viewers)))


async def _read_rtsp(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    url = f"rtsp://127.0.0.1:{port}/cam0"
    number, challenge, session = 0, "", ""
    for method, extra in (
        ("DESCRIBE", ""),
        ("DESCRIBE", ""),
        ("SETUP", "Transport: RTP/AVP/TCP;interleaved=0-1\r\n"),
        ("PLAY", ""),
    ):
        number += 1
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


async def readers(seconds: float, port: int) -> None:
    cameras = cameras_process(1, port)
    running = gateway(configs(1, port))
    await running.start()

    async def guard(_connection: HTTPConnection, _camera: str) -> str:
        return "bench"

    app = Starlette(routes=Streams(running, guard).routes())
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="websockets-sansio"))
    serving = asyncio.create_task(server.serve())
    await veiled(running)
    http_port = server.servers[0].sockets[0].getsockname()[1]
    rows, base = [], 0.0
    for count, viewers in ((0, 0), (1, 0), (8, 0), (8, 4)):
        arguments = [sys.executable, __file__, "--drain", f"{count},{viewers}"]
        arguments += ["--port", str(running.rtsp.port), "--http", str(http_port)]
        client = subprocess.Popen(arguments)
        await asyncio.sleep(3.0)
        got = await measure(running, seconds)
        cost = got.serving_s / got.seconds
        base = base or cost
        rows.append(
            [str(count), str(viewers), f"{100 * cost:.1f}", f"{100 * (cost - base):.1f}", f"{got.statuses[0].readers}"]
        )
        client.kill()
        client.wait()
    server.should_exit = True
    await serving
    await running.stop()
    cameras.kill()
    cameras.wait()
    show(
        "cost of readers of one camera",
        ["RTSP", "MSE", "% of a core, serving", "% more than none", "readers seen"],
        rows,
    )


# recovery


async def until_veiled(running: Gateway, begin: Callable[[], Awaitable[None]]) -> float:
    """Return the seconds from an event's end to the first picture that is not covered whole."""
    came: list[float] = []
    relay = running.cameras["cam0"].relay
    await begin()
    ended = time.monotonic()
    leave = relay.subscribe(lambda unit: came.append(time.monotonic()) if unit.whole is None else None, from_key=False)
    while not came and time.monotonic() - ended < 60:
        await asyncio.sleep(0.005)
    leave()
    return came[0] - ended if came else float("inf")


async def recovery(port: int) -> None:
    cameras = cameras_process(1, port)
    running = gateway(configs(1, port))
    await running.start()
    await veiled(running)
    await asyncio.sleep(WARM_S)
    rows = []

    async def camera_back() -> None:
        nonlocal cameras
        cameras.kill()
        cameras.wait()
        await asyncio.sleep(4.0)
        cameras = await asyncio.to_thread(cameras_process, 1, port)

    async def signalled(number: int, pause_s: float) -> None:
        os.kill(running.statuses()[0].worker_pid, number)
        await asyncio.sleep(pause_s)
        if number == signal.SIGSTOP:
            os.kill(running.statuses()[0].worker_pid, signal.SIGCONT)

    for name, begin in (
        ("camera comes back", camera_back),
        ("process killed", lambda: signalled(signal.SIGKILL, 0.05)),
        ("process stopped for 3 s", lambda: signalled(signal.SIGSTOP, 3.0)),
    ):
        for _ in range(3):
            taken = await until_veiled(running, begin)
            rows.append([name, f"{taken:.2f}"])
            await asyncio.sleep(8.0)
    await running.stop()
    cameras.kill()
    cameras.wait()
    show("from the end of a fault to the first veiled picture", ["fault", "s"], rows)


# overload


async def overload(count: int, seconds: float, port: int) -> None:
    cameras = cameras_process(count, port)
    with tempfile.TemporaryDirectory() as folder:
        running = gateway(configs(count, port, Path(folder)))
        await running.start()
        await veiled(running, 60.0)
        await asyncio.sleep(WARM_S)
        got = await measure(running, seconds)
        reasons: dict[str, int] = {}
        for status in got.statuses:
            for reason, number in status.whole_by_reason:
                reasons[reason] = reasons.get(reason, 0) + number
        await running.stop()
        cameras.kill()
        cameras.wait()
        faces, bare = look(Path(folder))
    taken = sum(got.each("frames_out")) / got.seconds / count
    said = ", ".join(f"{name} {number}" for name, number in sorted(reasons.items()))
    head = ["cameras", "out/s each", "left out", "whole %", "bare face-frames", "of"]
    left = sum(got.each("frames_left_out"))
    show(
        "overload",
        head,
        [[str(count), f"{taken:.1f}", f"{left:.0f}", f"{100 * got.whole_share:.1f}", str(bare), str(faces)]],
    )
    sys.stdout.write(f"covered whole since the start, by reason: {said}\n")


def look(folder: Path) -> tuple[int, int]:
    """Count the faces of the drawn scene in what was recorded, and those that can be seen. 0 of 0 with other footage."""
    scene, faces, bare = Scene(SCENE), 0, 0
    for path in (path for camera in sorted(folder.iterdir()) for path in recorded(camera)):
        with av.open(str(path), "r") as container:
            for index, frame in enumerate(container.decode(video=0)):
                luma = np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)[: frame.height]
                number = read_number(luma)
                if number is None or index % 5:
                    continue
                known = scene.luma(number)
                boxes = scene.faces(number)
                faces += len(boxes)
                bare += sum(is_bare(luma, known, box) for box in boxes)
    return faces, bare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cameras", default="1,2,3,4")
    parser.add_argument("--overload", type=int, default=8)
    parser.add_argument("--only", default="curve,readers,recovery,overload")
    parser.add_argument("--simulate", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--drain", default="", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=18654)
    parser.add_argument("--http", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.simulate:
        asyncio.run(simulate(asked.simulate, asked.port))
    elif asked.drain:
        asyncio.run(drain(asked.port, asked.http, *(int(part) for part in asked.drain.split(","))))
    else:
        sys.stdout.write(
            f"{utc_now():%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n"
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        asyncio.run(run(asked))


async def run(asked: argparse.Namespace) -> None:
    wanted = asked.only.split(",")
    if "curve" in wanted:
        await curve([int(part) for part in asked.cameras.split(",")], asked.seconds, asked.port)
    if "readers" in wanted:
        await readers(min(asked.seconds, 20.0), asked.port)
    if "recovery" in wanted:
        await recovery(asked.port)
    if "overload" in wanted:
        await overload(asked.overload, min(asked.seconds, 40.0), asked.port)


if __name__ == "__main__":
    main()

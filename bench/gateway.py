"""Measures the gateway: cameras at once, added delay, cost of readers, recovery, memory, overload. See bench/README.md.

Cameras are H.264 streams of 1280x720 at 12.5 pictures a second, made once by x264 and served over RTSP by a process of their own
(``PASSERBY_FOOTAGE`` names a folder whose first clip is taken instead of the drawn scene). Usage:

    python bench/gateway.py [--seconds 60] [--cameras 1,2,3,4,5,6,7,8] [--overload 8]
                            [--only curve,readers,recovery,overload] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from exposure import PARTLY, open_shares
from figures import Table
from gateway_clients import SCENE, cameras_process, start_drain
from passerby.gateway.config import CameraConfig, InputConfig, RecordConfig
from passerby.gateway.picture.scene import Scene, read_number
from passerby.gateway.service import Gateway
from passerby.gateway.states import CameraStatus
from passerby.gateway.stream.readers import AccessUnit
from passerby.gateway.stream.recording_files import recorded
from passerby.gateway.values import TICKS_PER_S
from passerby.values import utc_now
from served import gateway, served, veiled

WARM_S = 20.0


def show(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Print a table, its columns aligned."""
    wide = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    lines = [" | ".join(cell.rjust(width) for cell, width in zip(line, wide, strict=True)) for line in [head, *rows]]
    sys.stdout.write("\n".join(["", title, lines[0], "-" * len(lines[0]), *lines[1:], ""]))
    sys.stdout.flush()


# measuring


@dataclass(frozen=True, slots=True)
class Measured:
    """One span of running."""

    statuses: list[CameraStatus]
    before: list[CameraStatus]
    seconds: float
    serving_s: float
    pss_bytes: list[int]
    lost: int

    def each(self, name: str) -> list[float]:
        pairs = zip(self.statuses, self.before, strict=True)
        return [float(getattr(now.counts, name) - getattr(then.counts, name)) for now, then in pairs]

    @property
    def whole_share(self) -> float:
        slates = sum(now.slates - then.slates for now, then in zip(self.statuses, self.before, strict=True))
        return (sum(self.each("frames_whole")) + slates) / max(1.0, sum(self.each("frames_out")) + slates)


class Gaps:
    """Counts the pictures that are missing between those that come out of a camera's relay, by their stream time."""

    def __init__(self) -> None:
        self.lost, self._last_ticks = 0, 0

    def __call__(self, unit: AccessUnit) -> None:
        if self._last_ticks:
            steps = (unit.ticks - self._last_ticks) * SCENE.fps / TICKS_PER_S
            self.lost += max(0, round(steps) - 1)
        self._last_ticks = unit.ticks


def configs(count: int, port: int, folder: Path | None = None) -> list[CameraConfig]:
    record = RecordConfig(enabled=True, folder=folder, min_free_bytes=0) if folder else RecordConfig()
    url = "rtsp://127.0.0.1:{}/cam{}"
    return [
        CameraConfig(f"cam{n}", InputConfig(url.format(port, n), "bench", "bench"), record=record) for n in range(count)
    ]


async def measure(running: Gateway, seconds: float) -> Measured:
    await asyncio.sleep(1.2)
    before, began, used = running.statuses(), time.monotonic(), time.process_time()
    for camera in running.cameras.values():
        camera.relay.meter.forget_delays()
    gaps = [Gaps() for _ in running.cameras]
    leave = [
        camera.relay.subscribe(gap, from_key=False) for camera, gap in zip(running.cameras.values(), gaps, strict=True)
    ]
    await asyncio.sleep(seconds)
    for end in leave:
        end()
    spent, used_s = time.monotonic() - began, time.process_time() - used
    lost = sum(gap.lost for gap in gaps)
    return Measured(running.statuses(), before, spent, used_s, pss(running), lost)


def pss(running: Gateway) -> list[int]:
    """Return the memory of each camera's process, what is shared divided among who shares it; 0 where it may not be read."""
    found = []
    for status in running.statuses():
        try:
            text = Path(f"/proc/{status.worker_pid}/smaps_rollup").read_text("ascii")
            found.append(int(text.partition("\nPss:")[2].split()[0]) * 1024)
        except (OSError, IndexError, ValueError):
            found.append(0)
    return found


async def curve(counts: list[int], seconds: float, port: int, table: Table) -> None:
    rows, runs = [], []
    for count in counts:
        cameras = cameras_process(count, port)
        running = gateway(configs(count, port))
        await running.start()
        try:
            await veiled(running)
            await asyncio.sleep(WARM_S)
            got = await measure(running, seconds)
            rows.append(row(count, got))
            runs.append((count, got))
            keep(table, count, got)
        finally:
            await running.stop()
            cameras.kill()
            cameras.wait()
    head = [
        "cameras",
        "in/s each",
        "lost",
        "whole %",
        "p50 ms",
        "p99 ms",
        "passes/s",
        "ms a pass",
        "one of",
        "cores workers",
    ]
    more = ["of these a camera", "cores serving", "RSS MB", "PSS MB"]
    show("cameras of 1280x720 at 12.5, H.264 in and out", [*head, *more], rows)
    say_reasons(runs)


def keep(table: Table, count: int, got: Measured) -> None:
    """Add a row's figures to the table; what must hold is asked of four cameras."""
    asked = count == 4
    name = f"{count} cameras of 720p at 12.5"
    table.row(f"{name}: lost", got.lost, 0 if asked else None)
    table.row(f"{name}: share covered whole", got.whole_share, 0.005 if asked else None)
    p99_ms = max(status.delay_p99_ms for status in got.statuses)
    table.row(f"{name}: p99 beyond the look-ahead, ms", p99_ms, 150 if asked else None)
    table.row(f"{name}: one picture shown of", max(status.rate_step for status in got.statuses))
    table.row(f"{name}: processor time a camera-second, s", sum(got.each("cpu_s")) / got.seconds / count)


def say_reasons(runs: list[tuple[int, Measured]]) -> None:
    """Print why pictures were covered whole since the start, starting itself included."""
    for count, got in runs:
        reasons = Counter[str]()
        for status in got.statuses:
            reasons.update(dict(status.whole_by_reason))
        said = ", ".join(f"{name} {number}" for name, number in sorted(reasons.items()))
        sys.stdout.write(f"{count} cameras, covered whole since the start: {said}\n")


def row(count: int, got: Measured) -> list[str]:
    statuses = got.statuses
    counts = [status.counts for status in statuses]
    return [
        str(count),
        f"{sum(got.each('frames_in')) / got.seconds / count:.2f}",
        str(got.lost),
        f"{100 * got.whole_share:.2f}",
        f"{max(status.delay_p50_ms for status in statuses):.0f}",
        f"{max(status.delay_p99_ms for status in statuses):.0f}",
        f"{np.mean([one.detect_hz for one in counts]):.1f}",
        f"{np.mean([one.detect_ms for one in counts]):.0f}",
        f"{max(status.rate_step for status in statuses)}",
        f"{sum(got.each('cpu_s')) / got.seconds:.2f}",
        f"{sum(got.each('cpu_s')) / got.seconds / count:.3f}",
        f"{got.serving_s / got.seconds:.3f}",
        f"{max(one.rss_bytes for one in counts) / 1e6:.0f}",
        f"{max(got.pss_bytes) / 1e6:.0f}",
    ]


# cost of readers


async def readers(seconds: float, port: int) -> None:
    cameras = cameras_process(1, port)
    running = gateway(configs(1, port))
    rows, base = [], 0.0
    async with served(running) as http_port:
        for count, viewers in ((0, 0), (1, 0), (8, 0), (8, 4)):
            client = await asyncio.to_thread(start_drain, count, viewers, running.rtsp.port, http_port)
            await asyncio.sleep(3.0)
            got = await measure(running, seconds)
            cost = got.serving_s / got.seconds
            base = base or cost
            more = f"{100 * (cost - base):.1f}"
            rows.append([str(count), str(viewers), f"{100 * cost:.1f}", more, f"{got.statuses[0].readers}"])
            client.kill()
            client.wait()
    cameras.kill()
    cameras.wait()
    show(
        "cost of readers of one camera",
        ["RTSP", "MSE", "% of a core, serving", "% more than none", "readers seen"],
        rows,
    )


# recovery


async def until_veiled(running: Gateway, begin: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Return the seconds from an event's end to the first picture that is not covered whole, and to the last that is."""
    units: list[tuple[float, bool]] = []
    relay = running.cameras["cam0"].relay
    await begin()
    ended = time.monotonic()
    leave = relay.subscribe(
        lambda unit: units.append((time.monotonic() - ended, unit.whole is not None)), from_key=False
    )
    for _ in range(600):
        await asyncio.sleep(0.1)
        # sound again: no cover for eight seconds
        quiet = max((at for at, whole in units if whole), default=0.0)
        if units and units[-1][0] - quiet > 8.0:
            break
    leave()
    first = next((at for at, whole in units if not whole), float("inf"))
    return first, max((at for at, whole in units if whole), default=0.0)


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

    async def camera_frozen() -> None:
        cameras.send_signal(signal.SIGSTOP)
        await asyncio.sleep(12.0)
        cameras.send_signal(signal.SIGCONT)

    for name, begin in (
        ("camera comes back", camera_back),
        ("camera frozen for 12 s", camera_frozen),
        ("process killed", lambda: signalled(signal.SIGKILL, 0.05)),
        ("process stopped for 3 s", lambda: signalled(signal.SIGSTOP, 3.0)),
    ):
        for _ in range(2):
            first, last = await until_veiled(running, begin)
            rows.append([name, f"{first:.2f}", f"{last:.2f}"])
    await running.stop()
    cameras.kill()
    cameras.wait()
    show("seconds from the end of a fault", ["fault", "first veiled picture", "last full cover"], rows)


# overload


async def overload(count: int, seconds: float, port: int) -> None:
    cameras = cameras_process(count, port)
    with tempfile.TemporaryDirectory() as folder:
        running = gateway(configs(count, port, Path(folder)))
        await running.start()
        await veiled(running, 60.0)
        await asyncio.sleep(WARM_S)
        got = await measure(running, seconds)
        await running.stop()
        cameras.kill()
        cameras.wait()
        seen = count_open(Path(folder))
    taken = sum(got.each("frames_out")) / got.seconds / count
    head = ["cameras", "out/s each", "left out", "whole %", "faces", "under 90 % covered", "under 50 %"]
    left = sum(got.each("frames_left_out"))
    show(
        "overload",
        head,
        [[str(count), f"{taken:.1f}", f"{left:.0f}", f"{100 * got.whole_share:.1f}", *map(str, seen)]],
    )
    say_reasons([(count, got)])


def count_open(folder: Path) -> tuple[int, int, int]:
    """Count the faces of the drawn scene in what was recorded, and those that are partly or mostly open. 0 with other footage."""
    scene, faces, partly, mostly = Scene(SCENE), 0, 0, 0
    for path in (path for camera in sorted(folder.iterdir()) for path in recorded(camera)):
        with av.open(str(path), "r") as container:
            for index, frame in enumerate(container.decode(video=0)):
                luma = np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)[: frame.height]
                number = read_number(luma)
                if number is None or index % 2:
                    continue
                shares = open_shares(scene, number, luma).values()
                faces += len(shares)
                partly += sum(share > PARTLY for share in shares)
                mostly += sum(share > 0.5 for share in shares)
    return faces, partly, mostly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cameras", default="1,2,3,4,5,6,7,8")
    parser.add_argument("--overload", type=int, default=8)
    parser.add_argument("--only", default="curve,readers,recovery,overload")
    parser.add_argument("--port", type=int, default=18654)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    sys.stdout.write(f"{utc_now():%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, load before {load:.1f}\n")
    asyncio.run(run(asked))


async def run(asked: argparse.Namespace) -> None:
    wanted = asked.only.split(",")
    if "curve" in wanted:
        table = Table(asked.json)
        table.begin("cameras of 1280x720 at 12.5 pictures a second")
        await curve([int(part) for part in asked.cameras.split(",")], asked.seconds, asked.port, table)
    if "readers" in wanted:
        await readers(min(asked.seconds, 20.0), asked.port)
    if "recovery" in wanted:
        await recovery(asked.port)
    if "overload" in wanted:
        await overload(asked.overload, min(asked.seconds, 40.0), asked.port)


if __name__ == "__main__":
    main()

"""Memory, descriptors and delay stay flat, of the camera's process and of the one that serves it, while readers come and go.

Twenty seconds by default; hours by ``PASSERBY_SOAK_S``.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from tests.gateway_tools import LOGIN, PASSWORD, USER

from passerby.gateway.config import CameraConfig, InputConfig, RecordConfig, RetainConfig, RtspConfig, SelfTestConfig
from passerby.gateway.rtsp.auth import DigestGate, ha1
from passerby.gateway.service import Gateway
from passerby.gateway.stream.readers import AccessUnit

SOAK_S = float(os.environ.get("PASSERBY_SOAK_S", "20"))


def descriptors(pid: int | str) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def read(url: str, transport: str) -> None:
    """Read some pictures over RTSP, as a recorder does, and leave."""
    with av.open(url, options={"rtsp_transport": transport}, timeout=(20, 20)) as container:
        for _, _ in zip(range(3), container.demux(video=0), strict=False):
            pass


class Row(NamedTuple):
    """What was measured at one time."""

    worker_bytes: int
    worker_files: int
    serving_bytes: int
    serving_files: int
    delay_ms: float


async def soak(folder: Path) -> tuple[list[Row], Gateway]:
    gate = DigestGate({USER: ha1(USER, PASSWORD)}.get, lambda *_: True)
    config = CameraConfig(
        "hall",
        InputConfig("test://portrait?size=256x160&fps=10&faces=1"),
        record=RecordConfig(
            enabled=True, folder=folder, retain=RetainConfig(max_size_bytes=2_000_000), min_free_bytes=0, segment_s=5.0
        ),
    )
    running = Gateway([config], RtspConfig(port=0), gate, SelfTestConfig(interval_s=5.0, enabled_stream=False))
    await running.start()
    camera = running.cameras["hall"]
    veiled = asyncio.Event()
    leave = camera.relay.subscribe(lambda unit: veiled.set() if unit.whole is None else None)
    await asyncio.wait_for(veiled.wait(), 60)
    leave()
    await asyncio.sleep(6.0)
    rows: list[Row] = []
    end = time.monotonic() + SOAK_S
    while time.monotonic() < end:
        # readers come and go the whole time
        units: list[AccessUnit] = []
        leave = camera.relay.subscribe(units.append)
        viewer = camera.live.join()
        camera.hls.playlist()
        url = f"rtsp://{LOGIN}127.0.0.1:{running.rtsp.port}/hall"
        await asyncio.to_thread(read, url, ("tcp", "udp")[len(rows) % 2])
        await asyncio.sleep(max(0.5, SOAK_S / 60))
        leave()
        viewer.end()
        async for _ in viewer.messages():
            pass
        await running.snapshot("hall")
        status = running.statuses()[0]
        # the descriptors of a worker may only be counted by root: it cannot be dumped
        files = descriptors(status.worker_pid) if os.geteuid() == 0 else 0
        gc.collect()
        rows.append(Row(status.counts.rss_bytes, files, resident_bytes(), descriptors("self"), status.delay_p50_ms))
    await running.stop()
    return rows, running


def shown(part: Row) -> str:
    means = [float(np.mean(values)) for values in part]
    return (
        f"{means[0] / 1e6:.1f} and {means[2] / 1e6:.1f} MB, {means[1]:.1f} and {means[3]:.1f} files, {means[4]:.1f} ms"
    )


def test_nothing_grows(tmp_path: Path) -> None:
    rows, running = asyncio.run(soak(tmp_path))
    half = len(rows) // 2
    early, late = (Row(*np.array(part).T) for part in (rows[:half], rows[half:]))
    sys.stderr.write(f"{SOAK_S:g} s, {len(rows)} rounds: early {shown(early)}, late {shown(late)}\n")
    # a growth that would take a month to fill a gigabyte is 400 bytes a second; what noise allows to see is more
    allowed_bytes = 8e6 + min(2e3 * SOAK_S, 24e6)
    assert np.mean(late.worker_bytes) - np.mean(early.worker_bytes) < allowed_bytes, "memory of the camera's process"
    assert np.mean(late.serving_bytes) - np.mean(early.serving_bytes) < allowed_bytes, "memory of the serving process"
    assert np.max(late.worker_files) <= np.max(early.worker_files) + 2, "descriptors of the camera's process"
    assert np.max(late.serving_files) <= np.max(early.serving_files) + 2, "descriptors of the serving process"
    assert np.median(late.delay_ms) < np.median(early.delay_ms) + 100, "delay in ms"
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.mp4")) < 4_000_000
    assert running.cameras == {}

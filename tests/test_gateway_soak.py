"""Memory, descriptors and delay stay flat. Twenty seconds by default; hours by ``PASSERBY_SOAK_S``."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import numpy as np

from passerby.gateway.relay import AccessUnit
from passerby.gateway.rtsp import DigestGate
from passerby.gateway.service import Gateway
from passerby.gateway.values import CameraConfig, InputConfig, RecordConfig, RtspConfig, SelfTestConfig

SOAK_S = float(os.environ.get("PASSERBY_SOAK_S", "20"))


def descriptors(pid: int | str) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def soak(folder: Path) -> tuple[list[tuple[float, int, int, int, float]], Gateway]:
    gate = DigestGate(lambda _: None, lambda *_: False)
    config = CameraConfig(
        "hall",
        InputConfig("test://portrait?size=256x160&fps=10&faces=1"),
        record=RecordConfig(folder, max_bytes=2_000_000, min_free_bytes=0, file_s=5.0),
    )
    running = Gateway([config], RtspConfig(port=0), gate, SelfTestConfig(interval_s=5.0, enabled_stream=False))
    await running.start()
    camera = running.cameras["hall"]
    for _ in range(600):
        if camera.relay.whole is None and camera.relay.slate is None:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(6.0)
    rows = []
    end = time.monotonic() + SOAK_S
    while time.monotonic() < end:
        # readers come and go the whole time
        units: list[AccessUnit] = []
        leave = camera.relay.subscribe(units.append)
        viewer = camera.live.join()
        camera.hls.playlist()
        await asyncio.sleep(max(0.5, SOAK_S / 60))
        leave()
        viewer.end()
        async for _ in viewer.messages():
            pass
        await running.snapshot("hall")
        status = running.statuses()[0]
        # the descriptors of a worker may only be counted by root: it cannot be dumped
        files = descriptors(status.worker_pid) if os.geteuid() == 0 else 0
        rows.append((time.monotonic(), status.counts.rss_bytes, files, descriptors("self"), status.delay_p50_ms))
    await running.stop()
    return rows, running


def test_nothing_grows(tmp_path: Path) -> None:
    rows, running = asyncio.run(soak(tmp_path))
    half = len(rows) // 2
    early, late = np.array(rows[:half]), np.array(rows[half:])
    # a growth that would take a month to fill a gigabyte is 400 bytes a second; what noise allows to see is more
    assert late[:, 1].mean() - early[:, 1].mean() < 8e6 + 2e3 * SOAK_S, "memory of the camera's process"
    assert late[:, 2].max() <= early[:, 2].max() + 2, "descriptors of the camera's process"
    assert late[:, 3].max() <= early[:, 3].max() + 2, "descriptors of the serving process"
    assert np.median(late[:, 4]) < np.median(early[:, 4]) + 100, "delay in ms"
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.mp4")) < 4_000_000
    assert running.cameras == {}

"""A gateway in a process of its own, on a machine that fails: ``python -m tests.gateway_machine disk|clock FOLDER [FILE]``.

``disk`` fills the file system that FOLDER is on, for real, until nothing can be written, and then frees it. ``clock`` lets the
wall clock of the gateway and of its cameras' processes jump, through ``moved_clock.c``, which reads how far from FILE. What
was seen is printed as JSON.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import sys
import time
from pathlib import Path

from tests.gateway_chaos_tools import RunningGateway
from tests.gateway_tools import wait_for

from passerby.gateway.config import CameraConfig, InputConfig, PrivacyConfig, RecordConfig, RetainConfig, SelfTestConfig
from passerby.gateway.picture.scene import Scene, settings_of
from passerby.gateway.states import EventKind
from passerby.gateway.values import CoverReason

URL = "test://portrait?size=256x160&fps=10&faces=1"
HOUR_S = 3600.0
JUMPS_S = {"forward": HOUR_S, "back": -2 * HOUR_S, "by decades": -24 * 365 * 24 * HOUR_S, "by a second and a half": 1.5}


def began(running: RunningGateway, reason: CoverReason) -> int:
    return sum(event.kind is EventKind.FAULT_BEGAN and event.reason is reason for event in running.events)


def recovered_s(running: RunningGateway, after_s: float, since_s: float) -> float:
    """Wait for a picture without a full cover that comes after a moment; return how long that is since another."""
    wait_for(lambda: running.seen.veiled_after("rtsp", after_s), 30)
    return running.seen.times["rtsp"] - since_s


def fill_disk(running: RunningGateway) -> dict[str, object]:
    filler = running.folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(65_536)):
                pass
        except OSError as exc:
            full = exc.errno == errno.ENOSPC
    wait_for(lambda: began(running, CoverReason.DISK_FULL) > 0, 10)
    covered = running.seen.stays_covered("rtsp", 4.0)
    seen = {
        "full": full,
        "covered": covered,
        "reason": running.status.last_fault,
        "state": running.mqtt.last("hall/reason"),
    }
    filler.unlink()
    freed_s = time.monotonic()
    took_s = recovered_s(running, freed_s + 0.3, freed_s)
    wait_for(lambda: running.seen.veiled_after("rtsp", freed_s + took_s + 2.5), 10)
    return seen | {"recovered_s": took_s, "faults": began(running, CoverReason.DISK_FULL)}


def move_clock(running: RunningGateway, file: Path) -> dict[str, object]:
    rows: dict[str, object] = {}
    moved_s = 0.0
    for number, (name, jump_s) in enumerate(JUMPS_S.items(), 1):
        moment_s, moved_s = time.monotonic(), moved_s + jump_s
        with file.open("r+b", buffering=0) as opened:
            opened.write(struct.pack("=q", round(moved_s * 1e9)))
        wait_for(lambda number=number: began(running, CoverReason.CLOCK) == number, 5)  # type: ignore[misc]
        covers = running.seen.covers["rtsp"]
        wait_for(lambda covers=covers: running.seen.covers["rtsp"] > covers, 5)  # type: ignore[misc]
        rows[name] = {
            "year": time.gmtime().tm_year,
            "reason": running.status.last_fault,
            "recovered_s": recovered_s(running, time.monotonic(), moment_s),
        }
        wait_for(lambda: running.mqtt.last("hall/state") == "veiled", 10)
        settled_s = time.monotonic() + 1.0
        wait_for(lambda settled_s=settled_s: running.seen.veiled_after("rtsp", settled_s), 10)  # type: ignore[misc]
    return {"jumps": rows, "restarts": running.status.restarts}


def main(what: str, folder: Path, file: Path | None) -> None:
    recording = RecordConfig(
        enabled=True,
        folder=folder,
        retain=RetainConfig(max_size_bytes=2**40),
        segment_s=3.0,
        min_free_bytes=0,
        sync_s=0.5,
    )
    camera = CameraConfig("hall", InputConfig(URL), privacy=PrivacyConfig(lookahead_frames=8), record=recording)
    selftest = SelfTestConfig(interval_s=30.0, enabled_stream=False)
    running = RunningGateway([camera], Scene(settings_of(URL)), folder, selftest)
    try:
        wait_for(lambda: running.seen.veiled_after("rtsp", 0.0), 90)
        wait_for(lambda: running.seen.pictures["hls"] > 0, 20)
        seen = move_clock(running, file) if file is not None else fill_disk(running)
    finally:
        running.stop()
    seen |= {"what": what, "bare": running.seen.bare, "pictures": dict(running.seen.pictures)}
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)

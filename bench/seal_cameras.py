"""Cameras that keep faces, locked, while they are veiled: what that costs them. See bench/README.md.

python bench/seal_cameras.py [--cameras 4] [--seconds 60] [--without] [--json FILE]

The cameras of ``gateway.py``, each with a sealing process, to two of three authorities; ``--without`` runs them without.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import tempfile
from pathlib import Path

import yaml

from figures import Table
from gateway import WARM_S, Measured, configs, measure
from gateway_clients import cameras_process
from passerby.gateway.config import CameraConfig, RtspConfig, SelfTestConfig
from passerby.gateway.rtsp.auth import DigestGate
from passerby.gateway.service import Gateway
from passerby.sealing import SealedCamera, SealTally
from passerby.values import utc_now
from passerby_seal.custody import make_ahead
from passerby_seal.keys import AuthorityKey, read_policy
from served import veiled

HOURS = 3


def site(folder: Path, names: list[str]) -> dict[str, SealedCamera]:
    """Write a policy and the custodian's keys, and return what each camera is told."""
    keys = [AuthorityKey.make(name=f"authority {number}") for number in range(3)]
    authorities = [{"name": key.about["name"], "role": "court", "key": key.public.text} for key in keys]
    custodian = {"name": "archive", "who": "authority"}
    policy = {"needed": 2, "retention": "72h", "custodian": custodian, "authorities": authorities}
    (folder / "authorities.yaml").write_text(yaml.safe_dump(policy))
    digest = read_policy(folder / "authorities.yaml").digest
    told = {}
    for name in names:
        camera = secrets.token_hex(16)
        make_ahead(folder / "private", folder / "custody", camera, utc_now(), HOURS, retention_s=3600)
        told[name] = SealedCamera(
            "bench", camera, folder / "authorities.yaml", digest, folder / "custody", folder / "store", index=False
        )
    return told


def sealing_cpu_s(workers: list[int]) -> float:
    """Return the processor time of the children of some processes."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("ascii").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) in workers:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def run(count: int, seconds: float, port: int, told: dict[str, SealedCamera]) -> tuple[Measured, float]:
    """Run the cameras; return what was measured and the processor time of their sealing processes, seconds."""

    def may_seal(config: CameraConfig) -> SealedCamera | None:
        return told.get(config.name)

    gate = DigestGate(lambda _: None, lambda *_: False)
    cameras = cameras_process(count, port)
    running = Gateway(
        configs(count, port), RtspConfig(port=0), gate, SelfTestConfig(enabled_stream=False), may_seal=may_seal
    )
    await running.start()
    try:
        await veiled(running)
        await asyncio.sleep(WARM_S)
        workers = [status.worker_pid for status in running.statuses()]
        before_s = sealing_cpu_s(workers)
        got = await measure(running, seconds)
        return got, sealing_cpu_s(workers) - before_s
    finally:
        await running.stop()
        cameras.kill()
        cameras.wait()


def sealed_of(got: Measured) -> SealTally:
    """Return what was counted of all cameras since they began."""
    total = SealTally()
    for status in got.statuses:
        total = total.plus(status.counts.sealed)
    return total


def cameras(table: Table, count: int, seconds: float, port: int, *, sealing: bool = True) -> None:
    """Add the row of cameras with sealing to a table."""
    with tempfile.TemporaryDirectory() as folder:
        told = site(Path(folder), [f"cam{number}" for number in range(count)]) if sealing else {}
        got, sealing_s = asyncio.run(run(count, seconds, port, told))
    name = f"{count} cameras {'with' if sealing else 'without'} sealing"
    table.row(f"{name}: lost", got.lost, 0)
    table.row(f"{name}: share covered whole", got.whole_share, 0.005)
    table.row(f"{name}: p99 beyond the look-ahead, ms", max(status.delay_p99_ms for status in got.statuses))
    veiling_s = sum(got.each("cpu_s"))
    table.row(f"{name}: processor time of the cameras' processes a camera-second, s", veiling_s / got.seconds / count)
    if not sealing:
        return
    table.row(f"{name}: processor time of sealing processes, share of that", sealing_s / max(veiling_s, 1e-9))
    tally = sealed_of(got)
    faces = max(1, tally.sealed + tally.open + tally.unsealed)
    table.row(f"{name}: faces sealed, share", (tally.sealed + tally.open) / faces)
    for cause in ("unsure", "small", "behind", "storage", "ended"):
        table.row(f"{name}: not sealed, {cause}, share", getattr(tally, cause) / faces)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--port", type=int, default=18754)
    parser.add_argument("--without", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    table = Table(asked.json)
    table.begin("cameras of 1280x720 at 12.5 pictures a second")
    cameras(table, asked.cameras, asked.seconds, asked.port, sealing=not asked.without)


if __name__ == "__main__":
    main()

"""A camera's real process that seals: whatever is killed, it veils on, gaps are stated, and nothing bare is left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateway_tools import wait_for
from tests.seal_camera_tools import CAMERA, SealSite, site
from tests.test_gateway_worker import Started
from tests.test_seal_camera import processes_of

from passerby.gateway.clock import MACHINE
from passerby.gateway.config import CameraConfig, InputConfig
from passerby.gateway.messages import SealedReport, StartOrder, StatusReport, StopOrder, encode_message

URL = "test://portrait?size=256x160&fps=10&faces=1"


class SealingWorker(Started):
    """A worker that was told to seal."""

    def __init__(self, one: SealSite) -> None:
        super().__init__(None)
        order = StartOrder(CameraConfig("hall", InputConfig(URL)), 60.0, 0.0, seal=one.camera)
        self.socket.sendall(encode_message(order))

    def status(self) -> StatusReport | None:
        told = [report for report in self.hear() if isinstance(report, StatusReport)]
        return told[-1] if told else None

    def sealing(self) -> bool:
        status = self.status()
        return status is not None and status.sealing == "faces are kept, locked"

    def veiled(self) -> int:
        return sum(unit.whole is None for unit in self.units())


@pytest.fixture
def one(tmp_path: Path) -> SealSite:
    return site(tmp_path, MACHINE)


@pytest.fixture
def worker(one: SealSite) -> Iterator[SealingWorker]:
    made = SealingWorker(one)
    yield made
    made.close()


def test_whatever_is_killed_a_camera_veils_on_and_nothing_bare_is_left(one: SealSite, worker: SealingWorker) -> None:
    wait_for(lambda: worker.sealing() and worker.veiled() > 10, 120)
    (pid,) = processes_of(worker.process.pid)

    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: processes_of(worker.process.pid) not in ([], [pid]), 30)
    seen = worker.veiled()
    wait_for(lambda: worker.veiled() > seen + 20, 60)
    assert worker.reasons() == (), "nothing is covered for it"
    wait_for(lambda: len(one.packs) == 2 and worker.sealing(), 60)
    (second,) = processes_of(worker.process.pid)

    worker.process.kill()
    wait_for(lambda: not Path(f"/proc/{second}").exists(), 20)
    packs = one.packs
    assert [path.suffix for path in packs] == [".part", ".part"]
    left = {path for path in one.folder.rglob("*") if path.is_file()} - set(packs)
    assert {path.suffix for path in left} == {".yaml", ".pub", ".key"}, "and nothing else was written"


def test_every_covered_face_is_kept_or_stated_as_a_gap(one: SealSite, worker: SealingWorker) -> None:
    wait_for(lambda: worker.sealing() and worker.veiled() > 30, 120)
    status = worker.status()
    assert status is not None
    tally = status.counts.sealed
    assert status.counts.faces > 0
    assert abs(tally.sealed + tally.open + tally.unsealed - status.counts.faces) <= 1
    worker.socket.sendall(encode_message(StopOrder()))
    until_s = time.monotonic() + 20
    while not any(isinstance(report, SealedReport) and report.roots for report in worker.hear()):
        assert time.monotonic() < until_s
        time.sleep(0.05)
    assert worker.process.wait(20) == 0
    (pack,) = one.packs
    assert pack.suffix == ".seal"
    assert pack.parent.name == CAMERA
    one.opened(pack)

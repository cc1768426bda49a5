"""The camera process as a process: what it says, what it obeys, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.gateway_tools import HandClock, wait_for
from tests.test_gateway_pipeline import SCENE, Covering

from passerby.gateway.config import CameraConfig, InputConfig
from passerby.gateway.messages import (
    CoverOrder,
    KeyOrder,
    Order,
    RateReport,
    Report,
    SelfTestReport,
    StartOrder,
    StatusReport,
    StopOrder,
    UncoverOrder,
    VeiledUnit,
    encode_message,
    parse_report,
)
from passerby.gateway.stream.relay import STALL_S
from passerby.gateway.supervision.limits import SupervisionLimits
from passerby.gateway.values import CoverReason
from passerby.gateway.wire import Decoder, Message, MessageKind, encode
from passerby.gateway.worker.faults import HOLD_S, Faults
from passerby.gateway.worker.load import BURST_S, RISE_S, Load
from passerby.gateway.worker.loop import PictureLoop
from passerby.gateway.worker.pipeline import Pipeline
from passerby.gateway.worker.reader import LOCKED_S, OPEN_S, ConnectionBegan, next_wait_s
from passerby.gateway.worker.source import CameraFrame
from passerby.gateway.worker.watchdog import WatchLimits
from passerby.veil import VeiledFrame


class Started:
    """A worker and our end of its socket."""

    def __init__(self, config: CameraConfig | None, *more: Order, parent: int | None = None) -> None:
        ours, theirs = socket.socketpair()
        self.socket = ours
        self.process = subprocess.Popen(
            [sys.executable, "-m", "passerby.gateway.worker", str(parent or os.getpid()), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        self.decoder = Decoder()
        self.messages: list[Report] = []
        if config is not None:
            ours.sendall(b"".join(encode_message(order) for order in (StartOrder(config, 60.0, 0.0), *more)))
        ours.settimeout(0.2)

    def hear(self) -> list[Report]:
        try:
            data = self.socket.recv(1 << 20)
        except TimeoutError:
            return self.messages
        self.messages += [parse_report(message) for message in self.decoder.feed(data)]
        return self.messages

    def units(self) -> list[VeiledUnit]:
        return [report for report in self.hear() if isinstance(report, VeiledUnit)]

    def reasons(self) -> tuple[CoverReason, ...]:
        told = [report.reasons for report in self.hear() if isinstance(report, StatusReport)]
        return told[-1] if told else ()

    def stderr(self) -> str:
        return self.process.communicate(timeout=20)[1]

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.socket.close()


@pytest.fixture
def opened() -> Iterator[list[Started]]:
    made: list[Started] = []
    yield made
    for one in made:
        one.close()


def config(url: str = "test://portrait?size=256x160&fps=10&faces=1") -> CameraConfig:
    return CameraConfig("hall", InputConfig(url))


def test_starts_covered_and_then_veils(opened: list[Started]) -> None:
    worker = Started(config())
    opened.append(worker)
    wait_for(lambda: bool(worker.units()), 60)
    first = worker.units()[0]
    assert first.key
    assert first.whole is CoverReason.START
    wait_for(lambda: any(u.whole is None for u in worker.units()), 90)
    tested, test = next((i, m) for i, m in enumerate(worker.messages) if isinstance(m, SelfTestReport))
    assert test.ok
    sound = next(i for i, m in enumerate(worker.messages) if isinstance(m, VeiledUnit) and m.whole is None)
    assert tested < sound, "nothing but covers before the detector has found the synthetic face"
    worker.socket.sendall(encode_message(StopOrder()))
    assert worker.process.wait(15) == 0


def test_cover_that_follows_the_configuration_at_once_is_not_lost(opened: list[Started]) -> None:
    worker = Started(config(), CoverOrder(CoverReason.DISK_FULL, "x"))
    opened.append(worker)
    wait_for(lambda: CoverReason.DISK_FULL in worker.reasons(), 60)
    worker.socket.sendall(encode_message(UncoverOrder(CoverReason.DISK_FULL)))
    wait_for(lambda: CoverReason.DISK_FULL not in worker.reasons(), 20)


def test_camera_that_is_not_there_is_covered_with_the_reason(opened: list[Started]) -> None:
    worker = Started(config("rtsp://127.0.0.1:9/none"))
    opened.append(worker)
    wait_for(lambda: any(u.whole is CoverReason.NO_PICTURE for u in worker.units()), 60)
    count = len(worker.units())
    wait_for(lambda: len(worker.units()) >= count + 4, 30)
    steps_s = np.diff([unit.captured_ns for unit in worker.units()[count - 1 :]]) / 1e9
    assert (steps_s > 0.4).all(), "twice a second, by the stamps that it gave them"
    assert steps_s.min() < 1.0, "a relay takes a second of silence for a stall"


def test_process_whose_parent_is_gone_reads_no_picture(opened: list[Started]) -> None:
    started = Started(config(), parent=1)
    opened.append(started)
    assert "process must have its parent 1" in started.stderr()
    assert started.process.returncode == 70


def test_ends_when_the_serving_process_is_gone(opened: list[Started]) -> None:
    worker = Started(config())
    opened.append(worker)
    wait_for(lambda: bool(worker.units()), 60)
    worker.socket.close()
    assert worker.process.wait(15) != 0


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET / HTTP/1.1\r\n\r\n" + bytes(30), "must begin with PV"),
        (encode_message(KeyOrder()), "must be START"),
        (encode(Message(MessageKind.START, b'{"camera": {"name": "geheim"}}')), "must fit this version"),
    ],
)
def test_what_is_no_configuration_ends_it(opened: list[Started], sent: bytes, said: str) -> None:
    worker = Started(None)
    opened.append(worker)
    worker.socket.sendall(sent)
    text = worker.stderr()
    assert said in text
    assert "geheim" not in text
    assert worker.process.returncode == 70


def test_nothing_is_on_the_command_line_or_left_by_a_crash(opened: list[Started], tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    secret = CameraConfig("hall", InputConfig("test://portrait?size=256x160&fps=10", "u", "geheim"))
    worker = Started(secret)
    opened.append(worker)
    wait_for(lambda: bool(worker.units()), 60)
    proc = Path(f"/proc/{worker.process.pid}")
    assert b"geheim" not in (proc / "cmdline").read_bytes()
    # what belongs to an undumpable process belongs to root, so that nobody else can read its memory
    assert (proc / "maps").stat().st_uid == 0
    os.kill(worker.process.pid, signal.SIGSEGV)
    assert worker.process.wait(15) == -signal.SIGSEGV
    assert set(tmp_path.iterdir()) == before
    assert not list(Path.cwd().glob("core*"))


class Late(Covering):
    """A veil whose detector never comes in time."""

    def leave(self) -> VeiledFrame[CoverReason]:
        one = super().leave()
        return replace(one, reason=CoverReason.DETECTOR_BEHIND)


def test_late_detector_lowers_the_rate_then_covers_then_recovers() -> None:
    hand, late = HandClock(), True
    units: list[VeiledUnit] = []
    faults = Faults(lambda *_: None)
    load = Load("rate")
    pipeline = Pipeline(config(), lambda *_: Late() if late else Covering(), faults, units.append, clock=hand.clock)
    rates: list[RateReport] = []
    loop = PictureLoop(pipeline, load, faults, rates.append, clock=hand.clock)
    steps, overloaded = [], []
    for number in range(1200):
        if number == 400:
            late = False
        hand.move(0.08)
        if load.wants(hand.ns):
            loop.take(CameraFrame.taken(SCENE.frame(number), hand.ns, hand.ns, fps=12.5))
        faults.expire(hand.clock.now_s())
        steps.append(load.step)
        overloaded.append(load.overloaded)
    assert max(steps[:400]) == 4
    assert any(overloaded[:400])
    assert CoverReason.OVERLOAD in {unit.whole for unit in units}
    assert (steps[-1], overloaded[-1]) == (1, False), "every picture again"
    assert {unit.whole for unit in units[-50:]} == {None}
    assert rates[0] == RateReport(2)
    assert rates[-1] == RateReport(1)


def test_a_lowered_rate_loses_no_picture_of_the_look_ahead_and_covers_none() -> None:
    hand, units, veil = HandClock(), list[VeiledUnit](), Covering()
    faults, load, rates = Faults(lambda *_: None), Load("rate"), list[RateReport]()
    pipeline = Pipeline(config(), lambda *_: veil, faults, units.append, clock=hand.clock)
    loop = PictureLoop(pipeline, load, faults, rates.append, clock=hand.clock)
    loop.take(ConnectionBegan())
    taken = 0
    for number in range(500):
        veil.strain = 1.1 if number >= 100 and not veil.rates else 0.2
        hand.move(0.08)
        if load.wants(hand.ns):
            taken += 1
            loop.take(CameraFrame.taken(SCENE.frame(number), hand.ns, hand.ns, fps=12.5))
    shown = [unit for unit in units if unit.whole is None]
    assert rates[0] == RateReport(2)
    assert rates[-1] == RateReport(1)
    assert len(shown) == taken - len(veil.held)
    assert {unit.whole for unit in units[10:]} == {None}
    assert veil.rates[0] == pytest.approx(6.25, rel=0.1)
    assert veil.rates[-1] == pytest.approx(12.5, rel=0.1)


def test_a_camera_is_asked_often_enough_to_be_seen_within_two_seconds() -> None:
    wait_s, times = 0.1, []
    for _ in range(20):
        wait_s = next_wait_s(wait_s, 0.01, OPEN_S)
        times.append(wait_s)
    # with jitter, and a second for the look-ahead and the first key frame
    assert max(times) * 1.25 + 1.0 < 2.0
    assert next_wait_s(LOCKED_S, 0.01, LOCKED_S) == LOCKED_S, "a refused password may lock the account"
    assert next_wait_s(OPEN_S, 6.0, OPEN_S) == 0.2, "after a long run, or a long wait for an answer, all begins anew"


def test_a_frozen_camera_or_process_is_seen_in_time() -> None:
    # what must hold together for a full cover to end within five seconds after a fault: each part has its own tests
    assert InputConfig("rtsp://h/x").read_timeout_s <= 2.0
    assert STALL_S <= 1.0
    assert SupervisionLimits().backoff_s[0] <= 0.1
    assert HOLD_S <= 1.0
    assert WatchLimits().clock_hold_s <= 2.0
    assert BURST_S + RISE_S < 5.0

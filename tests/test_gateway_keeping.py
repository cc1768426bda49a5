"""The serving process's part in failing closed: processes that misbehave, the hidden test stream, permission to start."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from tests.gateway_tools import HandClock, camera, program, veiled_unit

from passerby.gateway.config import CameraConfig, EncodeConfig, InputConfig, RtspConfig, SelfTestConfig
from passerby.gateway.messages import StatusReport
from passerby.gateway.picture.encoder import LiveEncoder, ticks_of
from passerby.gateway.picture.scene import Scene, settings_of
from passerby.gateway.picture.slate import Slates
from passerby.gateway.rtsp.auth import DigestGate
from passerby.gateway.service import Gateway
from passerby.gateway.states import Event, EventKind, Phase, WorkerCounts
from passerby.gateway.stream.hidden_test import LENGTH_S, HiddenCheck, HiddenTestResult, hidden_camera
from passerby.gateway.stream.readers import AccessUnit
from passerby.gateway.stream.relay import Relay
from passerby.gateway.supervision.limits import Backoff, SupervisionLimits
from passerby.gateway.supervision.state import (
    FaultIntervals,
    LateWatch,
    Standing,
    StandingLog,
    WorkerAccount,
    standing_of,
)
from passerby.gateway.supervision.supervisor import CameraSupervisor
from passerby.gateway.values import CoverReason

SLATES = Slates()


def fake_worker(folder: Path, body: str) -> list[str]:
    """Return a program that is started as a camera's process; the socket is its last argument."""
    path = folder / "worker.sh"
    path.write_text("#!/bin/bash\nfor fd; do :; done\n" + body)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return [str(path)]


async def keep(supervisor: CameraSupervisor, seconds: float, *, until: Callable[[], bool] = lambda: False) -> None:
    supervisor.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        supervisor.tick()
        await asyncio.sleep(0.05)
    await supervisor.stop()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("exit 3", "exit code 3"),
        ("echo broken >&2; exit 70", "broken"),
        ("head -c 4000 /dev/zero >&$fd; exec sleep 60", "no message"),
        ("kill -SEGV $$", "exit code -11"),
    ],
)
def test_process_that_misbehaves_is_restarted_behind_the_slate(tmp_path: Path, body: str, why: str) -> None:
    events: list[Event] = []
    supervisor = CameraSupervisor(camera(), SLATES, events.append, command=fake_worker(tmp_path, body))
    seen: list[AccessUnit] = []
    supervisor.relay.subscribe(seen.append)
    asyncio.run(keep(supervisor, 40.0, until=lambda: supervisor.restarts >= 2))
    assert supervisor.restarts >= 2
    assert any(e.kind is EventKind.PHASE and why in e.detail for e in events), [e.detail for e in events]
    assert {unit.whole for unit in seen} <= {CoverReason.START, CoverReason.WORKER}
    assert seen
    assert events[-1].kind is EventKind.FAULT_ENDED, "what began is ended, also at the end"


def test_process_that_says_nothing_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    silent = fake_worker(tmp_path, f"echo $$ > {note}; exec sleep 600")
    events: list[Event] = []
    limits = SupervisionLimits(start_s=4.0, silent_s=4.0)
    supervisor = CameraSupervisor(camera(), SLATES, events.append, command=silent, limits=limits)
    asyncio.run(keep(supervisor, 40.0, until=lambda: supervisor.restarts >= 1))
    assert any("exit code -9" in e.detail for e in events)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_back_off_grows_is_jittered_and_begins_anew_after_a_sound_process() -> None:
    limits = SupervisionLimits()
    backoff, jittered = Backoff(limits, lambda: 1.0), Backoff(limits)
    assert tuple(backoff.wait_s(0.1) for _ in range(8)) == (*limits.backoff_s[1:], 30.0, 30.0)
    assert backoff.wait_s(limits.sound_s + 1.0) == limits.backoff_s[0]
    waits_s = {jittered.wait_s(60.0) / limits.backoff_s[0] for _ in range(50)}
    assert len(waits_s) > 25
    assert 0.75 <= min(waits_s) <= max(waits_s) <= 1.25


def test_back_off_is_kept_to(tmp_path: Path) -> None:
    ends: list[float] = []
    supervisor = CameraSupervisor(
        camera(),
        SLATES,
        lambda e: ends.append(time.monotonic()) if "ended" in e.detail else None,
        command=fake_worker(tmp_path, "exit 1"),
    )
    asyncio.run(keep(supervisor, 60.0, until=lambda: len(ends) >= 4))
    steps = np.diff(ends)
    assert len(steps) >= 3
    assert (steps[:3] > 0.75 * np.array(SupervisionLimits().backoff_s[1:4])).all()


# what is concluded from reports

START, LATE = CoverReason.START, CoverReason.DETECTOR_BEHIND


def status(*reasons: CoverReason, frames: int = 0) -> StatusReport:
    return StatusReport(WorkerCounts(frames_in=frames), reasons, 800.0)


@pytest.mark.parametrize(
    ("said", "slate", "whole", "standing"),
    [
        (None, START, None, Standing(Phase.STARTING, (START,))),
        (status(), CoverReason.WORKER, None, Standing(Phase.SLATE, (CoverReason.WORKER,))),
        (status(START), None, START, Standing(Phase.STARTING, (START,))),
        (status(CoverReason.PTZ, START), None, None, Standing(Phase.COVERED, (CoverReason.PTZ, START))),
        (None, None, LATE, Standing(Phase.STARTING, (LATE,))),
        (status(), None, START, Standing(Phase.STARTING, (START,))),
        (status(), None, LATE, Standing(Phase.COVERED, (LATE,))),
        (status(), None, None, Standing(Phase.VEILED)),
    ],
)
def test_standing_follows_slate_then_process_then_picture(
    said: StatusReport | None, slate: CoverReason | None, whole: CoverReason | None, standing: Standing
) -> None:
    assert standing_of(said, slate, whole) == standing


def test_a_state_that_flickers_is_told_once_a_second() -> None:
    log = StandingLog()
    veiled, covered = Standing(Phase.VEILED), Standing(Phase.COVERED, (LATE,))
    assert log.note(veiled, 100.0, 1)
    assert not log.note(covered, 100.5, 2)
    assert (log.standing, log.since_ns) == (covered, 2), "the state itself is never late"
    assert log.note(covered, 101.0, 3)
    assert not log.note(covered, 105.0, 4)
    assert log.since_ns == 2


def test_fault_intervals_begin_and_end_once_and_hold_faults_only() -> None:
    faults = FaultIntervals()
    assert faults.begin(CoverReason.CORRUPT, "pictures arrive damaged", 5)
    assert not faults.begin(CoverReason.CORRUPT, "again", 6)
    assert not faults.begin(CoverReason.OPERATOR, "", 7), "a cover that is meant is no fault"
    assert (faults.last_text, faults.last_ns) == ("corrupt_stream: pictures arrive damaged", 5)
    assert faults.open == (CoverReason.CORRUPT,)
    assert faults.end(CoverReason.CORRUPT) == 5
    assert faults.end(CoverReason.CORRUPT) is None


def test_a_fault_that_came_and_went_does_not_hide_the_one_that_lasts() -> None:
    faults = FaultIntervals()
    faults.begin(CoverReason.UNDECODABLE, "never sends VPS; set the codec to H.264", 5)
    faults.begin(CoverReason.STALLED, "its process sends nothing", 9)
    assert faults.last_text.startswith("stalled")
    assert faults.end(CoverReason.STALLED) == 9
    assert (faults.last_text, faults.last_ns) == ("undecodable: never sends VPS; set the codec to H.264", 5)
    assert faults.end(CoverReason.UNDECODABLE) == 5
    assert faults.last_text.startswith("undecodable"), "what was last stays to be read"


def test_late_pictures_make_one_interval() -> None:
    late = LateWatch()
    assert [late.note(count, now_s) for count, now_s in [(0, 9.0), (1, 10.0), (1, 10.5), (2, 10.9), (2, 12.0)]] == [
        False,
        True,
        None,
        True,
        False,
    ]


def test_counts_go_on_over_processes_and_the_rest_begins_anew() -> None:
    account = WorkerAccount()
    account.process_began()
    account.take(replace(status(LATE, frames=10), people=3))
    account.take_rate(4)
    account.process_ended()
    assert account.counts.frames_in == 10
    account.process_began()
    assert (account.rate_step, account.reasons, account.lookahead_ms) == (1, (), 0.0)
    assert account.begin_step == 4, "the next process begins where this one could keep up"
    assert account.people == 3, "and looks for as many as were there"
    account.take(status(frames=3))
    assert account.counts.frames_in == 13


def test_counters_never_fall_over_restarts() -> None:
    before = WorkerCounts(frames_in=10, faces=3, queue=2, rss_bytes=5, fps_in=12.0, cpu_s=9.0)
    now = WorkerCounts(frames_in=1, faces=1, rss_bytes=7).after(before)
    assert now == WorkerCounts(frames_in=11, faces=4, rss_bytes=7)


# the hidden stream

INTERVAL_S = 5.0
CONFIG = hidden_camera(SelfTestConfig(interval_s=INTERVAL_S))


class Fed:
    """The hidden stream, fed by hand with what a worker would send."""

    def __init__(self) -> None:
        self.hand = HandClock()
        self.relay = Relay(CONFIG, SLATES, clock=self.hand.clock)
        self.scene = Scene(settings_of(CONFIG.input.url))
        settings = self.scene.settings
        self.encoder = LiveEncoder(settings.width, settings.height, settings.fps, EncodeConfig())
        self.results: list[tuple[HiddenTestResult, str]] = []
        self.check = HiddenCheck(
            self.relay,
            lambda outcome, detail: self.results.append((outcome, detail)),
            INTERVAL_S,
            clock=self.hand.clock,
        )

    def end_round(self) -> None:
        """Let the time of a round go by."""
        self.hand.move(LENGTH_S + 2.1)
        self.check.tick()

    def feed(self, count: int, *, covered: bool) -> None:
        for number in range(count):
            frame = self.scene.frame(number)
            if covered:
                stacked = np.asarray(frame.to_ndarray(), np.uint8).copy()
                x0, y0, x1, y1 = (int(v) for v in self.scene.faces(number)[0])
                stacked[y0 - 5 : y1 + 5, max(0, x0 - 5) : x1 + 5] = 112
                frame = av.VideoFrame.from_ndarray(stacked, format="yuv420p")
            self.hand.move(0.1)
            stamp = self.hand.ns
            for data, key, _ in self.encoder.encode(frame, ticks_of(stamp)):
                self.relay.accept(veiled_unit(data, stamp, key=key))


def test_covered_test_face_passes() -> None:
    fed = Fed()
    fed.feed(20, covered=True)
    fed.check.tick()
    assert fed.results == []
    fed.end_round()
    assert fed.results == [(HiddenTestResult.PASSED, "the test face stayed covered in 20 pictures")]


def test_bare_test_face_is_an_alarm_at_once() -> None:
    fed = Fed()
    fed.feed(10, covered=True)
    fed.feed(1, covered=False)
    assert fed.results == [(HiddenTestResult.BARE, "a test face came out bare")]
    fed.end_round()
    assert fed.results[-1][0] is HiddenTestResult.BARE


def test_stream_covered_whole_proves_nothing() -> None:
    fed = Fed()
    fed.feed(2, covered=True)
    fed.relay.lost(CoverReason.WORKER)
    fed.end_round()
    assert [outcome for outcome, _ in fed.results] == [HiddenTestResult.UNTESTED]


def test_hidden_stream_that_is_silent_is_told() -> None:
    fed = Fed()
    fed.hand.move(3 * INTERVAL_S + 31.0)
    fed.check.tick()
    assert fed.results == [(HiddenTestResult.UNTESTED, "the hidden stream shows nothing")]


# permission


def gateway(permit: Callable[[CameraConfig], str | None]) -> Gateway:
    async def ask(config: CameraConfig) -> str | None:
        return permit(config)

    gate = DigestGate(lambda _: None, lambda *_: False)
    return Gateway(
        [CameraConfig("hall", InputConfig("test://portrait?size=256x160"))],
        RtspConfig(port=0, udp=False),
        gate,
        SelfTestConfig(enabled_stream=False),
        ask,
    )


def test_camera_starts_only_when_it_may() -> None:
    async def inside() -> None:
        answer: list[str | None] = ["the register cannot be written"]
        running = gateway(lambda _: answer[0])
        events: list[Event] = []
        running.subscribe(events.append)
        await running.start()
        assert running.cameras == {}
        assert running.refused == {"hall": "the register cannot be written"}
        assert events[-1].reason is CoverReason.REGISTER
        answer[0] = None
        started = asyncio.Event()
        running.subscribe(lambda event: started.set() if event.kind is EventKind.STARTED else None)
        await asyncio.wait_for(started.wait(), 20)
        assert running.statuses()[0].phase is Phase.STARTING
        assert [e.kind for e in events if e.reason is CoverReason.REGISTER or e.kind is EventKind.STARTED] == [
            EventKind.FAULT_BEGAN,
            EventKind.FAULT_ENDED,
            EventKind.STARTED,
        ]
        await running.stop()

    asyncio.run(inside())


def test_new_camera_during_an_alarm_starts_covered() -> None:
    async def inside() -> None:
        running = gateway(lambda _: None)
        running.alarm.take(HiddenTestResult.BARE, "a test face came out bare")
        await running.start()
        assert running.cameras["hall"].relay.alarm is CoverReason.ALARM
        await running.stop()

    asyncio.run(inside())


FIRST_PROCESS = """
import asyncio, os
from tests.test_gateway_keeping import SLATES, keep
from tests.gateway_tools import camera
from passerby.gateway.supervision.supervisor import CameraSupervisor
assert os.getpid() == 1
supervisor = CameraSupervisor(camera(), SLATES, lambda event: None)
units = []
supervisor.relay.subscribe(units.append)
asyncio.run(keep(supervisor, 60.0, until=lambda: any(unit.whole is None for unit in units)))
print(supervisor.restarts, any(unit.whole is None for unit in units))
"""


@pytest.mark.tool
def test_cameras_run_below_the_first_process_of_a_container() -> None:
    alone = [program("unshare"), *(["-fp"] if os.geteuid() == 0 else ["-fpr"]), "--kill-child"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False, timeout=30).returncode != 0:
        pytest.skip("no process namespace can be made: neither as root nor in a user namespace")
    done = subprocess.run(
        [*alone, sys.executable, "-c", FIRST_PROCESS], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.stdout.split() == ["0", "True"], done.stderr[-2000:]

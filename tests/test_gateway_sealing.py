"""The gateway's side of sealing: refused where it may not be, settled picture by picture, counted, put on record."""

from __future__ import annotations

import asyncio
import base64
import sys
import textwrap
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.gateway_tools import SLATES, HandClock, camera, wait_for
from tests.test_gateway_config import REGISTER
from tests.test_gateway_pipeline import SCENE, Covering
from tests.test_gateway_register_link import Linked, linked

from passerby import register, sealing
from passerby.errors import ConfigError
from passerby.gateway.config import RecordConfig, RetainConfig
from passerby.gateway.config.load import parse_city
from passerby.gateway.messages import SealedReport, StatusReport, VeiledUnit, encode_message, parse_report
from passerby.gateway.publish.heartbeats import CameraHeartbeats, HeartbeatState, SealedSpan
from passerby.gateway.publish.metrics import MetricsSource, metrics_exposition
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase, WorkerCounts
from passerby.gateway.stream.recorder import Recorder, RecorderLimits
from passerby.gateway.stream.recording_files import (
    add_part,
    began_ns,
    delete_left_over,
    file_name,
    index_of,
    recorded,
)
from passerby.gateway.stream.relay import Relay
from passerby.gateway.stream.retention import RetentionSweeper, note_retention
from passerby.gateway.supervision.seal_link import SealLink
from passerby.gateway.supervision.state import WorkerAccount
from passerby.gateway.supervision.supervisor import CameraSupervisor
from passerby.gateway.values import CoverReason
from passerby.gateway.wire import Decoder
from passerby.gateway.worker.faults import Faults
from passerby.gateway.worker.pipeline import Pipeline
from passerby.gateway.worker.source import CameraFrame
from passerby.sealing import IndexPart, SealedCamera, SealTally

ROOT = "ab" * 32
SEALING = REGISTER + "cameras:\n  hall:\n    source: test://portrait\n    seal: {policy: authorities.yaml}\n"
SEALED = SealedCamera(
    "log.example/1", "0" * 32, Path("a.yaml"), "sha256:" + "0" * 64, Path("custody"), Path("sealed"), index=True
)
__all__ = ["linked"]


# what city.yml may say


def refusal(folder: Path, text: str = SEALING, *, opens: bool = True) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_city(text, folder / "city.yml", can_open=lambda _: opens)
    return caught.value


def test_sealing_is_refused_where_its_code_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, sealing.PACKAGE, None)
    told = refusal(tmp_path)
    assert "seal is refused: sealing must be installed, is not" in told.message
    assert told.hint is not None
    assert told.hint.startswith("pip install 'passerby[seal]'")


def test_a_camera_that_does_not_seal_needs_no_such_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, sealing.PACKAGE, None)
    city = parse_city(REGISTER + "cameras:\n  hall: test://portrait\n", tmp_path / "city.yml")
    assert city.cameras["hall"].seal is None


def test_sealing_is_no_default_of_all_cameras(tmp_path: Path) -> None:
    text = REGISTER + "seal: {policy: authorities.yaml}\ncameras:\n  hall: test://portrait\n"
    assert "seal must be a key that the file knows, is not" in refusal(tmp_path, text).message


# picture by picture


def test_what_is_kept_of_a_picture_is_settled_by_how_it_left() -> None:
    settled: list[tuple[int, bool]] = []
    units: list[VeiledUnit] = []
    hand = HandClock()
    faults = Faults(lambda *_: None)
    pipeline = Pipeline(
        camera(),
        lambda *_: Covering(),
        faults,
        units.append,
        settle=lambda captured_ns, whole: settled.append((captured_ns, whole)),
        clock=hand.clock,
    )
    taken = []
    for number in range(12):
        hand.move(0.08)
        if number == 6:
            faults.hold(CoverReason.OPERATOR, hand.ns / 1e9, hand.wall_ns)
        taken.append(hand.ns)
        pipeline.take(CameraFrame.taken(SCENE.frame(number), hand.ns, hand.ns, fps=12.5))
    pipeline.finish()
    assert [captured_ns for captured_ns, _ in settled] == taken, "each picture once, in turn"
    assert [whole for _, whole in settled] == [unit.whole is not None for unit in units]
    assert {whole for _, whole in settled} == {False, True}


# between the processes


def test_what_was_sealed_goes_through_the_wire_unchanged() -> None:
    part = IndexPart(5, base64.b64encode(b"locked").decode())
    counts = WorkerCounts(frames_in=3, sealed=SealTally(sealed=4, behind=2, pieces=1))
    for said in (SealedReport((ROOT,), (part,)), StatusReport(counts, (), 800.0, 0, "faces are kept, locked")):
        (message,) = Decoder().feed(encode_message(said))
        assert parse_report(message) == said


def test_faces_in_open_pieces_are_lost_with_the_process_that_held_them() -> None:
    account = WorkerAccount()
    account.process_began()
    first = SealTally(sealed=10, open=4, pieces=1)
    account.take(StatusReport(WorkerCounts(frames_in=9, sealed=first), (), 800.0))
    account.process_ended()
    account.process_began()
    account.take(StatusReport(WorkerCounts(frames_in=1, sealed=SealTally(sealed=5, open=1)), (), 800.0))
    assert account.counts.sealed == SealTally(sealed=15, ended=4, open=1, pieces=1)
    assert account.counts.sealed.unsealed == 4


WORKER = """
import json, socket, sys
from passerby.gateway.messages import SealedReport, StatusReport, StartOrder, StopOrder, encode_message, parse_order
from passerby.gateway.states import WorkerCounts
from passerby.gateway.wire import Decoder
sock, decoder = socket.socket(fileno=int(sys.argv[2])), Decoder()
while data := sock.recv(65536):
    for order in map(parse_order, decoder.feed(data)):
        if isinstance(order, StartOrder):
            said = "kept" if order.seal else ""
            sock.sendall(encode_message(StatusReport(WorkerCounts(frames_in=1), (), 800.0, 0, said)))
        if isinstance(order, StopOrder):
            sock.sendall(encode_message(SealedReport(("%s",), ())))
            sys.exit()
"""


def test_a_process_is_renewed_without_a_fault_when_it_may_seal_and_its_last_words_count() -> None:
    events: list[Event] = []
    allowed: list[SealedCamera | None] = [None]
    indexed: list[Sequence[IndexPart]] = []
    supervisor = CameraSupervisor(
        camera(),
        SLATES,
        events.append,
        seal=SealLink(lambda: allowed[0], indexed.append),
        command=(sys.executable, "-c", textwrap.dedent(WORKER % ROOT)),
    )

    async def until(sealing_now: str) -> None:
        async with asyncio.timeout(30):
            while (
                supervisor.camera_status(0).sealing != sealing_now or not supervisor.camera_status(0).counts.frames_in
            ):
                supervisor.follow_seal()
                await asyncio.sleep(0.02)

    async def go() -> None:
        supervisor.start()
        await until("")
        allowed[0] = SEALED
        await until("kept")
        await supervisor.stop()

    asyncio.run(go())
    kinds = [event.kind for event in events]
    assert kinds.count(EventKind.SEALED) == 2, "of the process that was renewed, and of the one that was stopped"
    assert {event.detail for event in events if event.kind is EventKind.SEALED} == {ROOT}
    assert EventKind.FAULT_BEGAN not in kinds
    assert supervisor.restarts == 0


# on record


def status(frames: int, tally: SealTally, sentence: str = "faces are kept, locked") -> CameraStatus:
    return CameraStatus(
        "hall", Phase.VEILED, (), counts=WorkerCounts(frames_out=frames, sealed=tally), sealing=sentence
    )


def beats_of(folder: Path, rows: list[tuple[SealTally, int]], sentence: str) -> list[register.Heartbeat]:
    hand = HandClock()
    hand.move(-4 * 3600)
    one = Linked(folder, clock=hand.clock)
    one.permit()
    for second, (tally, roots) in enumerate(rows):
        hand.move(1)
        for number in range(roots):
            one.tell(EventKind.SEALED, at_ns=hand.wall_ns, detail=f"{second * 100 + number:064x}")
        one.link.tick([status(second * 12, tally, sentence)])
    one.tell(EventKind.STOPPED, at_ns=hand.wall_ns)
    return [entry for entry in one.close() if isinstance(entry, register.Heartbeat)]


def test_a_heartbeat_holds_the_roots_of_what_was_sealed_and_how_much_was_not(tmp_path: Path) -> None:
    rows = [(SealTally(pieces=second // 20, behind=second), int(second in {100, 700})) for second in range(1000)]
    beats = beats_of(tmp_path, rows, "faces are kept, locked")
    assert [beat.sealed_roots for beat in beats] == [(f"{10000:064x}", f"{70000:064x}"), None]
    assert [beat.pieces_sealed for beat in beats] == [40, 0], "rounded as the faces are"
    assert [beat.unsealed_faces for beat in beats] == [890, 100]


def test_a_camera_that_keeps_nobody_states_nothing_of_it(tmp_path: Path) -> None:
    (beat,) = beats_of(tmp_path, [(SealTally(), 0)] * 30, "")
    assert (beat.sealed_roots, beat.pieces_sealed, beat.unsealed_faces) == (None, None, None)


def test_roots_are_stated_early_where_a_heartbeat_would_overflow_and_none_is_lost(tmp_path: Path) -> None:
    beats = beats_of(tmp_path, [(SealTally(), 30 if second in {5, 9, 12} else 0) for second in range(40)], "kept")
    roots = [beat.sealed_roots or () for beat in beats]
    assert max(map(len, roots)) <= 64
    assert sum(map(len, roots)) == 90
    assert len(beats) > 1


def test_a_process_that_counts_from_nothing_again_takes_nothing_back() -> None:
    begin = datetime(2026, 11, 30, tzinfo=UTC)
    heartbeats = CameraHeartbeats(begin, 10.0)
    at = begin + timedelta(seconds=4)
    assert heartbeats.tick(at, HeartbeatState.ON, 1, 1, sealed=SealedSpan(4, 40)) == []
    assert heartbeats.tick(at + timedelta(seconds=1), HeartbeatState.ON, 1, 1, sealed=SealedSpan(1, 0)) == []
    (span,) = heartbeats.tick(at + timedelta(seconds=6), HeartbeatState.ON, 1, 1, sealed=SealedSpan(2, 7))
    assert span.sealed == SealedSpan(5, 47)


def test_metrics_say_what_is_kept_and_why_the_rest_is_not() -> None:
    tally = SealTally(sealed=7, unsure=1, small=2, behind=3, storage=4, ended=5, pieces=2, written_bytes=9)
    text = metrics_exposition(lambda: MetricsSource([status(1, tally)]))().decode()
    assert 'passerby_faces_sealed_total{camera_name="hall"} 7.0' in text
    assert 'passerby_pieces_sealed_total{camera_name="hall"} 2.0' in text
    for cause, count in (("unsure", 1), ("small", 2), ("behind", 3), ("storage", 4), ("ended", 5)):
        assert f'passerby_faces_unsealed_total{{camera_name="hall",cause="{cause}"}} {count}.0' in text


# the index beside a recording

S = 10**9


def recordings(folder: Path, *began_s: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / file_name(at * S) for at in began_s]
    for path in paths:
        path.write_bytes(b"veiled")
    return paths


def part(at_s: float, data: bytes = b"locked") -> IndexPart:
    return IndexPart(round(at_s * S), base64.b64encode(data).decode())


def test_a_part_of_the_index_lies_beside_the_recording_in_which_it_begins(tmp_path: Path) -> None:
    early, late = recordings(tmp_path, 1000, 1600)
    assert add_part(tmp_path, part(1599.9, b"one"))
    assert add_part(tmp_path, part(1600.0, b"two"))
    assert add_part(tmp_path, part(1700.0, b"three"))
    assert not add_part(tmp_path, part(940.0)), "what no recording shows has no index"
    assert not add_part(tmp_path, part(900.0))
    assert not add_part(tmp_path, IndexPart(1700 * S, "no base64 !"))
    assert index_of(early).read_bytes() == b"\0\0\0\3one"
    assert index_of(late).read_bytes() == b"\0\0\0\3two\0\0\0\5three"
    assert index_of(late).stat().st_mode & 0o007 == 0
    assert recorded(tmp_path) == [early, late]


def test_an_index_goes_with_its_recording_whoever_deletes_it(tmp_path: Path) -> None:
    hand = HandClock()
    now_s = hand.wall_ns // S
    folder = tmp_path / "hall"
    old, new = recordings(folder, now_s - 3 * 86_400, now_s - 60)
    for path in (old, new):
        add_part(folder, part((began_ns(path) or 0) / S))
    note_retention(folder, RetainConfig(days=2))
    orphan = index_of(folder / file_name((now_s - 4 * 86_400) * S))
    orphan.write_bytes(b"came late")
    RetentionSweeper(tmp_path / "roots.json", clock=hand.clock).sweep([tmp_path], RetainConfig(), list)
    assert sorted(path.name for path in folder.iterdir() if path.suffix in {".mp4", ".index"}) == [
        new.name,
        index_of(new).name,
    ]
    delete_left_over(tmp_path / "nowhere")


def recorder_in(folder: Path, told: list[tuple[bool, str]], free: Callable[[], int] = lambda: 10**9) -> Recorder:
    retain = RetainConfig(days=0, max_size_bytes=2**40)
    config = RecordConfig(folder=folder, min_free_bytes=10, when_full="delete_oldest", retain=retain)
    limits = RecorderLimits(0.01, free_bytes=lambda _: free())
    return Recorder("hall", config, lambda is_full, why: told.append((is_full, why)), limits=limits)


def test_a_full_disk_takes_the_index_of_what_it_deletes(tmp_path: Path) -> None:
    (old,) = recordings(tmp_path / "hall", 1000)
    add_part(old.parent, part(1000.0))
    recorder = recorder_in(tmp_path, [], lambda: 0 if old.exists() else 100)
    recorder.start(Relay(camera(), SLATES))
    wait_for(lambda: not old.exists())
    recorder.stop()
    assert not index_of(old).exists()


def test_an_index_that_cannot_be_written_covers_nobody(tmp_path: Path) -> None:
    early, late = recordings(tmp_path / "hall", 1000, 2000)
    index_of(early).mkdir()
    told: list[tuple[bool, str]] = []
    recorder = recorder_in(tmp_path, told)
    recorder.start(Relay(camera(), SLATES))
    recorder.index([part(1000.0), part(2000.0)])
    wait_for(index_of(late).exists)
    recorder.stop()
    assert told == []

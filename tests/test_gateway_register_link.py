from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway_site import TEXT, city_in
from tests.gateway_tools import HandClock, wait_for

from passerby import register
from passerby.errors import StorageError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.publish.heartbeats import APART_S, STEADY_S, CameraHeartbeats, HeartbeatSpan, HeartbeatState
from passerby.gateway.publish.register_link import RegisterLink
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase, WorkerCounts
from passerby.gateway.values import SELFTEST_CAMERA, CoverReason
from passerby.web.register.follow import LogFollower

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)


# when a heartbeat is due


def run(conditions: list[HeartbeatState], *, interval_s: float = 3600.0) -> list[HeartbeatSpan]:
    heartbeats = CameraHeartbeats(T0, interval_s)
    spans: list[HeartbeatSpan] = []
    for second, condition in enumerate(conditions, 1):
        spans += heartbeats.tick(T0 + timedelta(seconds=second), condition, second * 12, second // 10)
    rest = heartbeats.rest()
    return spans + ([rest] if rest else [])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(list(HeartbeatState)), st.integers(1, 90)), max_size=12), st.integers(60, 300)
)
def test_heartbeats_follow_each_other_without_a_gap_and_lose_nothing(
    runs: list[tuple[HeartbeatState, int]], interval_s: int
) -> None:
    conditions = [condition for condition, length in runs for _ in range(length)]
    spans = run(conditions, interval_s=interval_s)
    if not spans:
        assert not conditions
        return
    assert spans[0].begin == T0
    assert all(one.end == other.begin for one, other in pairwise(spans))
    assert spans[-1].end == T0 + timedelta(seconds=len(conditions))
    assert sum(span.frames for span in spans) == len(conditions) * 12
    for condition, field in (
        (HeartbeatState.WHOLE, "whole_s"),
        (HeartbeatState.DOWN, "down_s"),
        (HeartbeatState.STALLED, "stalled_s"),
    ):
        assert sum(getattr(span, field) for span in spans) == conditions.count(condition)


@pytest.mark.parametrize("often", [0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5])
def test_a_flapping_camera_does_not_flood_the_register(often: float) -> None:
    random = Random(7)
    conditions, condition = [], HeartbeatState.ON
    for _ in range(600):
        if random.random() < often:
            condition = HeartbeatState.DOWN if condition is HeartbeatState.ON else HeartbeatState.ON
        conditions.append(condition)
    assert len(run(conditions)) <= 2 * 600 / APART_S + 3


def test_a_camera_that_goes_dark_says_so_within_a_minute_and_again_when_it_is_back() -> None:
    spans = run([HeartbeatState.ON] * 300 + [HeartbeatState.DOWN] * 300 + [HeartbeatState.ON] * 300)
    dark = [span for span in spans if span.down_s > span.length_s / 2]
    assert dark[0].begin == T0 + timedelta(seconds=300)
    assert dark[0].end <= T0 + timedelta(seconds=300 + STEADY_S + 2)
    back = [span for span in spans if span.begin == T0 + timedelta(seconds=600)]
    assert back
    assert back[0].down_s == 0
    assert back[0].end <= T0 + timedelta(seconds=600 + STEADY_S + 2)


def test_a_clock_that_runs_back_counts_nothing() -> None:
    heartbeats = CameraHeartbeats(T0, 60.0)
    assert heartbeats.tick(T0 - timedelta(hours=1), HeartbeatState.ON, 5, 5) == []
    assert heartbeats.rest() is None


def test_a_worker_that_counts_from_zero_again_takes_nothing_away() -> None:
    heartbeats = CameraHeartbeats(T0, 10.0)
    heartbeats.tick(T0 + timedelta(seconds=1), HeartbeatState.ON, 100, 7)
    spans = heartbeats.tick(T0 + timedelta(seconds=10), HeartbeatState.ON, 3, 0)
    assert (spans[0].frames, spans[0].faces) == (100, 7)


# with a log


class Linked:
    """A register link with its log."""

    def __init__(self, folder: Path, text: str = TEXT, clock: Clock = MACHINE) -> None:
        self.city = city_in(folder, text)
        self.held: list[tuple[str, CoverReason]] = []
        self.link = RegisterLink(self.city, self._hold, self._release, clock=clock, permit_s=2.0)

    def _hold(self, name: str, reason: CoverReason, _: str) -> None:
        if (name, reason) not in self.held:
            self.held.append((name, reason))

    def _release(self, name: str, reason: CoverReason) -> None:
        self.held.remove((name, reason))

    def permit(self) -> str | None:
        return asyncio.run(self.link.permit(self.city.cameras["hall"]))

    def tell(self, kind: EventKind, **fields: object) -> None:
        told = {"camera": "hall", "at_ns": time.time_ns()} | fields
        self.link.take(Event(kind, **told))  # type: ignore[arg-type]

    @contextmanager
    def unwritable(self) -> Iterator[None]:
        """Take the register's folder away, as when its disk is gone."""
        home = self.city.register.path
        away = home.with_name("away")
        shutil.move(home, away)
        try:
            yield
        finally:
            shutil.move(away, home)
        wait_for(lambda: self.link.writer.failing_since_s is None)

    def close(self) -> list[register.Entry]:
        self.link.close()
        with closing(register.LogReader.open(self.city.register.path)) as reader:
            return list(reader.entries())


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[Linked]:
    made = Linked(tmp_path)
    yield made
    made.link.close()


def status(phase: Phase = Phase.VEILED, *reasons: CoverReason, frames: int = 0) -> CameraStatus:
    return CameraStatus("hall", phase, reasons, counts=WorkerCounts(frames_out=frames, tracks=frames // 10))


def test_a_camera_stands_in_the_register_before_it_starts(linked: Linked) -> None:
    assert linked.permit() is None
    with closing(register.LogReader.open(linked.city.register.path)) as reader:
        kinds = [entry.kind for entry in reader.entries()]
    assert kinds == ["operator.stated", "camera.registered", "running.started"]


def test_a_second_start_registers_nothing_anew(tmp_path: Path) -> None:
    first = Linked(tmp_path)
    first.permit()
    first.tell(EventKind.STOPPED)
    first.close()
    second = Linked(tmp_path)
    second.permit()
    entries = second.close()
    kinds = [entry.kind for entry in entries]
    assert kinds.count("camera.registered") == 1
    assert kinds.count("operator.stated") == 1
    assert kinds[-1] == "running.started"
    assert len({getattr(entry, "camera", None) for entry in entries} - {None}) == 1


def test_a_start_that_was_cut_off_before_it_was_known_does_not_register_twice(tmp_path: Path) -> None:
    first = Linked(tmp_path)
    first.permit()
    first.link.statements.kept.cameras["hall"].stated = {}
    first.link.statements.save()
    first.close()
    second = Linked(tmp_path)
    second.permit()
    assert [entry.kind for entry in second.close()].count("camera.registered") == 1


def test_what_changed_is_stated_and_nothing_else(tmp_path: Path) -> None:
    first = Linked(tmp_path)
    first.permit()
    first.tell(EventKind.STOPPED)
    first.close()
    second = Linked(tmp_path, TEXT.replace("Safety on the platforms", "Counting people"))
    second.permit()
    changed = [entry for entry in second.close() if isinstance(entry, register.CameraChanged)]
    assert len(changed) == 1
    assert changed[0].purpose == {"en": "Counting people"}
    assert changed[0].label is None


def test_a_camera_does_not_start_while_the_register_cannot_be_written(linked: Linked) -> None:
    with linked.unwritable():
        linked.link.access("hall", "untested", "makes the writer notice")
        why = linked.permit()
        assert why is not None
        assert why.startswith("the register cannot be written: ")
        assert linked.permit() is not None, "asked again, it says so again"
    assert linked.permit() is None
    kinds = [entry.kind for entry in linked.close()]
    assert kinds == ["operator.stated", "camera.registered", "running.started"], "nothing was stated twice"


def test_a_grace_time_lets_it_run_and_stands_in_the_register(tmp_path: Path) -> None:
    hand = HandClock()
    text = TEXT.replace("  position: act-2024\n", "  position: act-2024\n  grace: 10m\n")
    linked = Linked(tmp_path, text, hand.clock)
    assert linked.permit() is None
    with linked.unwritable():
        linked.tell(EventKind.STOPPED)
        wait_for(lambda: linked.link.writer.failing_since_s is not None)
        hand.move(9 * 60)
        linked.link.tick([status()])
        assert not linked.held, "within the grace time it runs"
        hand.move(2 * 60)
        linked.link.tick([status()])
        assert linked.held == [("hall", CoverReason.REGISTER)], "after it, it is covered"
    linked.link.tick([status()])
    assert not linked.held
    stated = [entry for entry in linked.close() if isinstance(entry, register.OperatorStated)]
    assert stated[0].grace_s == 600


def test_a_fault_is_stated_as_an_interval(linked: Linked) -> None:
    linked.permit()
    began = time.time_ns() - 5_000_000_000
    linked.tell(EventKind.FAULT_BEGAN, at_ns=began, reason=CoverReason.NO_PICTURE)
    linked.tell(EventKind.FAULT_ENDED, reason=CoverReason.NO_PICTURE, began_ns=began)
    faults = [entry for entry in linked.close() if isinstance(entry, register.Fault)]
    assert len(faults) == 1
    assert (faults[0].what, faults[0].cause) == ("down", "no-picture")
    assert 4 <= (faults[0].end - faults[0].begin).total_seconds() <= 6


@pytest.mark.parametrize("reason", [reason for reason in CoverReason if reason not in {CoverReason.START}])
def test_every_reason_has_a_place_in_the_register(tmp_path: Path, reason: CoverReason) -> None:
    linked = Linked(tmp_path)
    linked.permit()
    linked.tell(EventKind.FAULT_BEGAN, reason=reason)
    linked.tell(EventKind.FAULT_ENDED, reason=reason)
    assert any(isinstance(entry, register.Fault) for entry in linked.close())


def test_selftests_are_gathered_and_a_failure_is_stated_at_once(linked: Linked) -> None:
    linked.permit()
    for _ in range(3):
        linked.tell(EventKind.SELFTEST, ok=True)
    linked.tell(EventKind.SELFTEST, camera=SELFTEST_CAMERA, ok=False)
    linked.tell(EventKind.STOPPED)
    tests = [(entry.passed, entry.runs) for entry in linked.close() if isinstance(entry, register.SelfTest)]
    assert tests == [(True, 3), (False, 1)]


def test_exclusive_access_is_stated_when_it_changes(linked: Linked) -> None:
    linked.permit()
    for word in ("untested", "untested", "not-exclusive"):
        linked.link.access("hall", word, "without login: open")
    found = [entry.exclusive for entry in linked.close() if isinstance(entry, register.AccessTested)]
    assert found == ["untested", "not-exclusive"]


def test_the_log_that_a_day_leaves_behind_verifies(tmp_path: Path) -> None:
    # it began a while ago, so that nothing it states lies in the future
    hand = HandClock()
    hand.move(-100)
    linked = Linked(tmp_path, clock=hand.clock)
    linked.permit()
    for number in range(60):
        hand.move(1)
        linked.link.tick([status(frames=number * 12)])
    linked.tell(EventKind.FAULT_BEGAN, at_ns=hand.wall_ns, reason=CoverReason.NO_PICTURE)
    for _ in range(40):
        hand.move(1)
        linked.link.tick([status(Phase.COVERED, CoverReason.NO_PICTURE, frames=36)])
    with closing(LogFollower(linked.city.register.path)) as follower:
        identifier = linked.link.identifier("hall")
        wait_for(
            lambda: (
                b'data-light="down"' in (follower.document(f"c/{identifier}/", "en") or follower.missing("en", 0)).body
            )
        )
    linked.tell(EventKind.FAULT_ENDED, at_ns=hand.wall_ns, reason=CoverReason.NO_PICTURE)
    linked.tell(EventKind.STOPPED, at_ns=hand.wall_ns)
    linked.close()
    with closing(register.LogReader.open(linked.city.register.path)) as reader:
        report = register.verify(reader)
    assert [str(problem) for problem in report.problems] == []


def test_public_counts_are_rounded_so_that_a_quiet_door_tells_of_nobody(tmp_path: Path) -> None:
    hand = HandClock()
    hand.move(-4000)
    linked = Linked(tmp_path, clock=hand.clock)
    linked.permit()
    for number in range(1, 1900):
        hand.move(1)
        # nine people in the first quarter of an hour, thirty-five more in the second
        tracks = 9 if number <= 900 else 44
        counts = WorkerCounts(frames_out=number * 12, tracks=tracks)
        linked.link.tick([CameraStatus("hall", Phase.VEILED, (), counts=counts)])
    beats = [entry for entry in linked.close() if isinstance(entry, register.Heartbeat)]
    assert [beat.faces_covered for beat in beats] == [0, 30]
    assert all((beat.end - beat.begin).total_seconds() >= 900 for beat in beats)


def test_a_log_of_another_name_is_refused(tmp_path: Path) -> None:
    Linked(tmp_path).close()
    with pytest.raises(StorageError, match=r"must be the log other\.example/log, is cameras\.example\.org/log"):
        Linked(tmp_path, TEXT.replace("cameras.example.org/log", "other.example/log"))


def test_a_damaged_list_of_cameras_is_not_written_over(tmp_path: Path) -> None:
    linked = Linked(tmp_path)
    linked.permit()
    linked.close()
    path = linked.city.register.path / "private" / "gateway.json"
    path.write_text("{")
    with pytest.raises(StorageError, match="must be readable"):
        Linked(tmp_path)
    assert path.read_text() == "{"


def test_the_folder_that_goes_away_is_noticed_and_found_again(linked: Linked) -> None:
    linked.permit()
    home = linked.city.register.path
    away = home.with_name("away")
    shutil.move(home, away)
    linked.link.access("hall", "untested", "no test")
    wait_for(lambda: linked.link.writer.failing_since_s is not None)
    shutil.move(away, home)
    wait_for(lambda: linked.link.writer.failing_since_s is None)
    assert any(isinstance(entry, register.AccessTested) for entry in linked.close())


def test_a_changed_label_is_stated_without_touching_the_camera(linked: Linked) -> None:
    linked.permit()
    statement = replace(linked.city.statements["hall"], label="North hall")
    asyncio.run(linked.link.changed(replace(linked.city, statements={"hall": statement})))
    changed = [entry for entry in linked.close() if isinstance(entry, register.CameraChanged)]
    assert [entry.label for entry in changed] == ["North hall"]


def test_what_a_camera_says_of_its_own_recognition_is_stated_once_and_when_it_changes(linked: Linked) -> None:
    linked.link.recognition("hall", ())
    linked.permit()
    for names in ((), (), ("FaceRecognition",), ("FaceRecognition",), ()):
        linked.link.recognition("hall", names)
    linked.link.recognition("unknown", ("FaceRecognition",))
    changed = [entry for entry in linked.close() if isinstance(entry, register.CameraChanged)]
    assert [entry.recognises for entry in changed] == [(), ("FaceRecognition",), ()]


def test_a_fault_that_flaps_is_one_entry(linked: Linked) -> None:
    linked.permit()
    for _ in range(50):
        linked.tell(EventKind.FAULT_BEGAN, reason=CoverReason.DETECTOR_BEHIND)
        linked.tell(EventKind.FAULT_ENDED, reason=CoverReason.DETECTOR_BEHIND)
    faults = [entry for entry in linked.close() if isinstance(entry, register.Fault)]
    assert [fault.cause for fault in faults] == ["detector-behind"]

"""What the entries must be to each other: silence, order, time, reveals, statistics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from passerby import register as r
from passerby.register.verification.findings import MAX_FINDINGS, LogFindings, LogProblem
from passerby.register.verification.history import History, HistoryState

T0 = datetime(2026, 11, 23, 8, tzinfo=UTC)
CAMERA, OTHER, CASE = "0f" * 16, "1e" * 16, "c5" * 16
DIGEST = "sha256:" + "ab" * 32
SALT = "5a" * 32
EITHER = ": backdated, or the other was ahead"
EXPLAINED = " (acknowledged by entry 5: power cut)"


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def registered(camera: str = CAMERA, hours: float = 0, heartbeat_s: int = 3600) -> r.CameraRegistered:
    return r.CameraRegistered(
        at=at(hours),
        camera=camera,
        label="Quai 3",
        purpose={"en": "safety"},
        legal_basis={"en": "order 12"},
        position="act-2024",
        retention_h=72,
        heartbeat_s=heartbeat_s,
    )


def started(hours: float, camera: str = CAMERA) -> r.RunningStarted:
    return r.RunningStarted(
        at=at(hours), camera=camera, mode="veil", software="passerby 0.1.0", configuration=DIGEST, weights=DIGEST
    )


def stopped(hours: float) -> r.RunningStopped:
    return r.RunningStopped(at=at(hours), camera=CAMERA, reason="planned")


def heartbeat(hours: float, *, begin: float | None = None, end: float | None = None) -> r.Heartbeat:
    begin, end = hours - 1 if begin is None else begin, hours if end is None else end
    return r.Heartbeat(at=at(hours), begin=at(begin), end=at(end), camera=CAMERA, frames=45_000, faces_covered=12)


def received(hours: float, case: str = CASE, reveal_by: float = 1000, value: str = "{}") -> r.RequestReceived:
    details = r.Commitment(digest=r.commit(value, SALT), reveal_by=at(reveal_by))
    return r.RequestReceived(at=at(hours), case=case, position="act-2024", details=details)


def decided(hours: float, *, approvals: int = 2) -> r.RequestDecided:
    return r.RequestDecided(at=at(hours), case=CASE, outcome="granted", approvals=approvals, needed=2, warrant=DIGEST)


def opened(hours: float) -> r.RequestOpened:
    return r.RequestOpened(at=at(hours), case=CASE, warrant=DIGEST)


def read(*entries: r.Entry, now: float | None = None) -> list[str]:
    history = History(at(now) if now is not None else max(entry.at for entry in entries))
    for index, entry in enumerate(entries):
        history.take(index, entry)
    return [str(problem) for problem in (*history.findings.open, *history.findings.explained, *history.present())]


def test_camera_with_a_heartbeat_every_hour_is_known_throughout() -> None:
    assert read(registered(), started(0), *(heartbeat(h) for h in range(1, 30)), stopped(30), now=500) == []


def test_late_beat_shows_as_a_gap_with_its_length() -> None:
    assert read(registered(), started(0), heartbeat(1), heartbeat(4), heartbeat(5)) == [
        "silence: entry 3: camera 0f0f0f0f was not known from 2026-11-23T09:00:00Z for 3:00:00"
    ]


def test_counts_stated_afterwards_do_not_close_a_gap() -> None:
    found = read(registered(), started(0), heartbeat(1), heartbeat(6, begin=1, end=6))
    assert found == ["silence: entry 3: camera 0f0f0f0f was not known from 2026-11-23T09:00:00Z for 5:00:00"]


def test_counts_that_leave_a_span_out_show_as_a_gap() -> None:
    found = read(registered(), started(0), heartbeat(1), heartbeat(2, begin=1.9, end=2))
    assert found == ["silence: entry 3: camera 0f0f0f0f has no counts from 2026-11-23T09:00:00Z for 0:54:00"]


def test_camera_that_fell_silent_is_not_known_until_now() -> None:
    assert read(registered(), started(0), heartbeat(1), now=2.4) == []
    assert read(registered(), started(0), heartbeat(1), now=26) == [
        "silence: entry 2: camera 0f0f0f0f is not known since 2026-11-23T09:00:00Z for 1 day, 1:00:00, until now"
    ]


def test_restart_after_a_crash_shows_the_gap() -> None:
    found = read(registered(), started(0), heartbeat(1), started(8), heartbeat(9))
    assert found == ["silence: entry 3: camera 0f0f0f0f was not known from 2026-11-23T09:00:00Z for 7:00:00"]


def test_stop_long_after_the_last_beat_shows_the_gap() -> None:
    assert read(registered(), started(0), heartbeat(1), stopped(9))[0].startswith("silence: entry 3")


def test_stopped_and_retired_cameras_owe_no_beat() -> None:
    gone = r.CameraRetired(at=at(2), camera=CAMERA, reason="closed")
    assert read(registered(), started(0), heartbeat(1), stopped(1.5), now=999) == []
    assert read(registered(), started(0), heartbeat(1), gone, now=999) == []


def test_heartbeat_interval_is_the_camera_s_own() -> None:
    assert read(registered(heartbeat_s=86_400), started(0), heartbeat(24, begin=0), heartbeat(48, begin=24)) == []
    changed = r.CameraChanged(at=at(0), camera=CAMERA, heartbeat_s=86_400)
    assert read(registered(), changed, started(0), heartbeat(24, begin=0)) == []


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ((started(0),), "order: entry 0: camera 0f0f0f0f is not registered"),
        ((registered(), registered(hours=1)), "order: entry 1: camera 0f0f0f0f is registered a second time"),
        ((registered(), heartbeat(1)), "order: entry 1: camera 0f0f0f0f has a heartbeat, but was not started"),
        (
            (registered(), r.CameraRetired(at=at(0), camera=CAMERA, reason="x"), started(1)),
            "order: entry 2: camera 0f0f0f0f is retired",
        ),
        ((opened(0),), "opening: entry 0: case c5c5c5c5 was never received"),
        ((received(0), received(1)), "order: entry 1: case c5c5c5c5 is received a second time"),
        ((received(0), opened(1)), "opening: entry 1: case c5c5c5c5 is opened, but was not granted"),
        (
            (received(0), decided(1), r.RequestWithdrawn(at=at(2), case=CASE), opened(3)),
            "opening: entry 3: case c5c5c5c5 is opened, but was not granted",
        ),
        (
            (received(0), r.RequestRefused(at=at(1), case=CASE, by="law"), decided(2), opened(3)),
            "opening: entry 3: case c5c5c5c5 is opened, but was not granted",
        ),
        ((received(0), decided(1, approvals=1)), "opening: entry 1: case c5c5c5c5 needs 2 approvals, has 1"),
        (
            (registered(), started(0), heartbeat(1, begin=0, end=2)),
            "time: entry 2: counts must end before 2026-11-23T09:00:00Z, end 2026-11-23T10:00:00Z",
        ),
        (
            (r.Remark(at=at(5), text="a"), r.Remark(at=at(4), text="b")),
            f"time: entry 1: is of 2026-11-23T12:00:00Z, long before 2026-11-23T13:00:00Z of entry 0{EITHER}",
        ),
    ],
)
def test_contradiction_is_named(entries: tuple[r.Entry, ...], words: str) -> None:
    assert read(*entries) == [words]


def test_neighbours_may_run_a_little_out_of_order_and_the_future_is_named() -> None:
    assert read(r.Remark(at=at(5), text="a"), r.Remark(at=at(4.95), text="b")) == []
    assert read(r.Remark(at=at(5), text="a"), now=4) == [
        "time: entry 0: must not be ahead of now, is of 2026-11-23T13:00:00Z"
    ]


def test_entry_dated_after_the_witnesses_saw_it_is_named() -> None:
    history = History(at(9), seen=at(4))
    history.take(0, r.Remark(at=at(5), text="a"))
    assert [str(problem) for problem in history.findings.open] == [
        "time: entry 0: must not be ahead of 2026-11-23T12:00:00Z, when witnesses saw it, is of 2026-11-23T13:00:00Z"
    ]


def reveal(hours: float, *, entry: int = 0, value: str = "{}", salt: str = SALT) -> r.Reveal:
    return r.Reveal(at=at(hours), entry=entry, salt=salt, value=value)


def test_granted_opened_and_revealed_in_time_is_all_right() -> None:
    told = r.RequestNotified(at=at(5), case=CASE, outcome="told")
    assert read(received(0, reveal_by=10), decided(1), opened(2), told, reveal(9), now=99) == []


def test_reveal_that_is_late_missing_or_wrong_is_named() -> None:
    asked = received(0, reveal_by=10)
    assert read(asked, reveal(11)) == ["late-reveal: entry 1: entry 0 had to be revealed by 2026-11-23T18:00:00Z"]
    assert read(asked, now=9) == []
    assert read(asked, now=11) == ["late-reveal: entry 0: must be revealed by 2026-11-23T18:00:00Z, was not"]
    wrong = "wrong-reveal: entry 1: value does not match the commitment of entry 0"
    assert read(asked, reveal(5, value='{"camera":"x"}')) == [wrong]
    assert read(asked, reveal(5, salt="00" * 32)) == [wrong]
    assert read(asked, reveal(5, value="{} "), reveal(6)) == [wrong], "a right one may follow"
    assert read(r.Remark(at=at(0), text="a"), reveal(1)) == ["wrong-reveal: entry 1: entry 0 holds no commitment"]
    assert read(asked, reveal(1, entry=7))[0] == "wrong-reveal: entry 1: entry 7 holds no commitment"


def test_year_s_statistics_must_be_those_of_the_log() -> None:
    def year(**changes: int) -> r.YearStatistics:
        counts = {"requests": 2, "granted": 1, "refused": 1, "withdrawn": 0, "opened": 1, "notified": 0, **changes}
        return r.YearStatistics.model_validate({"at": at(20), "year": 2026, "cameras": 0, **counts})

    refused = r.RequestRefused(at=at(3), case=OTHER, by="authorities")
    entries = (received(0), decided(1), opened(2), received(2, case=OTHER), refused)
    assert read(*entries, year()) == []
    assert read(*entries, year(requests=1, opened=0)) == [
        "statistics: entry 5: requests of 2026 must be 2 as in the log, got 1",
        "statistics: entry 5: opened of 2026 must be 1 as in the log, got 0",
    ]


def remark(hours: float) -> r.Remark:
    return r.Remark(at=at(hours), text="a")


def acknowledged(hours: float, finding: str, entry: int) -> r.FindingAcknowledged:
    return r.FindingAcknowledged.model_validate(
        {"at": at(hours), "finding": finding, "entry": entry, "reason": "power cut"}
    )


@pytest.mark.parametrize("ahead_h", [1, 24 * 365, 24 * 365 * 73])
def test_entry_that_was_ahead_is_named_once_and_makes_no_later_one_backdated(ahead_h: float) -> None:
    entries = (remark(0), remark(ahead_h), *(remark(h / 100) for h in range(1, 99)))
    (found,) = read(*entries, now=ahead_h + 1)
    assert found.startswith(
        f"time: entry 2: is of 2026-11-23T08:00:36Z, long before {r.format_instant(at(ahead_h))} of entry 1"
    )
    (found,) = read(*entries, now=1)
    assert "entry 1" in found, "the one that was ahead"


def test_clock_that_was_ahead_for_many_entries_is_named_once_when_it_is_set_right() -> None:
    (found,) = read(*(remark(9000 + h) for h in range(30)), *(remark(h) for h in range(50)), now=99_999)
    assert found.startswith("time: entry 30: is of")


def test_every_backdated_entry_among_right_ones_is_named() -> None:
    found = read(remark(0), remark(100), remark(1), remark(101), remark(2), remark(1), remark(102), now=200)
    assert [line.partition(": is of")[0] for line in found] == ["time: entry 2", "time: entry 4", "time: entry 5"]


def test_camera_of_a_beat_dated_years_ahead_falls_silent_all_the_same() -> None:
    ahead = heartbeat(24 * 365 * 70)
    beat: list[r.Entry] = [registered(), started(0), heartbeat(1), ahead]
    assert [line.split(":")[0] for line in read(*beat, now=9)] == ["time", "silence", "silence"]
    later = read(*beat, heartbeat(2, begin=1), heartbeat(3), now=3.1)
    assert [line for line in later if line.startswith("silence: entry 5")] == [], "its next beats count"


def test_instants_at_the_ends_of_the_calendar_end_in_no_error() -> None:
    first, last = datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)  # of an entry
    for now in (at(0), datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        for order in ((first, last), (last, first), (first, at(0), last, at(1), first)):
            history = History(now, seen=at(0))
            history.take(0, registered())
            history.take(1, started(0))
            for index, when in enumerate(order, 2):
                beat = heartbeat(1).model_copy(update={"at": when, "begin": when, "end": when})
                history.take(index, beat)
            assert history.present() is not None


def test_opening_without_a_grant_can_be_acknowledged_by_nobody() -> None:
    assert "opening" in LogProblem.KINDS
    assert "opening" not in LogProblem.EXPLAINABLE
    with pytest.raises(ValidationError):
        r.FindingAcknowledged(at=at(5), finding="opening", entry=3, reason="by mistake")  # type: ignore[arg-type]


def test_acknowledged_finding_is_listed_with_its_reason_and_counts_no_more() -> None:
    entries: list[r.Entry] = [registered(), started(0), heartbeat(1), heartbeat(4), heartbeat(5)]
    entries.append(acknowledged(5.2, "silence", 3))
    history = History(at(6))
    for index, entry in enumerate(entries):
        history.take(index, entry)
    assert history.findings.open == history.present() == []
    assert [str(problem) for problem in history.findings.explained] == [
        f"silence: entry 3: camera 0f0f0f0f was not known from 2026-11-23T09:00:00Z for 3:00:00{EXPLAINED}"
    ]
    history = History(at(9))
    for index, entry in enumerate([*entries, heartbeat(9)]):
        history.take(index, entry)
    assert [(problem.kind, problem.index) for problem in history.findings.open] == [("silence", 6)], (
        "the next one counts"
    )


def test_silence_that_was_acknowledged_while_it_lasts_stays_acknowledged_to_its_end_and_no_longer() -> None:
    def explained(*entries: r.Entry, now: float) -> list[bool]:
        history = History(at(now))
        for index, entry in enumerate(entries):
            history.take(index, entry)
        return [
            bool(found.explained) for found in (*history.findings.open, *history.findings.explained, *history.present())
        ]

    silent = (registered(), started(0), heartbeat(1))
    assert explained(*silent, acknowledged(1.1, "silence", 2), now=9) == [False], "before it was silent"
    asked = (*silent, acknowledged(5, "silence", 2))
    assert explained(*asked, now=9) == [True]
    assert explained(*asked, heartbeat(9), now=9) == [True]
    assert explained(*asked, heartbeat(9), now=99) == [True, False]


def test_late_reveal_is_acknowledged_only_once_it_is_late() -> None:
    asked = received(0, reveal_by=10)
    assert read(asked, acknowledged(9, "late-reveal", 0), now=11)[0].endswith("was not")
    assert read(asked, acknowledged(11, "late-reveal", 0), now=12)[0].endswith("(acknowledged by entry 1: power cut)")
    after = read(asked, acknowledged(11, "late-reveal", 0), reveal(12))
    assert after[0].endswith("had to be revealed by 2026-11-23T18:00:00Z (acknowledged by entry 1: power cut)")


def test_acknowledgement_of_another_kind_entry_or_of_what_comes_later_changes_nothing() -> None:
    gap = (registered(), started(0), heartbeat(1), heartbeat(4))
    for wrong in (acknowledged(5, "order", 3), acknowledged(5, "silence", 2), acknowledged(5, "time", 0)):
        assert any("was not known from" in line and "acknowledged" not in line for line in read(*gap, wrong))
    found = read(acknowledged(0, "silence", 0), remark(1))
    assert found == ["order: entry 0: acknowledges entry 0, which must stand before it"]


def test_findings_beyond_a_number_are_counted() -> None:
    findings = LogFindings()
    for index in range(MAX_FINDINGS + 3):
        findings.say("order", "x", index)
    assert (len(findings.open), findings.dropped) == (MAX_FINDINGS, 3)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.data())
def test_log_read_visit_by_visit_is_found_as_when_it_is_read_at_once(hours: list[int], data: st.DataObject) -> None:
    kinds: list[Callable[[float], r.Entry]] = [started, heartbeat, stopped, remark, opened, reveal]
    kinds += [lambda h: registered(hours=h), lambda h: received(h, reveal_by=h + 3)]
    entries: list[r.Entry] = [data.draw(st.sampled_from(kinds))(h) for h in hours]
    entries.append(acknowledged(31, "silence", data.draw(st.integers(0, len(entries)))))
    whole = History(at(40))
    state, saver = HistoryState(), TypeAdapter(HistoryState)
    for index, entry in enumerate(entries):
        whole.take(index, entry)
        visit = History(at(40), state=saver.validate_json(saver.dump_json(state)))
        visit.take(index, entry)
        state = visit.saved()
    assert (visit.findings.open, visit.findings.explained) == (whole.findings.open, whole.findings.explained)
    assert visit.present() == whole.present()
    assert state == whole.saved()

"""What the entries must be to each other: silence, order, time, reveals, statistics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from passerby import register as r
from passerby.register.verification.history import History

T0 = datetime(2026, 11, 23, 8, tzinfo=UTC)
CAMERA, OTHER, CASE = "0f" * 16, "1e" * 16, "c5" * 16
DIGEST = "sha256:" + "ab" * 32
SALT = "5a" * 32


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
    history = History()
    for index, entry in enumerate(entries):
        history.take(index, entry)
    history.finish(at(now) if now is not None else max(entry.at for entry in entries))
    return [str(problem) for problem in history.problems]


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
        "silence: camera 0f0f0f0f is not known since 2026-11-23T09:00:00Z for 1 day, 1:00:00, until now"
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
        ((opened(0),), "order: entry 0: case c5c5c5c5 was never received"),
        ((received(0), received(1)), "order: entry 1: case c5c5c5c5 is received a second time"),
        ((received(0), opened(1)), "order: entry 1: case c5c5c5c5 is opened, but was not granted"),
        (
            (received(0), decided(1), r.RequestWithdrawn(at=at(2), case=CASE), opened(3)),
            "order: entry 3: case c5c5c5c5 is opened, but was not granted",
        ),
        (
            (received(0), r.RequestRefused(at=at(1), case=CASE, by="law"), decided(2), opened(3)),
            "order: entry 3: case c5c5c5c5 is opened, but was not granted",
        ),
        ((received(0), decided(1, approvals=1)), "order: entry 1: case c5c5c5c5 needs 2 approvals, has 1"),
        (
            (registered(), started(0), heartbeat(1, begin=0, end=2)),
            "time: entry 2: counts must end before 2026-11-23T09:00:00Z, end 2026-11-23T10:00:00Z",
        ),
        (
            (r.Remark(at=at(5), text="a"), r.Remark(at=at(4), text="b")),
            "time: entry 1: is of 2026-11-23T12:00:00Z, long before 2026-11-23T13:00:00Z of an earlier entry: backdated",
        ),
    ],
)
def test_contradiction_is_named(entries: tuple[r.Entry, ...], words: str) -> None:
    assert read(*entries) == [words]


def test_neighbours_may_run_a_little_out_of_order_and_the_future_is_named() -> None:
    assert read(r.Remark(at=at(5), text="a"), r.Remark(at=at(4.95), text="b")) == []
    assert read(r.Remark(at=at(5), text="a"), now=4) == [
        "time: newest entry must not be ahead of now, is of 2026-11-23T13:00:00Z"
    ]


def test_entry_dated_after_the_witnesses_saw_it_is_named() -> None:
    history = History()
    history.take(0, r.Remark(at=at(5), text="a"))
    history.finish(at(9), seen=at(4))
    assert [str(problem) for problem in history.problems] == [
        "time: newest entry must not be ahead of 2026-11-23T12:00:00Z, when witnesses saw it, is of 2026-11-23T13:00:00Z"
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

"""Entries about locked faces: announced a week ahead, for whom and how long; kept no longer; tested in their order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from passerby import register as r
from passerby.errors import EntryError
from passerby.register.log.personal import personal_texts
from passerby.register.log.plausible import check_plausible
from passerby.register.seal_schedule import laxer
from passerby.register.verification.history import History, HistoryState

T0 = datetime(2026, 11, 23, 8, tzinfo=UTC)
CAMERA, CASE, TEST = "0f" * 16, "c5" * 16, "7e" * 16
DIGEST, SALT = "sha256:" + "ab" * 32, "5a" * 32
WEEK_H = 168.0
NAMES = ("court", "authority", "ombudsman", "bar", "church", "university", "union")


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def sealed(hours: float, begins: float, retention_h: int = 72, *, needed: int = 2, of: int = 3) -> r.SealAnnounced:
    if retention_h == 0:
        return r.SealAnnounced(at=at(hours), camera=CAMERA, begins=at(begins), retention_h=0)
    authorities = tuple(
        r.AnnouncedAuthority(name=name, role=name, key="sha256:" + f"{place:02x}" * 32)
        for place, name in enumerate(NAMES[:of])
    )
    custodian = r.AnnouncedCustodian(name="authority", who="authority")
    return r.SealAnnounced(
        at=at(hours),
        camera=CAMERA,
        begins=at(begins),
        retention_h=retention_h,
        needed=needed,
        authorities=authorities,
        custodian=custodian,
    )


def camera() -> list[r.Entry]:
    return [
        r.CameraRegistered(
            at=T0,
            camera=CAMERA,
            label="Quai 3",
            purpose={"en": "safety"},
            legal_basis={"en": "order 12"},
            position="act-2024",
            retention_h=72,
            heartbeat_s=86_400,
        )
    ]


def counted(hours: float, roots: int = 1) -> r.Heartbeat:
    return r.Heartbeat(
        at=at(hours),
        begin=at(hours - 1),
        end=at(hours),
        camera=CAMERA,
        frames=9,
        faces_covered=10,
        sealed_roots=("ab" * 32,) * roots or None,
        pieces_sealed=10 if roots else None,
    )


def shredded(hours: float, begin: float, end: float) -> r.RetentionShredded:
    return r.RetentionShredded(at=at(hours), begin=at(begin), end=at(end), camera=CAMERA, keys=1)


def found(*entries: r.Entry, now: float | None = None) -> list[str]:
    """What a verifier names, of sealing and openings; running is not what is tested here."""
    history = History(at(now) if now is not None else max(entry.at for entry in entries))
    for index, entry in enumerate([*camera(), *entries]):
        history.take(index, entry)
    problems = [*history.findings.open, *history.present()]
    return [
        str(one) for one in problems if one.kind in {"sealing", "opening", "order"} and "not started" not in one.text
    ]


def test_nothing_is_in_force_until_it_begins_and_after_it_was_ended() -> None:
    schedule = r.SealSchedule()
    assert schedule.at(T0) is None
    first = sealed(0, WEEK_H)
    schedule.add(first)
    assert schedule.at(at(WEEK_H - 1)) is None
    assert schedule.coming(T0) == first
    assert schedule.at(at(WEEK_H)) == first
    assert schedule.coming(at(WEEK_H)) is None
    schedule.add(sealed(200, 200, 0))
    assert schedule.at(at(199)) == first
    assert schedule.at(at(200)) is None


def test_an_end_takes_back_what_had_not_begun() -> None:
    schedule = r.SealSchedule([sealed(0, WEEK_H)])
    schedule.add(sealed(1, 1, 0))
    assert schedule.at(at(WEEK_H + 1)) is None


@pytest.mark.parametrize(
    ("next_one", "what"),
    [
        (sealed(500, 501, 48), None),
        (sealed(500, 501, 0), None),
        (sealed(500, 501, 72, needed=3), None),
        (sealed(500, 500 + WEEK_H, 96), None),
        (sealed(500, 501, 73), "keeping faces for 73 hours instead of 72"),
        (sealed(500, 499 + WEEK_H, 73), "keeping faces for 73 hours instead of 72"),
        (sealed(500, 501, 72, of=4), "locking faces to other authorities"),
        (sealed(500, 501, 24, of=4), "locking faces to other authorities"),
        (sealed(500, 501, 72, of=2), "locking faces to other authorities"),
    ],
)
def test_only_what_keeps_no_more_may_begin_at_once(next_one: r.SealAnnounced, what: str | None) -> None:
    breach = r.SealSchedule([sealed(0, WEEK_H)]).breach(next_one, next_one.at)
    assert (breach is None) if what is None else (breach or "").startswith(what)


def test_fewer_needed_or_another_custodian_is_laxer() -> None:
    strict = sealed(0, WEEK_H, needed=3)
    assert laxer(sealed(0, WEEK_H), strict) == "opening with 2 authorities instead of 3"
    own = strict.model_copy(update={"custodian": r.AnnouncedCustodian(name="operator", who="operator")})
    assert laxer(own, strict) == "another custodian"
    assert laxer(strict, strict) is None


def test_what_was_promised_for_a_later_day_is_not_taken_back_at_once() -> None:
    """72 hours in force, 24 promised from hour 510 on; 71 at once would undo the promise without notice."""
    schedule = r.SealSchedule([sealed(0, WEEK_H), sealed(490, 510, 24)])
    assert "for 71 hours instead of 24" in (schedule.breach(sealed(500, 501, 71), at(500)) or "")
    assert schedule.breach(sealed(500, 501, 24), at(500)) is None


TERMS = st.tuples(st.integers(0, 400), st.integers(0, 400), st.sampled_from([0, 24, 48, 72]), st.integers(2, 3))


@given(st.lists(TERMS, min_size=1, max_size=8))
def test_whoever_read_the_log_a_week_ago_is_never_surprised(steps: list[tuple[int, int, int, int]]) -> None:
    """A model, hour by hour: without a breach no hour ever allows more than was announced for it a week before."""
    schedule, stated, now = r.SealSchedule(), [], 0
    for waits, ahead, hours, needed in steps:
        now += waits
        entry = sealed(now, now + ahead, hours, needed=needed)
        if schedule.breach(entry, entry.at) is None:
            schedule.add(entry)
            stated.append(entry)
    for hour in range(0, now + 600, 23):
        known = r.SealSchedule()
        for one in stated:
            if one.at <= at(hour - WEEK_H):
                known.add(one)
        real = r.SealSchedule()
        for one in stated:
            if one.at <= at(hour):
                real.add(one)
        in_force = real.at(at(hour))
        assert in_force is None or laxer(in_force, known.at(at(hour))) is None


def test_verifier_names_what_began_too_soon() -> None:
    text = "must be announced 7 days ahead: stated 2026-11-23T09:00:00Z, begins 2026-11-23T10:00:00Z"
    assert found(sealed(1, 2)) == [f"sealing: entry 1: camera 0f0f0f0f: keeping faces locked {text}"]
    assert found(sealed(1, 1 + WEEK_H), counted(2 + WEEK_H)) == []


def test_an_announcement_dated_back_counts_from_the_entry_before_it() -> None:
    before = r.Remark(at=at(100), text="a remark")
    assert len(found(before, sealed(1, 1 + WEEK_H), now=200)) == 1
    assert found(r.Remark(at=at(1.02), text="a remark"), sealed(1, 1 + WEEK_H), now=200) == []


def test_sealing_that_no_entry_announces_is_named() -> None:
    assert found(counted(5)) == [
        "sealing: entry 1: camera 0f0f0f0f keeps faces locked, which no entry announces for then"
    ]
    assert found(counted(5, roots=0)) == []
    assert len(found(sealed(1, 1 + WEEK_H), counted(WEEK_H))) == 1, "not in force yet"
    ended = sealed(300, 300, 0)
    assert found(sealed(1, 1 + WEEK_H), ended, counted(301.1)) == [], "what was sealed before it ended is counted after"
    assert len(found(sealed(1, 1 + WEEK_H), ended, counted(303))) == 1


@pytest.mark.parametrize("field", ["tracks_sealed", "pieces_sealed"])
def test_each_count_of_locked_faces_is_held_against_the_announcement(field: str) -> None:
    assert len(found(counted(5, roots=0).model_copy(update={field: 10}))) == 1


def test_start_that_says_it_seals_is_held_against_the_announcement() -> None:
    start = r.RunningStarted(
        at=at(5), camera=CAMERA, mode="veil-and-seal", software="x", configuration=DIGEST, weights=DIGEST
    )
    assert len(found(start)) == 1
    assert len(found(r.CameraChanged(at=at(5), camera=CAMERA, sealed_h=72))) == 1


def test_keys_are_to_be_destroyed_within_a_day_of_their_retention() -> None:
    began = WEEK_H + 2
    kept: list[r.Entry] = [sealed(1, 1 + WEEK_H), counted(began)]
    late = began - 1 + 72 + 1 + 24.5
    words = "keys of camera 0f0f0f0f had to be destroyed by"
    assert found(*kept, now=late - 1) == []
    assert [words in one for one in found(*kept, now=late)] == [True]
    assert found(*kept, shredded(late - 1, began - 2, began + 1), now=late + 100) == []
    assert [words in one for one in found(*kept, shredded(late, began - 2, began + 1), now=late)] == [True]
    part = found(*kept, counted(began + 10), shredded(late - 1, began - 2, began + 1), now=late + 20)
    assert [words in one for one in part] == [True], "only a part of them"
    apart = [
        *kept,
        counted(began + 10),
        shredded(began + 90, began + 9, began + 10),
        shredded(began + 91, began - 2, began),
    ]
    assert found(*apart, now=late + 100) == [], "hours between, in which nothing was sealed, need no word"


def test_each_span_is_held_to_the_retention_that_it_was_sealed_under() -> None:
    """A longer retention that is announced later does not lengthen what was sealed before, nor does a shorter one shorten it."""
    began = WEEK_H + 2
    changed = 2 * WEEK_H + 2
    longer: list[r.Entry] = [
        sealed(1, 1 + WEEK_H, 24),
        counted(began),
        sealed(changed - WEEK_H, changed, 720),
        counted(changed + 2),
    ]
    late = began - 1 + 24 + 1 + 24.5
    assert len(found(*longer[:2], now=late)) == 1
    assert len(found(*longer, now=changed + 3)) == 1
    assert len(found(*longer, shredded(changed + 3, began - 2, began + 1), now=changed + 4)) == 1
    in_time: list[r.Entry] = [*longer[:3], shredded(began + 30, began - 2, began + 1), longer[3]]
    assert found(*in_time, now=changed + 700) == []


def received() -> r.RequestReceived:
    details = r.Commitment(digest=r.commit("{}", SALT), reveal_by=at(9000))
    return r.RequestReceived(at=at(1), case=CASE, position="act-2024", details=details)


def test_pieces_are_held_for_a_pending_request_only() -> None:
    held = r.SealHeld(at=at(2), camera=CAMERA, case=CASE, pieces=(DIGEST,), until=at(200))
    assert found(received(), held) == []
    wrong = "sealing: entry {}: pieces are held for case c5c5c5c5, which is not pending"
    assert found(held) == [wrong.format(1)]
    refused = r.RequestRefused(at=at(1.5), case=CASE, by="law")
    assert found(received(), refused, held) == [wrong.format(3)]
    with pytest.raises(EntryError, match="until must be after at"):
        r.entry_from_fields(held.model_dump(mode="json") | {"until": "2026-11-23T10:00:00Z"})
    with pytest.raises(EntryError, match="must end within 90 days, got 91"):
        check_plausible(held.model_copy(update={"until": at(2 + 91 * 24)}))


def steps_of_a_test() -> list[Any]:
    details = r.Commitment(digest=r.commit("{}", SALT), reveal_by=at(9000))
    return [
        r.SealTestPlanned(at=at(1), test=TEST, details=details),
        r.SealTestAnnounced(at=at(2), test=TEST, camera=CAMERA, pieces=(DIGEST,), requester=DIGEST),
        r.SealTestOpened(at=at(3), test=TEST, camera=CAMERA, pieces=(DIGEST,), passed=True),
    ]


def test_a_test_is_planned_then_announced_then_opened() -> None:
    plan, announced, opened = steps_of_a_test()
    assert found(plan, announced, opened) == []
    assert found(announced, opened) == [
        "opening: entry 1: test 7e7e7e7e was not planned: its pieces must not be opened"
    ]
    assert found(plan, opened) == ["opening: entry 2: test 7e7e7e7e opened pieces, but was not announced"]
    assert found(plan, announced, opened, opened)[0].startswith("opening: entry 4: test 7e7e7e7e opened pieces")
    assert "announced a second time" in found(plan, announced, announced, opened)[0]
    assert found(plan, plan)[0] == "order: entry 2: test 7e7e7e7e is planned a second time"
    other = opened.model_copy(update={"pieces": ("sha256:" + "cd" * 32,)})
    assert found(plan, announced, other)[0].endswith("opened other pieces than were announced")


def test_a_test_without_a_result_is_named_after_a_week() -> None:
    plan, announced, _ = steps_of_a_test()
    assert found(plan, announced, now=2 + WEEK_H) == []
    assert found(plan, announced, now=3 + WEEK_H) == [
        "sealing: entry 2: test 7e7e7e7e has no result 7 days after it was announced"
    ]


def test_what_is_known_of_sealing_is_kept_between_visits() -> None:
    saver = TypeAdapter(HistoryState)
    entries = [*camera(), sealed(1, 1 + WEEK_H), *steps_of_a_test()[:2], counted(WEEK_H + 3)]
    history = History(at(900))
    for index, entry in enumerate(entries):
        history.take(index, entry)
    again = History(at(900), state=saver.validate_json(saver.dump_json(history.saved())))
    assert [str(one) for one in again.present()] == [str(one) for one in history.present()]
    assert {one.kind for one in again.present()} >= {"sealing"}
    again.take(len(entries), sealed(900, 901, 24))
    assert [one for one in again.findings.open if one.kind == "sealing"] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: one | {"needed": 1}, "greater than or equal to 2"),
        (lambda one: one | {"needed": 4}, "needed must be at most 3, as many as there are authorities"),
        (lambda one: one | {"begins": "2026-11-23T07:00:00Z"}, "begins must not be before at"),
        (lambda one: one | {"authorities": [one["authorities"][0]] * 2}, "authorities must differ in name"),
        (lambda one: {k: v for k, v in one.items() if k != "custodian"}, "must be stated where faces are kept"),
        (lambda one: one | {"retention_h": 0}, "must be left out where retention_h is 0"),
    ],
)
def test_an_announcement_that_says_too_little_or_too_much_is_refused(
    change: Callable[[dict[str, Any]], dict[str, Any]], words: str
) -> None:
    fields = sealed(0, WEEK_H).model_dump(mode="json")
    with pytest.raises(EntryError, match=words):
        r.entry_from_fields(change(fields))


def test_writer_asks_about_a_person_named_as_authority_and_refuses_a_retention_of_years() -> None:
    entry = sealed(0, WEEK_H)
    named = r.AnnouncedAuthority(name="Judge Maria Weber", role="court", key=DIGEST)
    asked = entry.model_copy(update={"authorities": (named, *(entry.authorities or ())[1:])})
    assert personal_texts(asked) == ["authorities.name looks as if it held a person's name"]
    assert personal_texts(entry) == []
    with pytest.raises(EntryError, match="must be at most 720 hours"):
        check_plausible(entry.model_copy(update={"retention_h": 721}))

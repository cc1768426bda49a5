from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import RegisterError
from passerby.register import (
    AccessTested,
    CameraChanged,
    CameraRetired,
    Commitment,
    Entry,
    Fault,
    Heartbeat,
    RequestReceived,
    RequestRefused,
    RetentionShredded,
    Reveal,
    RunningStopped,
    SelfTest,
    commit,
    decode_entry,
    encode_entry,
)
from passerby.web.register.camera import DAYS_KEPT, HOURS_KEPT, LISTED
from passerby.web.register.state import MAX_CAMERAS, NEWS_KEPT, State
from passerby.web.register.status import Light, hidden_requests, late_reveals, status_of

if TYPE_CHECKING:
    from tests.web_register.conftest import City

HOUR = timedelta(hours=1)
Life = Callable[[int], st.SearchStrategy[list[Entry]]]
INDEXES = {"index", "before", "first", "last", "sources", "entries", "size"}


def read(entries: list[Entry]) -> State:
    state = State()
    for index, entry in enumerate(entries):
        state.add(index, entry)
    return state


def without_places(value: object) -> object:
    """A state without where in the log things stand."""
    if isinstance(value, dict):
        return {name: without_places(inner) for name, inner in value.items() if name not in INDEXES}
    return [without_places(inner) for inner in value] if isinstance(value, list) else value


@st.composite
def lives(draw: st.DrawFn, city: City, number: int) -> list[Entry]:
    """What may happen to one camera, in any order, with heartbeats that may leave gaps, overlap or come late."""
    made = type(city)(city.begin)
    made.register(number)
    hour = 0.0
    for what in draw(st.lists(st.sampled_from("SSBBBBBGOLXTFAC"), max_size=40)):
        camera, at = made.name(number), made.begin + hour * HOUR
        match what:
            case "S":
                made.start(number, hour)
            case "B":
                made.heartbeat(number, hour, faces=draw(st.integers(0, 500)))
                hour += 1
            case "G":
                hour += draw(st.integers(1, 9))
            case "O":
                made.heartbeat(number, max(0, hour - 2))
            case "L":
                made.heartbeat(number, hour, late=draw(st.integers(0, 5)))
                hour += 1
            case "X":
                made.add(RunningStopped(at=at, camera=camera, reason="planned"))
            case "T":
                made.add(SelfTest(at=at, camera=camera, passed=draw(st.booleans())))
            case "F":
                made.add(Fault(at=at, camera=camera, begin=at, end=at, what="stalled", cause="x"))
            case "A":
                made.add(AccessTested(at=at, camera=camera, exclusive="tested"))
            case "C":
                made.add(CameraChanged(at=at, camera=camera, label=draw(st.sampled_from(["a", "b"]))))
    return made.entries


@pytest.fixture
def any_life(city: City) -> Life:
    return lambda number: lives(city, number)


def test_state_read_in_two_parts_and_saved_between_is_the_state_read_at_once(any_life: Life) -> None:
    @settings(max_examples=60, deadline=None)
    @given(any_life(0), st.integers(0, 50))
    def check(entries: list[Entry], cut: int) -> None:
        state = read(entries[:cut])
        state = State.model_validate_json(state.model_dump_json())
        for index, entry in enumerate(entries[cut:], min(cut, len(entries))):
            state.add(index, entry)
        assert state == read(entries)

    check()


def test_entries_read_again_change_nothing(any_life: Life) -> None:
    @settings(max_examples=30, deadline=None)
    @given(any_life(0))
    def check(entries: list[Entry]) -> None:
        state = read(entries)
        before = state.model_dump_json()
        for index, entry in enumerate(entries):
            state.add(index, entry)
        assert state.model_dump_json() == before

    check()


def test_what_happens_to_one_camera_does_not_depend_on_how_others_are_mixed_in(any_life: Life) -> None:
    @settings(max_examples=40, deadline=None)
    @given(any_life(0), any_life(1), st.randoms(use_true_random=False))
    def check(one: list[Entry], two: list[Entry], random: Random) -> None:
        left, right, mixed = list(one), list(two), []
        while left or right:
            mixed.append((left if left and (not right or random.random() < 0.5) else right).pop(0))
        together, apart = read(mixed), [read(one), read(two)]
        cameras = [without_places(json.loads(camera.model_dump_json())) for camera in together.cameras.values()]
        expected = [without_places(json.loads(c.model_dump_json())) for s in apart for c in s.cameras.values()]
        key = str
        assert sorted(cameras, key=key) == sorted(expected, key=key)

    check()


def test_every_second_since_the_start_is_either_stated_or_in_a_gap(city: City) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.integers(0, 7), min_size=1, max_size=18))
    def check(pauses: list[int]) -> None:
        made = type(city)(city.begin).register(0).start(0)
        hour = 0
        for pause in pauses:
            hour += pause
            made.heartbeat(0, hour)
            hour += 1
        camera = made.state().cameras[made.name(0)]
        assert sum(row.stated_s for row in camera.hours) + camera.gap_s == hour * 3600
        assert [round((gap.end - gap.begin) / HOUR) for gap in camera.gaps] == [p for p in pauses if p]

    check()


def test_entry_that_is_not_the_next_is_refused(city: City) -> None:
    state = city.operator().state()
    with pytest.raises(RegisterError, match="must be the next one, 1, got 2"):
        state.add(2, city.entries[0])


def test_more_cameras_than_pages_can_hold_are_refused_each_time(city: City) -> None:
    state = city.register(0).state()
    one = state.cameras[city.name(0)]
    state.cameras.update({f"f{number:031x}": one for number in range(1, MAX_CAMERAS)})
    for _ in range(2):
        with pytest.raises(RegisterError, match="at most 50000 cameras"):
            state.add(1, city.register(1).entries[-1])
    state.add(1, city.start(0).entries[-1])
    assert state.size == 2


def test_entries_of_unknown_kinds_are_passed_over_and_counted(city: City) -> None:
    state = city.operator().state()
    state.skip(1)
    state.skip(1)
    assert (state.size, state.unread) == (2, [1])


def test_state_is_bounded_however_long_the_log(city: City) -> None:
    city.register(0).start(0)
    for hour in range(0, 40 * 24, 2):
        city.heartbeat(0, hour)
        at = city.begin + hour * HOUR
        city.add(Fault(at=at, camera=city.name(0), begin=at, end=at, what="down", cause="x"))
    state = city.state()
    camera = state.cameras[city.name(0)]
    assert (len(camera.hours), len(camera.days)) == (HOURS_KEPT, DAYS_KEPT)
    assert (len(camera.faults), len(camera.gaps), len(state.news)) == (LISTED, LISTED, NEWS_KEPT)
    assert camera.fault_count == 480
    assert len(state.model_dump_json()) < 60_000


def test_changed_fields_point_to_the_entry_that_changed_them(city: City) -> None:
    city.operator().register(0).add(CameraChanged(at=city.begin, camera=city.name(0), label="New name", retention_h=24))
    camera = city.state().cameras[city.name(0)]
    assert camera.registered
    assert (camera.registered.entry.label, camera.registered.entry.retention_h) == ("New name", 24)
    assert camera.registered.entry.purpose["en"] == "Crowd safety on the platform"
    assert (camera.sources["label"], camera.sources["retention_h"], camera.sources["purpose"]) == (2, 2, 1)


def test_heartbeats_of_a_time_told_before_are_not_counted_twice(city: City) -> None:
    camera = (
        city.register(0)
        .start(0)
        .heartbeat(0, 0, faces=5)
        .heartbeat(0, 0, faces=100)
        .heartbeat(0, 1, faces=7)
        .state()
        .cameras[city.name(0)]
    )
    assert (sum(row.faces for row in camera.hours), camera.contradictions) == (12, 1)


def test_heartbeat_that_tells_of_the_future_is_not_believed(city: City) -> None:
    city.register(0).start(0)
    lie = Heartbeat(
        at=city.begin, begin=city.begin, end=city.begin + 100 * HOUR, camera=city.name(0), frames=1, faces_covered=1
    )
    camera = city.add(lie).state().cameras[city.name(0)]
    assert camera.heartbeat is None
    assert (camera.contradictions, camera.last_word) == (1, city.begin)


@pytest.mark.parametrize("ahead_h", [2, 24, 24 * 365 * 70])
@pytest.mark.parametrize("beats", [1, 3])
def test_heartbeats_dated_ahead_are_taken_back_once_two_right_ones_follow(city: City, ahead_h: int, beats: int) -> None:
    city.register(0).start(0).heartbeat(0, 0)
    for hour in range(beats):
        city.heartbeat(0, ahead_h + 5 + hour)
    once = city.heartbeat(0, 1 + beats).state().cameras[city.name(0)]
    assert once.contradictions == 1
    right = city.heartbeat(0, 2 + beats).heartbeat(0, 3 + beats).state().cameras[city.name(0)]
    assert right.covered == right.last_word == city.begin + (4 + beats) * HOUR
    assert right.contradictions == 1
    assert [(gap.begin, gap.end) for gap in right.gaps] == [(city.begin + HOUR, city.begin + (1 + beats) * HOUR)]
    assert right.gap_s == beats * 3600
    assert status_of(right, city.begin + (4 + beats) * HOUR).light is Light.ON


def test_one_backdated_heartbeat_among_right_ones_takes_nothing_back(city: City) -> None:
    city.register(0).start(0)
    for hour in range(6):
        city.heartbeat(0, hour)
        if hour % 2:
            city.entries.append(city.entries[-1].model_copy(update={"at": city.begin - 400 * 24 * HOUR,
                "begin": city.begin - 401 * 24 * HOUR, "end": city.begin - 400 * 24 * HOUR}))  # fmt: skip
    camera = city.state().cameras[city.name(0)]
    assert (camera.contradictions, camera.gaps, camera.covered) == (3, [], city.begin + 6 * HOUR)


def test_start_dated_ahead_does_not_darken_the_camera_for_ever(city: City) -> None:
    city.register(0).start(0, 24 * 365)
    for hour in range(4):
        city.heartbeat(0, hour)
    camera = city.state().cameras[city.name(0)]
    status = status_of(camera, city.begin + 4 * HOUR)
    assert (status.light, status.ahead, status.since) == (Light.ON, False, city.begin + 3 * HOUR)
    assert status_of(camera, city.begin + 9 * HOUR).light is Light.UNKNOWN


def test_counts_told_long_after_their_time_leave_a_gap(city: City) -> None:
    camera = (
        city.register(0)
        .start(0)
        .heartbeat(0, 0)
        .heartbeat(0, 1, late=6)
        .heartbeat(0, 2, late=5)
        .state()
        .cameras[city.name(0)]
    )
    assert [(gap.begin, gap.end) for gap in camera.gaps] == [(city.begin + HOUR, city.begin + 8 * HOUR)]
    assert sum(row.stated_s for row in camera.hours) == 3 * 3600


def test_stop_and_restart_leave_no_gap_but_a_crash_does(city: City) -> None:
    city.register(0).start(0).heartbeat(0, 0).add(
        RunningStopped(at=city.begin + HOUR, camera=city.name(0), reason="planned")
    )
    assert city.start(0, 9).state().cameras[city.name(0)].gaps == []
    city.heartbeat(0, 9).start(0, 14)
    assert [gap.index for gap in city.state().cameras[city.name(0)].gaps] == [len(city.entries) - 1]


def test_start_while_it_runs_leaves_no_gap_where_the_next_heartbeat_goes_on(city: City) -> None:
    city.register(0).start(0).heartbeat(0, 0).start(0, 1.75).heartbeat(0, 1)
    camera = city.state().cameras[city.name(0)]
    assert (camera.gaps, camera.contradictions) == ([], 0)


def test_short_crash_leaves_a_gap_once_the_next_heartbeat_begins_after_it(city: City) -> None:
    city.register(0).start(0).heartbeat(0, 0).start(0, 1.5).heartbeat(0, 1.5)
    gaps = city.state().cameras[city.name(0)].gaps
    assert [(gap.begin, gap.end) for gap in gaps] == [(city.begin + HOUR, city.begin + 1.5 * HOUR)]


def test_requests_are_counted_with_the_time_they_took(city: City) -> None:
    state = city.operator().register(0).case(0).state()
    for tally in (state.tally, state.cameras[city.name(0)].tally):
        assert (tally.requests, tally.granted, tally.opened, tally.refused, tally.tracks) == (1, 1, 1, 0, 1)
        assert tally.decision_s == [5 * 3600]
        assert tally.entries == {"requests": [2], "granted": [3], "opened": [4]}


def test_camera_of_a_hidden_request_is_counted_once_it_is_revealed(city: City) -> None:
    state = city.operator().register(0).case(None).state()
    assert (state.tally.opened, state.cameras[city.name(0)].tally.opened) == (1, 0)
    assert hidden_requests(state) == [city.begin + 90 * 24 * HOUR]
    value = json.dumps({"camera": city.name(0)}, separators=(",", ":"))
    state = city.add(Reveal(at=city.begin, entry=2, salt="cd" * 32, value=value)).state()
    assert state.cameras[city.name(0)].tally == state.tally
    assert hidden_requests(state) == []
    assert late_reveals(state, city.begin + 1000 * 24 * HOUR) == []


def test_reveal_that_is_late_or_does_not_match_is_kept_in_view(city: City) -> None:
    state = (
        city.operator().register(0).case(None).add(Reveal(at=city.begin, entry=2, salt="00" * 32, value="{}")).state()
    )
    assert state.bad_reveals == [5]
    assert late_reveals(state, city.begin + 91 * 24 * HOUR) == [2]
    assert late_reveals(state, city.begin) == []


def test_reveal_that_came_late_is_kept_in_view_and_one_that_is_said_again_is_no_lie(city: City) -> None:
    value = f'{{"camera":"{city.name(0)}"}}'
    at = city.begin + 91 * 24 * HOUR
    city.operator().register(0).case(None)
    city.add(*[Reveal(at=at, entry=2, salt="cd" * 32, value=value) for _ in range(2)])
    city.add(Reveal(at=at, entry=2, salt="cd" * 32, value="{}"))
    state = city.state()
    assert (state.late_reveals, state.bad_reveals, late_reveals(state, at)) == ([5], [7], [])
    assert state.cameras[city.name(0)].tally == state.tally


def test_keys_destroyed_for_all_cameras_show_at_each(city: City) -> None:
    entry = RetentionShredded(at=city.begin + HOUR, begin=city.begin, end=city.begin + HOUR, keys=3)
    state = city.operator().register(0).register(1).add(entry).register(2).state()
    shredded = [state.cameras[city.name(number)].shredded for number in range(3)]
    assert [said and said.index for said in shredded] == [3, 3, None]


def test_refusals_count_for_camera_and_operator(city: City) -> None:
    details = Commitment(digest=commit("x", "00" * 32), reveal_by=city.begin)
    case = "f" * 32
    city.register(0).add(
        RequestReceived(at=city.begin, case=case, position="act-2024", details=details, camera=city.name(0)),
        RequestRefused(at=city.begin + HOUR, case=case, by="law", provision="Article 5(1)(h)"),
    )
    tally = city.state().cameras[city.name(0)].tally
    assert (tally.requests, tally.refused, tally.opened, tally.decision_s) == (1, 1, 0, [3600])


def test_state_is_the_same_from_the_bytes_of_the_log(city: City) -> None:
    city.usual().add(CameraRetired(at=city.now, camera=city.name(3), reason="moved"))
    assert read([decode_entry(encode_entry(entry)) for entry in city.entries]) == city.state()

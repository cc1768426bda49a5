from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from passerby.register import CameraChanged, CameraRetired, Heartbeat, RunningStarted, RunningStopped
from passerby.web.register.status import Light, status_of, totals_of

if TYPE_CHECKING:
    from tests.web_register.conftest import City

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def test_camera_is_on_until_its_heartbeat_is_missing_and_then_not_known_with_the_length_of_the_silence(
    city: City,
) -> None:
    camera = city.register(0).start(0).heartbeat(0, 0).state().cameras[city.name(0)]
    due = city.begin + 2 * HOUR + 6 * MINUTE
    on = status_of(camera, due)
    assert (on.light, on.since, on.due, on.index) == (Light.ON, city.begin, due, 1)
    assert on.silent_s(due) == 0
    silent = status_of(camera, due + timedelta(seconds=1))
    assert (silent.light, silent.since, silent.index, silent.field) == (Light.UNKNOWN, city.begin + HOUR, 2, "end")
    assert silent.silent_s(city.begin + 50 * HOUR) == 49 * 3600


def test_camera_that_never_beats_is_not_known_after_its_first_interval(city: City) -> None:
    camera = city.register(0).start(0).state().cameras[city.name(0)]
    assert status_of(camera, city.begin + HOUR).light is Light.ON
    status = status_of(camera, city.begin + 2 * HOUR)
    assert (status.light, status.since, status.field) == (Light.UNKNOWN, city.begin, "at")


def test_silence_ends_with_the_next_word(city: City) -> None:
    city.register(0).start(0).heartbeat(0, 0).heartbeat(0, 9)
    assert status_of(city.state().cameras[city.name(0)], city.begin + 10 * HOUR).light is Light.ON


def test_shorter_interval_makes_silence_visible_sooner(city: City) -> None:
    city.register(0).add(CameraChanged(at=city.begin, camera=city.name(0), heartbeat_s=60)).start(0)
    camera = city.state().cameras[city.name(0)]
    assert status_of(camera, city.begin + 2 * MINUTE).light is Light.ON
    assert status_of(camera, city.begin + 2 * MINUTE + timedelta(seconds=1)).light is Light.UNKNOWN


def test_stopped_camera_is_off_and_need_not_beat(city: City) -> None:
    stop = RunningStopped(at=city.begin + HOUR, camera=city.name(0), reason="order")
    camera = city.register(0).start(0).heartbeat(0, 0).add(stop).state().cameras[city.name(0)]
    status = status_of(camera, city.begin + 1000 * HOUR)
    assert (status.light, status.since, status.due) == (Light.OFF, city.begin + HOUR, None)


def test_statement_of_the_future_is_not_believed(city: City) -> None:
    camera = city.register(0).start(0, 100).state().cameras[city.name(0)]
    status = status_of(camera, city.begin)
    assert (status.light, status.ahead, status.since) == (Light.UNKNOWN, True, None)
    assert status_of(camera, city.begin + 100 * HOUR - 4 * MINUTE).light is Light.ON


def test_registered_and_removed_cameras_say_so(city: City) -> None:
    city.register(0)
    assert status_of(city.state().cameras[city.name(0)], city.now).light is Light.NEW
    city.start(0).add(CameraRetired(at=city.begin, camera=city.name(0), reason="moved"))
    assert status_of(city.state().cameras[city.name(0)], city.now).light is Light.GONE


@pytest.mark.parametrize(
    ("whole_s", "down_s", "light"),
    [
        (1000, 900, Light.WHOLE),
        (900, 1000, Light.DOWN),
        (1800, 0, Light.ON),
        (1801, 0, Light.WHOLE),
        (0, 1801, Light.DOWN),
        (3600, 3600, Light.DOWN),
    ],
)
def test_hour_that_was_mostly_covered_or_without_picture_shows(
    city: City, whole_s: int, down_s: int, light: Light
) -> None:
    camera = city.register(0).start(0).heartbeat(0, 0, whole_s=whole_s, down_s=down_s).state().cameras[city.name(0)]
    assert status_of(camera, city.begin + HOUR).light is light


def test_picture_that_stood_still_shows(city: City) -> None:
    heartbeat = city.register(0).start(0).heartbeat(0, 0).entries.pop()
    assert isinstance(heartbeat, Heartbeat)
    state = city.add(heartbeat.model_copy(update={"stalled_s": 3000})).state()
    assert status_of(state.cameras[city.name(0)], city.begin + HOUR).light is Light.STALLED


def test_camera_that_covers_everything_by_its_settings_shows_so(city: City) -> None:
    digest = "sha256:" + "00" * 32
    start = RunningStarted(
        at=city.begin, camera=city.name(0), mode="cover-whole", software="x", configuration=digest, weights=digest
    )
    assert status_of(city.register(0).add(start).state().cameras[city.name(0)], city.begin).light is Light.WHOLE


def test_totals_sum_thirty_days_and_the_silence_that_lasts(city: City) -> None:
    city.register(0).start(0)
    for hour in range(34 * 24):
        city.heartbeat(0, hour, faces=1, whole_s=60)
    camera, now = city.state().cameras[city.name(0)], city.begin + 34 * 24 * HOUR + 5 * HOUR
    totals = totals_of(camera, now)
    assert totals.faces == totals.covered_whole_s // 60
    assert 29 * 24 <= totals.faces <= 31 * 24
    assert totals.not_known_s == 5 * 3600


def test_gaps_count_only_as_far_as_they_lie_in_the_last_thirty_days(city: City) -> None:
    camera = city.register(0).start(0).heartbeat(0, 0).heartbeat(0, 100).state().cameras[city.name(0)]
    assert totals_of(camera, city.begin + 101 * HOUR).not_known_s == 99 * 3600
    assert totals_of(camera, city.begin + 730 * HOUR).not_known_s == (90 + 629) * 3600

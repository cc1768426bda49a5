"""A day of recordings by the clock on the wall: days of 23, 24 and 25 hours, in zones of all kinds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from passerby.errors import UsageError
from passerby.gateway import Recording, WholeSpan
from passerby.web.console.days import FIRST_DAY, LAST_DAY, DayPiece, asked_day, day_span, hours_of

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Havana",
    "Asia/Beirut",
    "UTC",
)


def pieces(found: list[Recording], day: date, zone: ZoneInfo) -> list[DayPiece]:
    return [piece for hour in hours_of(found, day, zone) for piece in hour.pieces if piece is not None]


def recording(begin: datetime, minutes: float, *whole: WholeSpan) -> Recording:
    began = int(begin.timestamp()) * 10**9
    return Recording(Path("x"), began, began + int(minutes * 60e9), 1, whole)


@pytest.mark.parametrize(
    ("day", "hours", "labels"),
    [
        (date(2026, 3, 29), 23, ["01:00 +01:00", "03:00 +02:00"]),
        (date(2026, 10, 25), 25, ["02:00 +02:00", "02:00 +01:00"]),
        (date(2026, 10, 20), 24, ["01:00", "02:00"]),
    ],
)
def test_days_on_which_the_clock_is_changed_are_as_long_as_they_were(day: date, hours: int, labels: list[str]) -> None:
    begin, end = day_span(day, BERLIN)
    assert end - begin == hours * 3600
    rows = [hour.label for hour in hours_of([], day, BERLIN)]
    assert len(rows) == hours
    at = rows.index(labels[0])
    assert rows[at : at + 2] == labels


@pytest.mark.parametrize("day", [date(2026, 10, 20), date(2026, 1, 20), date(2026, 10, 25)])
def test_a_recording_stands_where_the_clock_stood_whatever_it_is_today(day: date) -> None:
    local = datetime(day.year, day.month, day.day, 10, 10, tzinfo=BERLIN)
    (filled,) = [piece for piece in pieces([recording(local, 10)], day, BERLIN) if piece.share > 0]
    assert (filled.label, filled.share) == ("10:10", 1.0)
    assert filled.begin_s == local.timestamp()


def test_a_clock_that_is_changed_by_half_an_hour_leaves_half_a_row() -> None:
    rows = {hour.label: hour for hour in hours_of([], date(2026, 4, 5), ZoneInfo("Australia/Lord_Howe"))}
    assert [piece is None for piece in rows["01:00 +10:30"].pieces] == [True] * 3 + [False] * 3


@given(
    day=st.dates(date(1975, 1, 1), date(2037, 12, 30)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    minute=st.integers(0, 1500),
    length=st.integers(1, 300),
)
@example(day=date(2026, 4, 26), zone=ZoneInfo("America/Havana"), minute=0, length=90)
def test_pieces_fill_the_day_without_a_gap_and_hold_all_that_was_recorded(
    day: date, zone: ZoneInfo, minute: int, length: int
) -> None:
    begin, end = day_span(day, zone)
    one = recording(datetime.fromtimestamp(begin + 60 * minute, UTC), length)
    found = pieces([one], day, zone)
    assert [found[0].begin_s, *(piece.end_s for piece in found)] == [*(piece.begin_s for piece in found), end]
    assert found[0].begin_s == begin
    assert end == day_span(day + timedelta(days=1), zone)[0]
    shown = sum(piece.share * (piece.end_s - piece.begin_s) for piece in found)
    assert shown == pytest.approx(max(0, min(one.ended_ns / 1e9, end) - min(one.began_ns / 1e9, end)), abs=0.01)
    for piece in found:
        assert datetime.fromtimestamp(piece.begin_s, zone).strftime("%H:%M") == piece.label


def test_what_is_covered_whole_is_marked_with_its_reason() -> None:
    begin = datetime(2026, 10, 20, 10, 0, tzinfo=BERLIN)
    ns = int(begin.timestamp()) * 10**9
    whole = (
        WholeSpan(ns + 60 * 10**9, ns + 180 * 10**9, "no_picture"),
        WholeSpan(ns + 180 * 10**9, ns + 360 * 10**9, "of_a_later_version"),
        WholeSpan(ns + 700 * 10**9, ns + 700 * 10**9 + 10**8, "start"),
    )
    first, second = [p for p in pieces([recording(begin, 20, *whole)], date(2026, 10, 20), BERLIN) if p.share > 0]
    assert first.whole == pytest.approx(0.5)
    assert first.why == "no picture from the camera, of_a_later_version"
    assert (second.whole, second.why) == (0.0, ""), "less than a second is no mark"


@pytest.mark.parametrize(
    "text",
    ["0001-01-01", "9999-12-31", "9999-99-99", "1970-01-01", "../../", "2026-1-1", "x" * 5000, "\u0662026-01-01"],
)
def test_impossible_days_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="day must be one such as 2026-10-25"):
        asked_day(text)


@pytest.mark.parametrize("day", [FIRST_DAY, LAST_DAY])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_first_and_the_last_day_have_hours(day: date, zone: str) -> None:
    assert len(hours_of([], asked_day(day.isoformat()), ZoneInfo(zone))) == 24

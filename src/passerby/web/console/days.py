"""One day of recordings, hour by hour, as the clock on the wall showed them. Pure.

A day is what lies between two local midnights: 23 or 25 hours long where the clock is changed. Pieces are ten minutes of real
time, so that an hour that comes twice stands in two rows and one that is left out in none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import groupby

from passerby.errors import UsageError
from passerby.gateway import CoverReason, Recording

STEP_S = 600
_IN_HOUR = 3600 // STEP_S
FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(9999, 12, 29)
"""Days outside hold no recording, and a day before or after them may have no name."""
WHOLE_S = 1.0
"""Shorter covers are not marked."""


@dataclass(frozen=True, slots=True)
class DayPiece:
    """Ten minutes.

    Attributes:
        begin_s: Seconds since 1970.
        end_s: Seconds since 1970.
        label: Of the local clock at its beginning.
        share: How much of it is recorded, 0 to 1.
        whole: How much of what is recorded is covered whole, 0 to 1.
        why: Reasons of these covers, in words.
    """

    begin_s: int
    end_s: int
    label: str
    share: float
    whole: float
    why: str


@dataclass(frozen=True, slots=True)
class DayHour:
    """One hour of the local clock.

    Attributes:
        label: Such as ``02:00``; with its offset on a day on which that changes.
        pieces: Six places; None where the clock left one out.
    """

    label: str
    pieces: tuple[DayPiece | None, ...]


def instant_text(ns: int) -> str:
    """Return an instant in this server's time with its offset; the pages and their script show no other.

    >>> instant_text(0)
    'never'
    """
    if not ns:
        return "never"
    return datetime.fromtimestamp(ns / 1e9, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def asked_day(text: str, zone: tzinfo | None = None) -> date:
    """Return the day that a query asks for; today where it asks for none.

    Raises:
        UsageError: it is no day, or one that no recording can be of.
    """
    if not text:
        return datetime.now(zone).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        raise UsageError(f"day must be one such as 2026-10-25, from {FIRST_DAY} to {LAST_DAY}, got {text[:20]!r}")
    return day


def day_span(day: date, zone: tzinfo | None = None) -> tuple[int, int]:
    """Return where a day begins and ends by the local clock, in seconds since 1970.

    Args:
        day: From ``FIRST_DAY`` to ``LAST_DAY``.
        zone: Of the clock; None for the machine's.

    >>> from zoneinfo import ZoneInfo
    >>> begin, end = day_span(date(2026, 10, 25), ZoneInfo("Europe/Berlin"))
    >>> (end - begin) / 3600
    25.0
    """
    return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)


def _midnight(day: date, zone: tzinfo | None) -> int:
    # without a zone, Python asks the system for the offset of that very moment
    return int(datetime.combine(day, time(), zone).timestamp())


def hours_of(found: list[Recording], day: date, zone: tzinfo | None = None) -> list[DayHour]:
    """Return a day's recorded time by hour, in pieces of ten minutes.

    Args:
        found: Recordings of the day.
        day: From ``FIRST_DAY`` to ``LAST_DAY``.
        zone: Of the clock; None for the machine's.
    """
    begin_s, end_s = day_span(day, zone)
    times = [(at, datetime.fromtimestamp(at, UTC).astimezone(zone)) for at in range(begin_s, end_s, STEP_S)]
    changes = len({local.utcoffset() for _, local in times}) > 1
    hours = []
    for (hour, _), inside in groupby(times, key=lambda one: (one[1].hour, one[1].utcoffset())):
        row = list(inside)
        pieces: list[DayPiece | None] = [None] * _IN_HOUR
        for at, local in row:
            pieces[local.minute * 60 // STEP_S] = _piece(found, at, min(at + STEP_S, end_s), local)
        offset = row[0][1].strftime("%z")
        label = f"{hour:02d}:00" + (f" {offset[:3]}:{offset[3:5]}" if changes else "")
        hours.append(DayHour(label, tuple(pieces)))
    return hours


def _piece(found: list[Recording], begin_s: int, end_s: int, local: datetime) -> DayPiece:
    begin, end = begin_s * 10**9, end_s * 10**9
    recorded = sum(_overlap(one.began_ns, one.ended_ns, begin, end) for one in found)
    whole = dict(_whole(found, begin, end))
    covered = sum(whole.values())
    return DayPiece(
        begin_s,
        end_s,
        local.strftime("%H:%M"),
        min(1.0, recorded / (end - begin)),
        min(1.0, covered / recorded) if recorded and covered >= WHOLE_S * 1e9 else 0.0,
        ", ".join(sorted(whole)) if covered >= WHOLE_S * 1e9 else "",
    )


def _whole(found: list[Recording], begin: int, end: int) -> Iterator[tuple[str, int]]:
    spans = sorted((span for one in found for span in one.whole), key=lambda span: span.reason)
    for reason, same in groupby(spans, key=lambda span: span.reason):
        length = sum(_overlap(span.began_ns, span.ended_ns, begin, end) for span in same)
        if length:
            yield (CoverReason(reason).words if reason in set(CoverReason) else reason), length


def _overlap(began: int, ended: int, begin: int, end: int) -> int:
    return max(0, min(ended, end) - max(began, begin))

"""What a time is worth: a witness's is held against the reader's clock before its signature counts; an entry's is bounded.

Two clocks that are kept agree within minutes. A signature whose time cannot be is no word about when, so it does not count for a
quorum; it is named, never passed over. The checker in the browser keeps the same rules (``log.js``, ``judgeTimes``):
``tests/vectors/times.json`` is run in both. Seconds are compared as whole numbers, so that no time is beyond the calendar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from passerby.register.fields import format_instant
from passerby.register.notes.note import Note, VerifierKey
from passerby.register.notes.policy import Policy

CLOCK_SLACK = timedelta(minutes=5)
"""How far ``at`` may run back between neighbours, and any time may run ahead of the reader's clock.

Source: threads and machines of one operator append at once, and NTP keeps clocks well under a second apart; minutes leave
room for a queue, and are too short to hide anything in."""
CLOCK_ERROR = timedelta(days=1)
"""What is further off than this is no clock that was set wrong (a time zone, a summer time), but another date.

Source: time zones reach from 12 hours behind UTC to 14 hours ahead."""
FIRST_COSIGNATURE_S = 1_672_531_200
"""2023-01-01. Source: C2SP tlog-cosignature; the message that witnesses sign did not exist before that year."""

WitnessFault = Literal["ancient", "ahead", "stale"]
_WORDS: dict[WitnessFault, str] = {
    "ancient": "is from before there were witnesses",
    "ahead": "is ahead of now",
    "stale": "is long before the newest entry that it signs",
}


def witness_fault(time_s: int, clock: datetime, newest: datetime | None = None) -> WitnessFault | None:
    """Return why a witness's time cannot be, or None where it can.

    Args:
        time_s: POSIX seconds, as signed.
        clock: The reader's, aware.
        newest: Of the newest entry below the signature that is not itself ahead of the clock; None where it is not known.

    >>> witness_fault(2**62, datetime(2026, 11, 30, tzinfo=UTC))
    'ahead'
    """
    if time_s < FIRST_COSIGNATURE_S:
        return "ancient"
    if time_s > _seconds(clock) + CLOCK_SLACK.total_seconds():
        return "ahead"
    if newest is not None and time_s < _seconds(newest) - CLOCK_ERROR.total_seconds():
        return "stale"
    return None


def format_seconds(time_s: int) -> str:
    """Return POSIX seconds as entries spell an instant; those beyond the calendar as a number.

    >>> format_seconds(2**62)
    '4611686018427387904 s after 1970'
    """
    try:
        return format_instant(datetime.fromtimestamp(time_s, UTC))
    except (ValueError, OverflowError, OSError):
        return f"{time_s} s after 1970"


@dataclass(frozen=True, slots=True)
class WitnessTimes:
    """Which of a policy's witnesses signed at a time that can be.

    Attributes:
        counted: Their keys, and when.
        refused: Keys whose signature does not count, with their time and why.
    """

    counted: Mapping[VerifierKey, int]
    refused: Mapping[VerifierKey, tuple[int, WitnessFault]] = field(default_factory=dict)

    def reasons(self) -> Iterable[str]:
        """Say of each signature that does not count why."""
        for key, (time_s, fault) in self.refused.items():
            yield f"time of witness {key.name}, {format_seconds(time_s)}, {_WORDS[fault]}: it does not count"

    def quorum_s(self, policy: Policy) -> int | None:
        """Return the earliest second at which the witnesses up to then make the quorum; None if none signed or it is not met.

        With the quorum ``none`` the first witness's time counts.
        """
        so_far: list[VerifierKey] = []
        for key, time_s in sorted(self.counted.items(), key=lambda item: (item[1], str(item[0]))):
            so_far.append(key)
            if policy.met_by(so_far):
                return time_s
        return None


def judge_witnesses(note: Note, policy: Policy, clock: datetime, newest: datetime | None = None) -> WitnessTimes:
    """Hold each time that a policy's witnesses signed against the reader's clock; see ``witness_fault``."""
    witnesses = {w.key for w in policy.witnesses}
    counted, refused = {}, {}
    for key, time_s in note.signed_by:
        if key not in witnesses or time_s is None:
            continue
        fault = witness_fault(time_s, clock, newest)
        if fault is None:
            counted[key] = time_s
        else:
            refused[key] = time_s, fault
    return WitnessTimes(counted, refused)


def believable(at: datetime | None, clock: datetime) -> datetime | None:
    """Return an entry's instant where it is not ahead of the reader's clock."""
    return None if at is None or at - clock > CLOCK_SLACK else at


def _seconds(at: datetime) -> float:
    return at.timestamp()

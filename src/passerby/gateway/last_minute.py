"""What each camera did within the last minute. Pure: the clock is handed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from passerby.gateway.states import CameraStatus

_SPAN_S = 60.0
_ROWS = 62


class _Row(NamedTuple):
    at_s: float
    tracks: int
    cpu_s: float


class LastMinute:
    """The account of the last minute, of all cameras."""

    def __init__(self) -> None:
        self._rows: dict[str, deque[_Row]] = {}

    def note(self, statuses: Iterable[CameraStatus], now_s: float) -> None:
        """Note the states of this moment; to be called once a second."""
        for status in statuses:
            rows = self._rows.setdefault(status.name, deque(maxlen=_ROWS))
            rows.append(_Row(now_s, status.counts.tracks, status.counts.cpu_s))
            while now_s - rows[0].at_s > _SPAN_S:
                rows.popleft()

    def faces(self, name: str) -> int:
        """Return how many faces a camera covered, each track counted once."""
        rows = self._rows.get(name)
        return rows[-1].tracks - rows[0].tracks if rows else 0

    def cores(self, name: str) -> float:
        """Return how much of a processor core a camera's processes used."""
        rows = self._rows.get(name, deque())
        used_s = sum(max(0.0, late.cpu_s - early.cpu_s) for early, late in pairwise(rows))
        return used_s / (rows[-1].at_s - rows[0].at_s) if len(rows) > 1 else 0.0

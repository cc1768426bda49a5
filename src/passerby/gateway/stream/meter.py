"""What went through a relay, counted and measured. Pure: the clock is handed in."""

from __future__ import annotations

from collections import deque

from passerby.gateway.values import CoverReason

_DELAYS = 2048
_RATES = 512


class RelayMeter:
    """The account of one camera's relay.

    Attributes:
        units: Sent to readers, slates included.
        slates: Slates sent.
        whole_by_reason: Units fully covered, slates included.
    """

    def __init__(self) -> None:
        self.units = self.slates = 0
        self.whole_by_reason: dict[CoverReason, int] = {}
        self._delays_ms: deque[float] = deque(maxlen=_DELAYS)
        self._rate: deque[tuple[float, int]] = deque(maxlen=_RATES)

    def note_delay(self, delay_ms: float) -> None:
        """Note how long a picture took beyond the look-ahead."""
        self._delays_ms.append(delay_ms)

    def note_unit(self, size_bytes: int, whole: CoverReason | None, now_s: float) -> None:
        """Note a unit that is sent."""
        self.units += 1
        self._rate.append((now_s, size_bytes))
        if whole is not None:
            self.whole_by_reason[whole] = self.whole_by_reason.get(whole, 0) + 1

    def delay_ms(self, percent: int) -> float:
        """Return the delay below which so many percent of the last pictures were; 0 before the first."""
        delays = sorted(self._delays_ms)
        return delays[len(delays) * percent // 100] if delays else 0.0

    def forget_delays(self) -> None:
        """Let the delays be those from now on."""
        self._delays_ms.clear()

    @property
    def kbps(self) -> float:
        """Return the bit rate over the last units."""
        if len(self._rate) < 2:
            return 0.0
        span_s = max(self._rate[-1][0] - self._rate[0][0], 0.1)
        return sum(size for _, size in self._rate) * 8 / 1000 / span_s

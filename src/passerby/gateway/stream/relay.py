"""A camera's veiled stream in the serving process: from its worker to every reader, and the slate when the worker is silent.

Holds encoded, veiled units and nothing else.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from passerby.errors import BitstreamError, ServiceError
from passerby.gateway.config import CameraConfig
from passerby.gateway.messages import VeiledUnit
from passerby.gateway.picture import Slates, ticks_of
from passerby.gateway.values import CoverReason
from passerby.media import ParameterSets, find_parameter_sets, nal_units

STALL_S = 1.0
"""A worker that sends nothing for this long is covered by the slate. It sends covers twice a second even without pictures."""
SLATE_S = 0.5
_GOP_UNITS = 600
_GOP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class AccessUnit:
    """One veiled picture as every output gets it.

    Attributes:
        data: Annex B.
        nals: Its NAL units without start codes; parameter sets stand before a key frame.
        ticks: Stream time in 1/90000 s, growing, on CLOCK_MONOTONIC.
        wall_ns: Wall time at which the picture was taken, ns since 1970.
        key: It decodes alone.
        whole: Why it is covered whole, or None.
        parameters: Those that it needs.
    """

    data: bytes
    nals: tuple[bytes, ...]
    ticks: int
    wall_ns: int
    key: bool
    whole: CoverReason | None
    parameters: ParameterSets


Reader = Callable[[AccessUnit], None]


@dataclass(slots=True)
class RelayCounts:
    """What went through."""

    units: int = 0
    slates: int = 0
    whole: int = 0
    bytes_out: int = 0


class Relay:
    """One camera's stream. Runs in the event loop; every call returns at once.

    Args:
        config: Of the camera.
        slates: Shared by all cameras.
        want_key: Asks the worker for a key frame.
    """

    def __init__(self, config: CameraConfig, slates: Slates, want_key: Callable[[], None] = lambda: None) -> None:
        self.config = config
        self.want_key = want_key
        self.size = (1280, 720)
        self.counts = RelayCounts()
        self.whole_by_reason: dict[CoverReason, int] = {}
        self.delays_ms: deque[float] = deque(maxlen=2048)
        self.parameters: ParameterSets | None = None
        self._slates = slates
        self._readers: dict[int, Reader] = {}
        self._next_reader = 0
        self._gop: list[AccessUnit] = []
        self._gop_bytes = 0
        self._last_ticks = -1
        self._last_heard_s = 0.0
        self._last_slate_s = 0.0
        self._late_ticks = 0
        self._rate: deque[tuple[float, int]] = deque(maxlen=512)
        self.slate: CoverReason | None = CoverReason.START
        self.alarm: CoverReason | None = None
        self.whole: CoverReason | None = None
        self.stall_reason = CoverReason.STALLED

    # readers

    def subscribe(self, reader: Reader, *, from_key: bool = True) -> Callable[[], None]:
        """Add a reader and return what removes it.

        Args:
            reader: Called with each unit; must not block and not raise.
            from_key: First hand over what came since the last key frame, so that it can decode at once.
        """
        number = self._next_reader
        self._next_reader += 1
        if from_key:
            for unit in self._gop:
                reader(unit)
        self._readers[number] = reader
        return lambda: void(self._readers.pop(number, None))

    @property
    def title(self) -> str:
        """Return the camera's title."""
        return self.config.shown

    @property
    def last_key(self) -> AccessUnit | None:
        """Return the newest key frame."""
        return self._gop[0] if self._gop else None

    @property
    def kbps(self) -> float:
        """Return the bit rate over the last units."""
        if len(self._rate) < 2:
            return 0.0
        span_s = max(self._rate[-1][0] - self._rate[0][0], 0.1)
        return sum(size for _, size in self._rate) * 8 / 1000 / span_s

    # worker side

    def accept(self, unit: VeiledUnit) -> None:
        """Take a unit from the worker.

        Raises:
            ServiceError: its parameter sets do not parse; the worker must go.
        """
        now_ns = time.monotonic_ns()
        self._last_heard_s = now_ns / 1e9
        if self.alarm is not None:
            return
        if self.slate is not None and not unit.key:
            # a reader who was shown a slate cannot decode a delta frame of the worker
            self.want_key()
            return
        nals = tuple(nal_units(unit.data))
        if unit.key:
            found = _parameter_sets(nals)
            if found is None:
                return
            self.parameters, self.size = found
        self.slate = None
        self.delays_ms.append((now_ns - unit.due_ns) / 1e6)
        self._late_ticks = max(0, ticks_of(now_ns - unit.captured_ns))
        self._send(unit.data, nals, ticks_of(unit.captured_ns), unit.key, unit.whole)

    def lost(self, reason: CoverReason) -> None:
        """The worker is gone, or must not be heard: slates from now on."""
        if self.slate is None or self.slate is not reason:
            self.slate = reason
            self._last_slate_s = 0.0
            self.tick()

    def raise_alarm(self, reason: CoverReason) -> None:
        """Show slates, whatever the worker sends, until ``end_alarm``."""
        self.alarm = reason
        self.lost(reason)

    def end_alarm(self) -> None:
        """Let the worker's next key frame through again."""
        self.alarm = None
        self.want_key()

    def tick(self) -> None:
        """Send a slate where one is due; to be called at least ten times a second."""
        now_s = time.monotonic()
        if self.slate is None and now_s - self._last_heard_s > STALL_S:
            self.slate = self.stall_reason
            self._last_slate_s = 0.0
        if self.slate is not None and now_s - self._last_slate_s >= SLATE_S:
            self._last_slate_s = now_s
            self._send_slate(self.slate)

    def _send_slate(self, reason: CoverReason) -> None:
        width, height = self.size
        pair = self._slates.pair(width, height, self.config.shown, reason, self.config.output)
        data = pair[self.counts.slates % 2]
        nals = tuple(nal_units(data))
        self.parameters = find_parameter_sets(nals) or self.parameters
        self.counts.slates += 1
        self._send(data, nals, ticks_of(time.monotonic_ns()) - self._late_ticks, True, reason)

    def _send(self, data: bytes, nals: tuple[bytes, ...], ticks: int, key: bool, whole: CoverReason | None) -> None:
        if self.parameters is None:
            return
        ticks = max(ticks, self._last_ticks + 1)
        self._last_ticks = ticks
        age_ns = (ticks_of(time.monotonic_ns()) - ticks) * 100_000 // 9
        unit = AccessUnit(data, nals, ticks, time.time_ns() - age_ns, key, whole, self.parameters)
        self._keep(unit)
        self.whole = whole
        self.counts.units += 1
        self.counts.bytes_out += len(data)
        self._rate.append((time.monotonic(), len(data)))
        if whole is not None:
            self.counts.whole += 1
            self.whole_by_reason[whole] = self.whole_by_reason.get(whole, 0) + 1
        for reader in list(self._readers.values()):
            reader(unit)

    def _keep(self, unit: AccessUnit) -> None:
        if unit.key:
            self._gop, self._gop_bytes = [], 0
        elif not self._gop or len(self._gop) >= _GOP_UNITS or self._gop_bytes > _GOP_BYTES:
            self._gop, self._gop_bytes = [], 0
            self.want_key()
            return
        self._gop.append(unit)
        self._gop_bytes += len(unit.data)


def _parameter_sets(nals: tuple[bytes, ...]) -> tuple[ParameterSets, tuple[int, int]] | None:
    """Return a key frame's parameter sets, and width and height as shown; None where they are missing.

    Raises:
        ServiceError: they do not parse.
    """
    try:
        found = find_parameter_sets(nals)
        return None if found is None else (found, found.size)
    except BitstreamError as exc:
        raise ServiceError(f"worker must send sound H.264: {exc}") from exc


def void(_value: object) -> None:
    """Take a value and do nothing with it."""

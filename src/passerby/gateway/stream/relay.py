"""A camera's veiled stream in the serving process: from its worker to every reader, and the slate when the worker is silent.

Holds encoded, veiled units and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from passerby.errors import BitstreamError, ServiceError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import CameraConfig
from passerby.gateway.messages import VeiledUnit
from passerby.gateway.picture import Slates, ticks_of
from passerby.gateway.stream.meter import RelayMeter
from passerby.gateway.stream.readers import AccessUnit, Reader, Readers
from passerby.gateway.values import CoverReason
from passerby.media import ParameterSets, find_parameter_sets, nal_units

STALL_S = 1.0
"""A worker that sends nothing for this long is covered by the slate. It sends covers twice a second even without pictures."""
SLATE_S = 0.5


class StreamTime:
    """The time of what is sent, in 1/90000 s of CLOCK_MONOTONIC: it grows strictly, over slates and restarts."""

    def __init__(self) -> None:
        self._last = -1
        self._late = 0

    def of_unit(self, captured_ns: int, now_ns: int) -> int:
        """Return the time of a worker's unit."""
        self._late = max(0, ticks_of(now_ns - captured_ns))
        return self._next(ticks_of(captured_ns))

    def of_slate(self, now_ns: int) -> int:
        """Return the time of a slate: as late as units are, so that time goes on evenly."""
        return self._next(ticks_of(now_ns) - self._late)

    def _next(self, ticks: int) -> int:
        self._last = max(ticks, self._last + 1)
        return self._last


class Relay:
    """One camera's stream. Runs in the event loop; every call returns at once.

    Args:
        config: Of the camera.
        slates: Shared by all cameras.
        want_key: Asks the worker for a key frame.
        clock: The machine's clocks.

    Attributes:
        meter: What went through.
        size: Width and height of what is sent.
        parameters: Of the unit that was sent last; None before the first.
        slate: Why slates are sent instead of the worker's units, or None.
        alarm: Why nothing of the worker is let through, or None.
        whole: Why the unit that was sent last is covered whole, or None.
        stall_reason: What a slate says when the worker falls silent.
    """

    def __init__(
        self,
        config: CameraConfig,
        slates: Slates,
        want_key: Callable[[], None] = lambda: None,
        *,
        clock: Clock = MACHINE,
    ) -> None:
        self.config, self.want_key = config, want_key
        self.meter = RelayMeter()
        self.size = (1280, 720)
        self.parameters: ParameterSets | None = None
        self.slate: CoverReason | None = CoverReason.START
        self.alarm: CoverReason | None = None
        self.whole: CoverReason | None = None
        self.stall_reason = CoverReason.STALLED
        self._slates, self._clock = slates, clock
        self._readers, self._time = Readers(), StreamTime()
        self._heard_s = self._slate_s = -math.inf

    # readers

    def subscribe(self, reader: Reader, *, from_key: bool = True) -> Callable[[], None]:
        """Add a reader and return what removes it.

        Args:
            reader: Called with each unit; must not block and not raise.
            from_key: First hand over what came since the last key frame, so that it can decode at once.
        """
        return self._readers.add(reader, from_key=from_key)

    @property
    def title(self) -> str:
        """Return the camera's title."""
        return self.config.shown

    @property
    def last_key(self) -> AccessUnit | None:
        """Return the newest key frame."""
        return self._readers.last_key

    # worker side

    def accept(self, unit: VeiledUnit) -> None:
        """Take a unit from the worker.

        Raises:
            ServiceError: its parameter sets do not parse; the worker must go.
        """
        now_ns = self._clock.monotonic_ns()
        self._heard_s = now_ns / 1e9
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
        self.meter.note_delay((now_ns - unit.due_ns) / 1e6)
        ticks = self._time.of_unit(unit.captured_ns, now_ns)
        self._send(unit.data, nals, ticks, unit.key, unit.whole)

    def lost(self, reason: CoverReason) -> None:
        """The worker is gone, or must not be heard: slates from now on."""
        if self.slate is None or self.slate is not reason:
            self.slate = reason
            self._slate_s = -math.inf
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
        now_s = self._clock.now_s()
        if self.slate is None and now_s - self._heard_s > STALL_S:
            self.slate = self.stall_reason
            self._slate_s = -math.inf
        if self.slate is not None and now_s - self._slate_s >= SLATE_S:
            self._slate_s = now_s
            self._send_slate(self.slate)

    def _send_slate(self, reason: CoverReason) -> None:
        width, height = self.size
        pair = self._slates.pair(width, height, self.config.shown, reason, self.config.output)
        data = pair[self.meter.slates % 2]
        nals = tuple(nal_units(data))
        self.parameters = find_parameter_sets(nals) or self.parameters
        self.meter.slates += 1
        self._send(data, nals, self._time.of_slate(self._clock.monotonic_ns()), True, reason)

    def _send(self, data: bytes, nals: tuple[bytes, ...], ticks: int, key: bool, whole: CoverReason | None) -> None:
        if self.parameters is None:
            return
        now_ns = self._clock.monotonic_ns()
        age_ns = (ticks_of(now_ns) - ticks) * 100_000 // 9
        unit = AccessUnit(data, nals, ticks, self._clock.wall_ns() - age_ns, key, whole, self.parameters)
        if not self._readers.keep(unit):
            self.want_key()
        self.whole = whole
        self.meter.note_unit(len(data), whole, now_ns / 1e9)
        self._readers.give(unit)


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

"""The alarm: a test face came out bare of the hidden stream, so every camera is covered until a later round passes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from passerby.gateway.clock import Clock
from passerby.gateway.config import SelfTestConfig
from passerby.gateway.picture import Slates
from passerby.gateway.states import Event, EventKind
from passerby.gateway.stream import HiddenCheck, HiddenTestResult, Relay, hidden_camera
from passerby.gateway.supervision import CameraSupervisor
from passerby.gateway.values import SELFTEST_CAMERA, CoverReason

_log = logging.getLogger("passerby.gateway")


class BareFaceAlarm:
    """Whether the alarm holds.

    Args:
        relays: Returns those of every camera that runs.
        tell: Takes events.
        clock: The machine's clocks.

    Attributes:
        text: Why it holds; empty while it does not.
        passed_ns: When the hidden stream last passed, ns since 1970; 0 for never.
    """

    def __init__(self, relays: Callable[[], Iterable[Relay]], tell: Callable[[Event], None], clock: Clock) -> None:
        self._relays, self._tell, self._clock = relays, tell, clock
        self.text = ""
        self.passed_ns = 0

    def cover(self, relay: Relay) -> None:
        """Cover a camera that begins while it holds."""
        if self.text:
            relay.raise_alarm(CoverReason.ALARM)

    def take(self, result: HiddenTestResult, detail: str) -> None:
        """Take what came of a round of the hidden test; only one that passed ends the alarm."""
        ok, now_ns = result is HiddenTestResult.PASSED, self._clock.wall_ns()
        self._tell(Event(EventKind.SELFTEST, SELFTEST_CAMERA, now_ns, ok=ok, detail=detail))
        if result is HiddenTestResult.BARE:
            self.text = detail
            self._tell(Event(EventKind.ALARM, "", now_ns, reason=CoverReason.ALARM, ok=False, detail=detail))
            for relay in self._relays():
                relay.raise_alarm(CoverReason.ALARM)
        elif ok:
            self.passed_ns = now_ns
            if self.text:
                self.text = ""
                said = "the alarm is over: " + detail
                self._tell(Event(EventKind.ALARM, "", now_ns, reason=CoverReason.ALARM, detail=said))
                for relay in self._relays():
                    relay.end_alarm()


class HiddenStream:
    """The hidden test stream: a camera of its own whose pictures are judged and go nowhere.

    Args:
        config: How often.
        slates: Shared by all cameras.
        result: Told what came of each round.
        clock: The machine's clocks.
    """

    def __init__(
        self, config: SelfTestConfig, slates: Slates, result: Callable[[HiddenTestResult, str], None], clock: Clock
    ) -> None:
        self._supervisor = CameraSupervisor(
            hidden_camera(config), slates, _log_fault, selftest_s=config.interval_s, clock=clock
        )
        self._check = HiddenCheck(self._supervisor.relay, result, config.interval_s, clock=clock)

    def start(self) -> None:
        """Begin to run it."""
        self._supervisor.start()

    async def stop(self) -> None:
        """End it."""
        self._check.close()
        await self._supervisor.stop()

    def tick(self) -> None:
        """Go on; to be called ten times a second."""
        self._supervisor.tick()
        self._check.tick()


def _log_fault(event: Event) -> None:
    if event.kind in {EventKind.FAULT_BEGAN, EventKind.FAULT_ENDED}:
        _log.info("hidden test stream: %s %s", event.kind, event.reason)

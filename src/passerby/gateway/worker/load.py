"""What a camera does when the machine cannot keep up: fewer pictures first, a full cover after. Pure: the clock is handed in."""

from __future__ import annotations

from passerby.gateway.config import OverloadPolicy

LATE_S = 0.35
"""A picture that has waited longer before it was veiled counts as late."""
CALM_S = 0.1
STRAINED, RELAXED = 1.0, 0.45
"""Inference passes that take this share of the time after which pictures wait for them are too slow: soon they will wait in vain;
and below the other share there is time enough for twice as many pictures. Chosen, not measured."""
RISE_S = 0.7
"""So much time late in all, of which a quarter of the time in between is taken off; all of it where the rate is at its lowest:
then pictures are covered at once only where most of them are late anyway."""
_FORGIVEN = 0.25
_LONGEST_NOTE_S = 0.5
FALL_S = 4.0
LONGEST_FALL_S = 64.0
TRY_SHARE = 0.25
"""At the lowest rate pictures are tried again after this share of the calm time: a few that are late once more cost less
than many that are covered for nothing. Source: docs/gateway.md."""
RELAPSE_S = 30.0
"""Overload that comes back sooner after it ended makes the next end come later, doubling each time."""
BURST_S = 3.0
"""A camera that comes back sends what it kept, and a process that was stopped finds what came meanwhile: that is no overload."""
BURST_REST_S = 5.0
"""Bursts that follow each other sooner are overload after all."""
STEPS = (1, 2, 4, 8, 16)
"""Every picture, every second, ..."""
SLOWEST_S = 0.45
"""... as long as pictures come no farther apart: what moves between two of them is hard to follow. Chosen, not measured."""
_ASSUMED_S = 0.1


class Load:
    """Decides which pictures are taken.

    Args:
        policy: ``rate`` leaves pictures out before it covers; ``cover`` covers at once.
        max_fps: Pictures above this rate are left out in any case; 0 keeps all.
        step: One picture of so many is taken at first, as the process before this one did when it ended.
    """

    def __init__(self, policy: OverloadPolicy, max_fps: float = 0.0, step: int = 1) -> None:
        self._policy = policy
        self._min_step_ns = round(0.98e9 / max_fps) if max_fps > 0 else 0
        self._last_ns = 0
        self._number = 0
        self._level = sum(one <= step for one in STEPS[1:])
        self._late_s = 0.0
        self._noted_s: float | None = None
        self._every_s, self._captured_ns = _ASSUMED_S, 0
        self._calm_since: float | None = None
        self._fall_s, self._cover_s = FALL_S, 0.0
        self._fell_s = -RELAPSE_S
        self._burst_until_s = -RELAPSE_S
        self.overloaded = False

    @property
    def step(self) -> int:
        """Return how many pictures one is taken of."""
        return STEPS[self._level]

    def wants(self, captured_ns: int) -> bool:
        """Return whether to take a picture, before it waits."""
        if captured_ns - self._last_ns < self._min_step_ns:
            return False
        if self._captured_ns:
            self._every_s += 0.05 * (min((captured_ns - self._captured_ns) / 1e9, 1.0) - self._every_s)
        self._captured_ns = captured_ns
        self._number += 1
        if self._number % self.step:
            return False
        self._last_ns = captured_ns
        return True

    def expect_burst(self, now_s: float) -> None:
        """Leave out a while from the account: pictures that came late have come at once."""
        if now_s - self._burst_until_s > BURST_REST_S:
            self._late_s = 0.0
            self._burst_until_s = now_s + BURST_S

    def note(self, waited_s: float, now_s: float, *, strain: float = 0.0) -> None:
        """Note how the machine keeps up.

        Args:
            waited_s: How long the picture had waited that is now veiled.
            now_s: The machine's clock.
            strain: How long inference passes take, as a share of the time that they have.
        """
        since_s = 0.0 if self._noted_s is None else min(now_s - self._noted_s, _LONGEST_NOTE_S)
        self._noted_s = now_s
        if now_s < self._burst_until_s:
            return
        slower = self._may_slow_down()
        if waited_s > LATE_S or (strain > STRAINED and slower):
            self._calm_since = None
            self._late_s += since_s
            if self._late_s > RISE_S:
                self._rise(now_s)
            return
        self._late_s = max(0.0, self._late_s - (_FORGIVEN if slower else 1.0) * since_s)
        if waited_s > CALM_S or strain > RELAXED:
            self._calm_since = None
        else:
            self._calm_since = now_s if self._calm_since is None else self._calm_since
            if now_s - self._calm_since > (self._cover_s if self.overloaded else self._fall_s):
                self._fall(now_s)

    def _rise(self, now_s: float) -> None:
        self._late_s = 0.0
        relapse = now_s - self._fell_s < RELAPSE_S
        self._fell_s = -RELAPSE_S
        if self._may_slow_down():
            self._fall_s = min(self._fall_s * 2, LONGEST_FALL_S) if relapse else FALL_S
            self._level += 1
        else:
            share = TRY_SHARE if self._level else 1.0
            longer_s = min(self._cover_s * 2, share * LONGEST_FALL_S) if relapse else 0.0
            self._cover_s = max(longer_s, share * FALL_S)
            self.overloaded = True

    def _may_slow_down(self) -> bool:
        return (
            self._policy == "rate"
            and self._level + 1 < len(STEPS)
            and STEPS[self._level + 1] * self._every_s <= SLOWEST_S
        )

    def _fall(self, now_s: float) -> None:
        self._calm_since = now_s
        if self.overloaded or self._level:
            self._fell_s = now_s
        if self.overloaded:
            self.overloaded = False
        else:
            self._level = max(0, self._level - 1)

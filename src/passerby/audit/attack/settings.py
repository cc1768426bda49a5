"""What an attack is told."""

from __future__ import annotations

from dataclasses import dataclass

from passerby.errors import UsageError

LEAST_PEOPLE = 40
"""Fewer leave folds in which nothing can be learned. Source: a choice: eight people a fold."""


@dataclass(frozen=True, slots=True)
class AttackSettings:
    """How hidden pixels are attacked.

    Attributes:
        people: At most so many are attacked, at least 40.
        frames: Of each track, from its first on.
        cells: Cells along each side of a cover, in which its hidden brightness is sought; a multiple of 4.
        folds: People are held out in so many parts, at least 3.
        shuffles: Controls, each the same attacker with covered pixels shuffled between people; at least 19.
        runs: Drawn crowds in which faint blends are sought, for the detection limit; 0 takes what was measured once.
        seed: Of all draws, so that a report can be repeated.

    Raises:
        UsageError: a number is outside its range.
    """

    people: int = 150
    frames: int = 8
    cells: int = 16
    folds: int = 5
    shuffles: int = 499
    runs: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("people", LEAST_PEOPLE), ("frames", 1), ("folds", 3), ("shuffles", 19), ("runs", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if self.cells < 8 or self.cells % 4:
            raise UsageError(f"cells must be a multiple of 4 from 8 on, got {self.cells}")

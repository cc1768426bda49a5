"""What an audit of scores is told."""

from __future__ import annotations

from dataclasses import dataclass

from passerby.errors import UsageError


@dataclass(frozen=True, slots=True)
class ScoresSettings:
    """How a comparison log is to be read and judged.

    Attributes:
        threshold: The operator's own; a score on it counts as accepted.
        higher_is_closer: Whether a higher score means more alike (similarity) or less (distance).
        by: Further columns whose values are crossed with the group, such as ``device`` or ``day``.
        replicates: Draws of the two-role bootstrap, at least 100.
        sample: Comparisons without error that the bootstrap keeps for each stratum; all errors are kept.
        seed: Of the draws, so that a report can be repeated.
        passers_by: People who pass a station in a day, for what a rate means there.
        list_size: People on the list that each is compared with.
        pairs_at_once: Comparisons whose people are held at a time, 8 bytes each; a longer log is read once more for each
            further share.

    Raises:
        UsageError: a number is outside its range.
    """

    threshold: float
    higher_is_closer: bool = True
    by: tuple[str, ...] = ()
    replicates: int = 1000
    sample: int = 5_000
    seed: int = 0
    passers_by: int = 10_000
    list_size: int = 1_000
    pairs_at_once: int = 12_000_000

    def __post_init__(self) -> None:
        if not abs(self.threshold) < float("inf"):
            raise UsageError(f"threshold must be a finite number, got {self.threshold}")
        if self.replicates < 100 or self.sample < 100:
            raise UsageError(f"replicates and sample must be at least 100, got {self.replicates} and {self.sample}")
        for name in ("passers_by", "list_size", "pairs_at_once"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if reserved := {"score", "mated", "subject", "reference", "group"} & set(self.by):
            raise UsageError(f"--by must name a further column, got {', '.join(sorted(reserved))}")

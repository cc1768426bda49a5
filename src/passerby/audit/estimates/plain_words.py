"""Rates and their equality, for people who decide about them."""

from __future__ import annotations

from collections.abc import Iterator

from passerby.audit.estimates.equality import ALPHA, Equality


def percent(value: float) -> str:
    """Return a share as people write it.

    >>> percent(0.0312), percent(0.00004), percent(0.0)
    ('3.12 %', '0.004 %', '0 %')
    """
    if value == 0:
        return "0 %"
    digits = 2 if value >= 0.001 else 3 if value >= 0.00001 else 5
    return f"{value * 100:.{digits}f}".rstrip("0").rstrip(".") + " %"


def equality_words(found: Equality | None, what: str) -> Iterator[str]:
    """Yield sentences on whether groups differ.

    Args:
        found: None where nothing can be compared.
        what: The rate's name.
    """
    if found is None:
        yield f"Groups cannot be compared by {what}: fewer than two have comparisons, nobody errs, or they are very small."
        return
    if found.p < ALPHA:
        yield f"The groups differ in {what}: if they were equal, a sample would differ as much in {percent(found.p)} of cases."
    else:
        yield (
            f"This sample shows no difference in {what} between groups (p = {found.p:.2f}). That is not proof of equality: it "
            + (
                f"would have shown one group at {found.detectable:.2f} times another's rate."
                if found.detectable
                else "has too few errors."
            )
        )
    if found.worst_over_best is not None:
        chance = (
            "what chance adds to such a ratio cannot be told from so few errors"
            if found.corrected is None
            else f"without what chance adds to such a ratio, {found.corrected:.2f} times"
        )
        yield (
            f"The largest rate is {found.worst_over_best:.2f} times the smallest; {chance}. It is {found.worst_over_mean:.2f} "
            f"times the geometric mean; Gini {found.gini:.2f}."
        )
    for one in found.differences:
        if found.p < ALPHA and one.p < ALPHA and one.ratio is not None:
            yield f"{one.name}: {one.ratio:.2f} times the mean of the others (p = {one.p:.4f} after Holm)."

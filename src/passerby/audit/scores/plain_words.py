"""What rates mean, for people who decide about them."""

from __future__ import annotations

from collections.abc import Iterator

from passerby.audit.scores.analysis import RateCheck, ScoresAudit
from passerby.audit.scores.equality import ALPHA, Equality
from passerby.audit.scores.rates import Rate, rows_for_thirty, rule_of_three


def percent(value: float) -> str:
    """Return a share as people write it.

    >>> percent(0.0312), percent(0.00004), percent(0.0)
    ('3.12 %', '0.004 %', '0 %')
    """
    if value == 0:
        return "0 %"
    digits = 2 if value >= 0.001 else 3 if value >= 0.00001 else 5
    return f"{value * 100:.{digits}f}".rstrip("0").rstrip(".") + " %"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.1 else "fewer than 0.1"


def false_alarms(rate: float, list_size: int) -> float:
    """Return how likely somebody who is not on a list is taken for somebody on it, 0 to 1.

    Each of the comparisons may fail by itself. Source: ISO/IEC 19795-1:2021, false positive identification from a false
    match rate, for comparisons that do not depend on each other.

    >>> round(false_alarms(0.001, 1000), 3)
    0.632
    """
    return float(1 - (1 - rate) ** list_size)


def station(audit: ScoresAudit, check: RateCheck) -> str:
    """Return what a false match rate means in a day at a station."""
    rate, passers, size = check.rate, audit.settings.passers_by, audit.settings.list_size
    people, low, high = (_count(false_alarms(value, size) * passers) for value in (rate.value, rate.low, rate.high))
    return (
        f"If {passers:,} people of {rate.stratum.name} pass in a day and each is compared with {size:,} people on a list, among "
        f"whom they are not, about {people} of them are taken for somebody on it (between {low} and {high})."
    )


def support(rate: Rate) -> str:
    """Return what a stratum's size allows to be said, or nothing where 30 effective errors were seen."""
    if not rate.errors:
        return (
            f"no error in {rate.comparisons:,} comparisons that count as {rate.effective:,.0f}: a rate up to "
            f"{percent(rule_of_three(rate))} is not excluded (rule of 3)"
        )
    if rate.supported:
        return ""
    return (
        f"{rate.errors} errors count as {rate.value * rate.effective:.1f}: about {rows_for_thirty(rate):,} such comparisons "
        f"would be needed to know the rate within 30 % (rule of 30)"
    )


def equality_words(found: Equality | None, what: str) -> Iterator[str]:
    """Yield sentences on whether groups differ.

    Args:
        found: None where nothing can be compared.
        what: The rate's name.
    """
    if found is None:
        yield f"Groups cannot be compared by {what}: fewer than two have comparisons, or nobody has an error."
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
    if found.worst_over_best is not None and found.corrected is not None:
        yield (
            f"The largest rate is {found.worst_over_best:.2f} times the smallest; without what chance adds to such a ratio, "
            f"{found.corrected:.2f} times. It is {found.worst_over_mean:.2f} times the geometric mean; Gini {found.gini:.2f}."
        )
    for one in found.differences:
        if found.p < ALPHA and one.p < ALPHA and one.ratio is not None:
            yield f"{one.name}: {one.ratio:.2f} times the mean of the others (p = {one.p:.4f} after Holm)."


def cautions(audit: ScoresAudit) -> Iterator[str]:
    """Yield what a reader must know before any figure."""
    if not audit.both_roles:
        yield (
            "The log names only one person of each comparison (no column reference). Both matter: the intervals of false "
            "matches are too narrow, and pairs of groups cannot be told apart."
        )
    if audit.copies:
        yield f"{audit.copies} rows repeat another in every column; they are counted."
    if audit.settings.by:
        yield "People stand in several crossings, so tests of single groups are approximate; the bootstrap draws them together."
    yield (
        "Rates hold for the people, cameras and pictures of this log. Groups are as the log names them; nothing here estimates "
        "anybody's group."
    )

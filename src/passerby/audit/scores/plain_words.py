"""What rates mean, for people who decide about them."""

from __future__ import annotations

from collections.abc import Iterator

from passerby.audit.estimates import percent
from passerby.audit.scores.analysis import RateCheck, ScoresAudit
from passerby.audit.scores.rates import Rate, rows_for_thirty, rule_of_three


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


def cautions(audit: ScoresAudit) -> Iterator[str]:
    """Yield what a reader must know before any figure."""
    if not audit.both_roles:
        yield (
            "The log names only one person of each comparison (no column reference). Both matter: the intervals of false "
            "matches are too narrow, and pairs of groups cannot be told apart."
        )
    if audit.copies:
        yield f"{audit.copies} rows repeat another in every column; they are counted."
    threshold = audit.settings.threshold
    if not audit.low <= threshold <= audit.high:
        yield (
            f"No score is near the threshold {threshold:g}: they go from {audit.low:g} to {audit.high:g}. All then end "
            f"alike, which says nothing of people. Is it the operator's, on this scale?"
        )
    if audit.settings.by:
        yield "People stand in several crossings, so tests of single groups are approximate; the bootstrap draws them together."
    yield (
        "Rates hold for the people, cameras and pictures of this log. Groups are as the log names them; nothing here estimates "
        "anybody's group."
    )

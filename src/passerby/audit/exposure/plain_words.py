"""What an audit of veiling says, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from passerby.audit.estimates import ALPHA, equality_words, percent
from passerby.audit.exposure.figures import ENOUGH_CLIPS, ExposureRate, Quantity, ToolDifference
from passerby.audit.exposure.results import ENOUGH_PEOPLE, DimensionTable, VeilAudit
from passerby.audit.labels import PERSONAL


def veil_cautions(audit: VeilAudit) -> Iterator[str]:
    """Yield what a reader must know before any figure."""
    yield (
        "A face is exposed in a frame when less than 90 % of its box is covered. Rates hold for footage like this; a covered "
        "face does not make a person anonymous."
    )
    yield from (f"{note[0].upper()}{note[1:]}." for note in audit.notes)
    if missing := [name for name in PERSONAL if name not in audit.labelled]:
        yield f"Not measured by {', '.join(missing)}: the labels do not say, and nothing here estimates it."
    tables = audit.tools[0].tables
    if few := [table.dimension for table in tables if table.dimension in PERSONAL and table.smoke_test]:
        yield (
            f"By {', '.join(few)} this is a smoke test and no claim: groups have fewer than {ENOUGH_PEOPLE} people. Groups are "
            f"as somebody perceived and labelled them."
        )
    if audit.clips + audit.pictures == 1:
        yield "There is one clip: intervals say what other people in it would have given, not what other clips would."
    elif audit.tools[0].exposed.clip_low is None:
        yield (
            f"Too few clips to say what other clips would give: {ENOUGH_CLIPS} with as many faces each are needed, more where "
            f"they differ in that. Intervals say what other people in these clips would have given."
        )
    for tool in audit.tools:
        if tool.not_shown:
            yield f"{tool.name}: {tool.not_shown:,} faces stand in frames that its output does not show; they are not counted."


def rate_words(rate: ExposureRate) -> str:
    """Return a rate with its counts and intervals.

    >>> rate_words(ExposureRate("a", 3, 300, 40, 2, 0.01, 0.003, 0.025, 0.001, 0.09, None, 200.0, 9.0))
    '1 % (0.3 % to 2.5 %; other clips 0.1 % to 9 %), 3 of 300, 40 people'
    """
    other = limits(rate.clip_low, rate.clip_high) if rate.clip_low is not None else "too few"
    between = f"{limits(rate.low, rate.high)}; other clips {other}"
    people = "1 person" if rate.people == 1 else f"{rate.people:,} people"
    return f"{percent(rate.value)} ({between}), {rate.errors:,} of {rate.faces:,}, {people}"


def limits(low: float | None, high: float | None) -> str:
    """Return an interval of shares; a dash where there is none."""
    return "-" if low is None or high is None else f"{percent(low)} to {percent(high)}"


def support(rate: ExposureRate) -> str:
    """Return what the sample of a group does not support, or nothing."""
    if rate.supported:
        return ""
    if not rate.errors:
        return f"none seen; up to {percent(rate.high)} is not excluded (rule of 3)"
    return f"{rate.errors:,} exposed count as {rate.value * rate.effective:.1f} independent ones: too few to know it within 30 %"


def quantity_words(quantity: Quantity) -> str:
    """Return the value of a quantity with its unit and interval.

    >>> quantity_words(Quantity("covered area", "share", 0.1, 0.05, 0.2, 9, "clips", "m"))
    '10 % (5 % to 20 %)'
    >>> quantity_words(Quantity("longest", "ms", 4320.0, None, None, 9, "people", "m"))
    '4,320 ms'
    """
    if quantity.value is None:
        return "not known"
    if quantity.unit == "share":
        shown = percent(quantity.value)
        return shown if quantity.low is None else f"{shown} ({limits(quantity.low, quantity.high)})"
    digits = 0 if quantity.value >= 100 or quantity.value == int(quantity.value) else 2
    shown = f"{quantity.value:,.{digits}f} {quantity.unit}"
    return shown if quantity.low is None else f"{shown} ({quantity.low:,.{digits}f} to {quantity.high:,.{digits}f})"


def dimension_words(table: DimensionTable) -> Iterator[str]:
    """Yield sentences on whether the values of a property differ."""
    if table.smoke_test and table.dimension in PERSONAL:
        yield f"A smoke test: fewer than {ENOUGH_PEOPLE} people in a group."
    if len(table.rates) < 2:
        yield "One value only: nothing to compare."
    else:
        # without what chance adds to a ratio and the rest, which are for people
        found = table.equality and replace(table.equality, worst_over_best=None)
        yield from equality_words(found, "exposed faces")
    if table.unlabelled:
        yield f"{table.unlabelled:,} faces have no such label and stand in no row."


def difference_words(one: ToolDifference) -> str:
    """Return how two tools differ."""
    points = f"{100 * one.value:+.2f} percentage points ({100 * one.low:+.2f} to {100 * one.high:+.2f})"
    if one.p < ALPHA:
        more = "more" if one.value > 0 else "fewer"
        return f"{one.other} leaves {more} faces exposed than {one.first}: {points}, p = {one.p:.4f} after Holm."
    return (
        f"This sample shows no difference between {one.other} and {one.first}: {points}, p = {one.p:.2f}. It would have shown "
        f"{100 * one.detectable:.2f} points in four of five samples."
    )

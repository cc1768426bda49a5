"""What an attack means, for people who decide about covers."""

from __future__ import annotations

from collections.abc import Iterator

from passerby.audit.attack.analysis import AttackAudit, AttackedCover, CoverKind
from passerby.audit.attack.limit import BlendLimit

MOST_GAIN = 0.01
"""A style must not give away more of the hidden picture than this."""


def share_words(value: float) -> str:
    """Return a gain in per cent, with its sign.

    >>> share_words(0.0312), share_words(-0.0004), share_words(0.0)
    ('3.12 %', '-0.04 %', '0.00 %')
    """
    return f"{100 * value + 0.0:.2f} %"


def cover_words(cover: AttackedCover) -> str:
    """Return one sentence about one kind of cover."""
    outcome = cover.outcome
    best = outcome.best
    if outcome.found:
        return (
            f"{cover.name}: something shows through. From what the picture still shows, the attacker explains "
            f"{share_words(best.gain)} more of the hidden picture than chance "
            f"({share_words(best.low)} to {share_words(best.high)})."
        )
    return (
        f"{cover.name}: from what the picture still shows, the attacker explains at most "
        f"{share_words(max(0.0, outcome.bound))} more of the hidden picture than chance."
    )


def limit_words(limit: BlendLimit) -> str:
    """Return which blends are found how often."""
    tried = "; ".join(f"{100 * one.share:g} % in {one.found} of {one.runs}" for one in limit.blends)
    found = limit.smallest
    words = f"Blended into the cover of {limit.people} drawn people, hidden pixels are found at {tried} crowds."
    if found is None:
        return f"{words} None of these is found in 95 of 100."
    return f"{words} What is fainter than {100 * found.share:g} % may be missed."


def attack_notes(audit: AttackAudit) -> Iterator[str]:
    """Yield what a reader must know before any figure."""
    if missed := audit.missed:
        names = ", ".join(cover.name for cover in missed)
        yield (
            f"Of the leaks that were planted among these people, the attackers missed: {names}. With so little to learn from, "
            f"finding nothing says little."
        )
    yield from audit.notes
    yield (
        "Hidden pixels are sought, nobody's identity: no face is recognised, compared or described. That nothing was found "
        "holds for these attackers and people; it is no proof for others."
    )


def summary_line(audit: AttackAudit) -> str:
    """Return how many planted leaks were found."""
    leaks = audit.of_kind(CoverKind.LEAK)
    return f"{len(leaks) - len(audit.missed)} of {len(leaks)} planted leaks were found among the same people."

"""Which of the statute's own words an answer rests on."""

from __future__ import annotations

from collections.abc import Iterator

from passerby.law.statute import Quotation, words_beside
from passerby.law.values import Reason, Verdict


def words_behind(reason: Reason) -> tuple[Quotation, ...]:
    """Return the statute's own words behind one step, without those behind what it rests on."""
    return words_beside(reason.provision, reason.rule) if reason.provision is not None else ()


def words_quoted(verdict: Verdict) -> tuple[Quotation, ...]:
    """Return the statute's own words behind all steps of an answer, each once, from the top down."""
    reasons = (*verdict.reasons, *(reason for one in verdict.alternatives for reason in one.reasons))
    return tuple(dict.fromkeys(quotation for reason in reasons for quotation in _below(reason)))


def _below(reason: Reason) -> Iterator[Quotation]:
    yield from words_behind(reason)
    for premise in reason.premises:
        yield from _below(premise)

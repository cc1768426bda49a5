"""The plain words that reports use for outcomes, certainty, facts and days. Shared by the text, the page and the letters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from passerby.law.facts import value_to_yaml, vocabulary
from passerby.law.values import (
    UNKNOWN,
    Alternative,
    Certainty,
    Duty,
    FactValue,
    FineTier,
    Outcome,
    Provision,
    Reason,
    Verdict,
)

OUTCOME_TITLE: Mapping[Outcome, str] = {
    Outcome.PROHIBITED: "Prohibited",
    Outcome.NON_COMPLIANT: "Non-compliant",
    Outcome.PERMITTED: "Permitted with authorisation",
    Outcome.HIGH_RISK: "High-risk",
    Outcome.TRANSPARENCY_ONLY: "Transparency only",
    Outcome.NOT_REGULATED: "Not regulated",
    Outcome.OUT_OF_SCOPE: "Out of scope",
    Outcome.NOT_PROHIBITED: "Not prohibited",
    Outcome.DEPENDS: "It depends",
}
OUTCOME_MEANING: Mapping[Outcome, str] = {
    Outcome.PROHIBITED: "The use is banned, or a condition of its exception is not met.",
    Outcome.PERMITTED: "Lawful only with the authorisation and the other conditions, which the facts meet; also high-risk.",
    Outcome.HIGH_RISK: "Not banned; the duties of high-risk systems apply.",
    Outcome.TRANSPARENCY_ONLY: "Only the people exposed to it must be told.",
    Outcome.NOT_REGULATED: "This text sets no duty of its own; data protection law still applies.",
    Outcome.OUT_OF_SCOPE: "This text does not apply to it at all.",
    Outcome.NOT_PROHIBITED: "The ban does not bite; what else applies is left open.",
    Outcome.NON_COMPLIANT: "Not banned, but as described it breaks a duty of high-risk systems.",
    Outcome.DEPENDS: "More than one answer remains possible.",
}
CERTAINTY_MEANING: Mapping[Certainty, str] = {
    Certainty.QUOTED: "the source gives this answer itself",
    Certainty.DERIVED: "the text was read, applying it is ours",
    Certainty.SECONDARY: "from a summary, not from the text",
    Certainty.MEMORY: "the text was not at hand",
}
DISCLAIMER = (
    "Not legal advice. The rules are our own words for the sources named; only courts interpret the law with authority. "
    "A use that passes here may still be unlawful under data protection law, police law or the Charter."
)

_MOST_SHOWN = 6


def day(value: date) -> str:
    """Return a day for people.

    >>> day(date(2026, 8, 2))
    '2 August 2026'
    """
    return f"{value.day} {value:%B} {value.year}"


def fact_words(name: str, value: FactValue) -> str:
    """Return a fact as a short phrase that a reader of the vocabulary finds again.

    >>> fact_words("fria", False)
    'fria: false'
    """
    return f"{name}: {value_to_yaml(value)}"


def fact_meaning(name: str, value: FactValue) -> str | None:
    """Return what a word of the vocabulary means, or None for flags, numbers and words without an explanation."""
    fact = vocabulary().get(name)
    if fact is None or not isinstance(value, str) or value == UNKNOWN:
        return None
    return fact.values.get(value)


def change_words(facts: Mapping[str, FactValue], given: Mapping[str, FactValue]) -> str:
    """Return what must change, each fact with its present value where one is known.

    >>> change_words({"fria": False}, {"fria": True})
    'fria: false (now true)'
    """
    return " and ".join(fact_words(name, value) + _now(name, given) for name, value in facts.items())


def _now(name: str, given: Mapping[str, FactValue]) -> str:
    present = given.get(name, UNKNOWN)
    return "" if present == UNKNOWN else f" (now {value_to_yaml(present)})"


def grouped_changes(verdict: Verdict, given: Mapping[str, FactValue]) -> list[tuple[Outcome, list[str]]]:
    """Return the changes by the outcome they lead to, the values of one fact together, the strictest outcome first.

    Args:
        verdict: Its ``changes`` are told.
        given: The facts as given; those assumed are taken from the verdict.
    """
    present = {**verdict.assumed, **given}
    groups: dict[Outcome, dict[tuple[str, ...], list[Mapping[str, FactValue]]]] = {}
    for change in verdict.changes:
        groups.setdefault(change.outcome, {}).setdefault(tuple(change.facts), []).append(change.facts)
    order = [outcome for outcome in OUTCOME_TITLE if outcome in groups]
    return [(outcome, [_one_group(sets, present) for sets in groups[outcome].values()]) for outcome in order]


def _one_group(sets: list[Mapping[str, FactValue]], present: Mapping[str, FactValue]) -> str:
    if len(sets[0]) > 1:
        return "; or ".join(change_words(facts, present) for facts in sets)
    name = next(iter(sets[0]))
    return f"{name}: {', '.join(value_to_yaml(facts[name]) for facts in sets)}{_now(name, present)}"


def assumptions(verdict: Verdict) -> dict[str, FactValue]:
    """Return the assumed facts on which the derivation rests or whose change alone gives another outcome."""
    read = {name for step in steps(verdict.reasons) for name in step.facts}
    read |= {name for change in verdict.changes for name in change.facts}
    return {name: value for name, value in verdict.assumed.items() if name in read}


def fine_words(fine: FineTier) -> str:
    """Return the tier in one phrase."""
    euro = f"{fine.max_eur:,}".replace(",", " ")
    return f"up to {euro} EUR or {fine.max_turnover_percent:g} % of worldwide yearly turnover, whichever is higher"


def duty_when(duty: Duty) -> str:
    """Return deadline and first day of a duty, or an empty string."""
    parts = [duty.deadline] if duty.deadline else []
    if duty.applies_from:
        parts.append(f"binds from {day(duty.applies_from)}")
    return "; ".join(parts)


def source_words(reason: Reason) -> str:
    """Return article, guideline and certainty of one step, as in ``Art. 5(1)(h), guidelines ¶295, quoted``."""
    if reason.provision is None:
        return ""
    paragraph = guideline_of(reason)
    parts = [reason.provision.article, f"guidelines {paragraph}" if paragraph else "", reason.certainty.value]
    return ", ".join(part for part in parts if part)


def facts_read(reason: Reason, filled: Mapping[str, FactValue]) -> str:
    """Return the facts that one step reads itself, as in ``space: public``; empty when its words name them already.

    Args:
        reason: The step.
        filled: Values taken for unknown facts in this derivation; told with an "if". Unknown facts that it does not hold
            make no difference and are left out.
    """
    told = []
    for name, value in reason.facts.items():
        if value == UNKNOWN:
            told += [f"if {fact_words(name, filled[name])}"] if name in filled else []
        elif value_to_yaml(value) not in reason.statement:
            told.append(fact_words(name, value))
    return ", ".join(told)


def guideline_of(reason: Reason) -> str | None:
    """Return the paragraph of the guidelines behind one step: the rule's own, else its provision's, else None."""
    if reason.provision is None:
        return None
    own = next((rule.guideline for rule in reason.provision.rules if rule.id == reason.rule), None)
    return own or reason.provision.guideline


def outside_entirely(verdict: Verdict) -> bool:
    """Tell whether no rule answers in any case that the facts leave open."""
    return verdict.outside and verdict.possible == {Outcome.DEPENDS}


def title_of(verdict: Verdict) -> str:
    """Return the verdict in a few words."""
    return "Outside this rulebook" if outside_entirely(verdict) else OUTCOME_TITLE[verdict.outcome]


def possible_words(verdict: Verdict) -> str:
    """Return the outcomes that remain possible, the strictest first, and what lies outside the rulebook last."""
    names = [
        title.lower() for outcome, title in OUTCOME_TITLE.items() if outcome in verdict.possible - {Outcome.DEPENDS}
    ]
    return ", ".join([*names, *(["outside this rulebook"] if verdict.outside else [])])


def example_words(alternative: Alternative) -> str:
    """Return one way to fill in the unknown facts, those that the derivation reads first; shortened when it is long."""
    read = {name for step in steps(alternative.reasons) for name in step.facts}
    ordered = sorted(alternative.facts.items(), key=lambda item: item[0] not in read)
    shown = [fact_words(name, value) for name, value in ordered[:_MOST_SHOWN]]
    left = len(ordered) - len(shown)
    return ", ".join(shown) + (f" and {left} more facts" if left else "")


def readings_told(alternative: Alternative, verdict: Verdict) -> list[tuple[str, str]]:
    """Return the open points that the derivation reads, each as question and answer."""
    told = [step.statement for step in steps(alternative.reasons)]
    pairs = []
    for point in verdict.open_points:
        answer = alternative.readings.get(point.id)
        if answer is not None and any(statement.startswith(point.question) for statement in told):
            pairs.append((point.question, "yes" if answer else "no"))
    return pairs


def standing(verdict: Verdict) -> str:
    """Say in one sentence how firm a verdict is."""
    if outside_entirely(verdict):
        return "No rule here answers it, and nothing is guessed."
    if verdict.certain:
        return "The same in every case that the facts leave open."
    return f"Still possible: {possible_words(verdict)}."


def deciding(verdict: Verdict) -> tuple[Provision, ...]:
    """Return the provisions at the top of the derivation: the first one on each branch from above."""
    found: dict[str, Provision] = {}
    for reason in verdict.reasons:
        found.update({provision.id: provision for provision in _topmost(reason)})
    return tuple(found.values())


def articles(verdict: Verdict) -> list[str]:
    """Return the articles of the provisions that decide, each once."""
    return list(dict.fromkeys(provision.article for provision in deciding(verdict)))


def first_statement(verdict: Verdict) -> str:
    """Return the first reason in words, or where the verdict stands if there is none."""
    return verdict.reasons[0].statement if verdict.reasons else standing(verdict)


def _topmost(reason: Reason) -> Iterator[Provision]:
    if reason.provision is not None:
        yield reason.provision
        return
    for premise in reason.premises:
        yield from _topmost(premise)


def value_in_words(value: FactValue) -> str:
    """Return a value in words for a table: yes and no for flags.

    >>> value_in_words(True), value_in_words("police")
    ('yes', 'police')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value_to_yaml(value)


def steps(reasons: Iterable[Reason]) -> Iterator[Reason]:
    """Yield every step of some derivations, from the top down, each branch before the next."""
    for reason in reasons:
        yield reason
        yield from steps(reason.premises)

"""The words that reports use for outcomes, certainty, facts and days. Shared by the text, the page and the letters.

Each function takes the language it speaks (`Wording`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from passerby.law.engine import DEFAULT_POSITION
from passerby.law.facts import value_to_yaml, vocabulary
from passerby.law.report.wording import Wording
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
ELSEWHERE = frozenset({Outcome.HIGH_RISK, Outcome.TRANSPARENCY_ONLY, Outcome.NOT_REGULATED, Outcome.NOT_PROHIBITED})
"""What does not ban a use and does not permit it either: data protection law decides (Art. 2(7) of the Act, recital 39)."""
OTHER_LAW = (
    "Whether it is allowed at all is decided by data protection law (Article 9 of the General Data Protection Regulation; for "
    "law enforcement Article 10 of Directive (EU) 2016/680), which this Act leaves as it is (Art. 2(7))."
)
NO_ADVICE = "Not legal advice."
RESERVE = (
    "The rules are our own words for the sources named; only courts interpret the law with authority. "
    "A use that passes here may still be unlawful under data protection law, police law or the Charter."
)
DISCLAIMER = f"{NO_ADVICE} {RESERVE}"
OUTSIDE = "Outside this rulebook"

_MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Differing:
    """A fact that would have to be different.

    Attributes:
        name: Of the fact.
        question: That it answers, in words.
        values: What it would have to be, in words; one of them.
        now: What it is, in words; None where it is not known.
    """

    name: str
    question: str
    values: tuple[str, ...]
    now: str | None


def disclaimer(w: Wording) -> str:
    """Return what every answer ends with."""
    return f"{w.of(NO_ADVICE)} {w.of(RESERVE)}"


def fact_words(name: str, value: FactValue) -> str:
    """Return a fact as a facts file spells it.

    >>> fact_words("fria", False)
    'fria: false'
    """
    return f"{name}: {value_to_yaml(value)}"


def question_of(w: Wording, name: str) -> str:
    """Return the question that a fact answers."""
    return w.of(vocabulary()[name].question)


def value_words(w: Wording, name: str, value: FactValue) -> str:
    """Return a value in words: yes and no for flags, what a word of the vocabulary means.

    >>> from passerby.law.report.wording import wording_in
    >>> value_words(wording_in("en"), "fria", True), value_words(wording_in("en"), "authoriser", "court")
    ('yes', 'a court')
    """
    if isinstance(value, bool):
        return w.of("yes" if value else "no")
    fact = vocabulary().get(name)
    if value == UNKNOWN:
        return w.of("not known")
    if fact is None or fact.open or not isinstance(value, str):
        return value_to_yaml(value)
    return w.of(fact.values.get(value, value))


def grouped_changes(
    w: Wording, verdict: Verdict, given: Mapping[str, FactValue]
) -> list[tuple[Outcome, list[tuple[Differing, ...]]]]:
    """Return the changes by the outcome they lead to, the values of one fact together, the strictest outcome first.

    Args:
        w: The language.
        verdict: Its ``changes`` are told.
        given: The facts as given; those assumed are taken from the verdict.

    Returns:
        For each outcome its ways; a way names one fact, or several that would have to differ at once.
    """
    present = {**verdict.assumed, **given}
    groups: dict[Outcome, dict[tuple[str, ...], list[Mapping[str, FactValue]]]] = {}
    for change in verdict.changes:
        # of several facts at once each set is a way of its own
        key = tuple(change.facts) if len(change.facts) == 1 else tuple(map(str, change.facts.items()))
        groups.setdefault(change.outcome, {}).setdefault(key, []).append(change.facts)
    order = [outcome for outcome in OUTCOME_TITLE if outcome in groups]
    return [(outcome, [_way(w, sets, present) for sets in groups[outcome].values()]) for outcome in order]


def _way(w: Wording, sets: list[Mapping[str, FactValue]], present: Mapping[str, FactValue]) -> tuple[Differing, ...]:
    return tuple(
        Differing(
            name,
            question_of(w, name),
            tuple(dict.fromkeys(value_words(w, name, facts[name]) for facts in sets)),
            None if present.get(name, UNKNOWN) == UNKNOWN else value_words(w, name, present[name]),
        )
        for name in sets[0]
    )


def assumptions(verdict: Verdict) -> dict[str, FactValue]:
    """Return the assumed facts on which the derivation rests or whose change alone gives another outcome."""
    read = {name for step in steps(verdict.reasons) for name in step.facts}
    read |= {name for change in verdict.changes for name in change.facts}
    return {name: value for name, value in verdict.assumed.items() if name in read}


def decisive_facts(verdict: Verdict) -> tuple[str, ...]:
    """Return the facts that the derivation reads, each once, in the order in which people think of them."""
    read = {name for step in steps(verdict.reasons) for name in step.facts}
    return tuple(name for name in vocabulary() if name in read)


def fine_words(w: Wording, fine: FineTier) -> str:
    """Return the tier in one phrase."""
    return w.text(
        "up to {euro} EUR or {percent} % of worldwide yearly turnover, whichever is higher",
        euro=w.number(fine.max_eur),
        percent=f"{fine.max_turnover_percent:g}",
    )


def duty_when(w: Wording, duty: Duty) -> str:
    """Return deadline and first day of a duty, or an empty string."""
    parts = [w.of(duty.deadline)] if duty.deadline else []
    if duty.applies_from:
        parts.append(w.text("binds from {day}", day=w.day(duty.applies_from)))
    return w.listed(parts)


def source_words(w: Wording, reason: Reason) -> str:
    """Return article, guideline and certainty of one step, as in ``Art. 5(1)(h), guidelines ¶295, quoted``."""
    if reason.provision is None:
        return ""
    paragraph = guideline_of(reason)
    cited = [reason.provision.article, f"guidelines {paragraph}" if paragraph else ""]
    return ", ".join(part for part in (*map(w.cite, cited), w.of(reason.certainty.value)) if part)


def facts_read(w: Wording, reason: Reason, filled: Mapping[str, FactValue]) -> str:
    """Return the facts that one step reads itself, as in ``space: public``; empty when its words name them already.

    Args:
        w: The language.
        reason: The step.
        filled: Values taken for unknown facts in this derivation; told with an "if". Unknown facts that it does not hold
            make no difference and are left out.
    """
    told = []
    for name, value in reason.facts.items():
        if value == UNKNOWN:
            told += [w.text("if {fact}", fact=fact_words(name, filled[name]))] if name in filled else []
        elif value_to_yaml(value) not in reason.statement:
            told.append(fact_words(name, value))
    return ", ".join(told)


def guideline_of(reason: Reason) -> str | None:
    """Return the paragraphs of the guidelines that the rule behind a step names, or None."""
    if reason.provision is None:
        return None
    return next((rule.guideline for rule in reason.provision.rules if rule.id == reason.rule), None)


def outside_entirely(verdict: Verdict) -> bool:
    """Tell whether no rule answers in any case that the facts leave open."""
    return verdict.outside and verdict.possible == {Outcome.DEPENDS}


def title_of(w: Wording, verdict: Verdict) -> str:
    """Return the verdict in a few words."""
    return w.of(OUTSIDE if outside_entirely(verdict) else OUTCOME_TITLE[verdict.outcome])


def possible_words(w: Wording, verdict: Verdict) -> str:
    """Return the outcomes that remain possible, the strictest first, and what lies outside the rulebook last."""
    titles = [title for outcome, title in OUTCOME_TITLE.items() if outcome in verdict.possible - {Outcome.DEPENDS}]
    # looked up as it stands in a sentence: where a language writes a capital within one, its words say so
    return ", ".join(w.of(lowered(title)) for title in (*titles, *([OUTSIDE] if verdict.outside else [])))


def lowered(text: str) -> str:
    """Return a text as it stands within a sentence.

    >>> lowered("Permitted with authorisation")
    'permitted with authorisation'
    """
    return text[:1].lower() + text[1:]


def raised(text: str) -> str:
    """Return a text as it stands at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def example_words(w: Wording, alternative: Alternative) -> str:
    """Return one way to fill in the unknown facts, those that the derivation reads first; shortened when it is long."""
    read = {name for step in steps(alternative.reasons) for name in step.facts}
    ordered = sorted(alternative.facts.items(), key=lambda item: item[0] not in read)
    shown = [fact_words(name, value) for name, value in ordered[:_MOST_SHOWN]]
    left = len(ordered) - len(shown)
    facts = ", ".join(shown)
    return w.text("{facts} and {n} more", facts=facts, n=left) if left else facts


def readings_told(w: Wording, alternative: Alternative, verdict: Verdict) -> list[tuple[str, str]]:
    """Return the open points that the derivation reads, each as question and answer."""
    told = [step.statement for step in steps(alternative.reasons)]
    pairs = []
    for point in verdict.open_points:
        answer = alternative.readings.get(point.id)
        if answer is not None and any(statement.startswith(point.question) for statement in told):
            pairs.append((w.of(point.question), w.of("yes" if answer else "no")))
    return pairs


def verdict_line(w: Wording, verdict: Verdict) -> str:
    """Return the verdict in one sentence, with everything that it takes for granted and that could make it stricter."""
    if outside_entirely(verdict):
        return w.of("Outside this rulebook.")
    clauses = [clause_of(w, name, value) for name, value in verdict.provided.items()]
    said = {"verdict": _limited(w, verdict), "outcomes": possible_words(w, verdict), "assumed": w.listed(clauses)}
    if verdict.certain:
        return w.text("{verdict}, provided that {assumed}." if clauses else "{verdict}.", **said)
    said["needed"] = w.listed(_needed_to_permit(w, verdict))
    if said["needed"]:
        needed = "{verdict} ({outcomes}): permitted only if {needed}"
        return w.text(needed + ("; and provided that {assumed}." if clauses else "."), **said)
    return w.text("{verdict} ({outcomes}), provided that {assumed}." if clauses else "{verdict} ({outcomes}).", **said)


def decided_elsewhere(verdict: Verdict) -> bool:
    """Tell whether the Act alone answers, and data protection law decides whether the use is allowed."""
    return verdict.position == DEFAULT_POSITION and verdict.outcome in ELSEWHERE


def _limited(w: Wording, verdict: Verdict) -> str:
    title = title_of(w, verdict)
    return w.text("{verdict} under this Act only", verdict=title) if decided_elsewhere(verdict) else title


def _needed_to_permit(w: Wording, verdict: Verdict) -> list[str]:
    """Return what must be so for a use to be permitted and is not known, as half sentences; what has no words is asked."""
    permitted = next((a for a in verdict.alternatives if a.outcome is Outcome.PERMITTED), None)
    if permitted is None:
        return []
    known = vocabulary()
    wanted = [clause_of(w, name, permitted.facts[name]) for name in verdict.unknown if known[name].says]
    asked = ", ".join(name for name in verdict.unknown if not known[name].says)
    return [*wanted, *([w.text("the answer to {facts} allows it", facts=asked)] if asked else [])]


def clause_of(w: Wording, name: str, value: FactValue) -> str:
    """Return a fact as half a sentence, as in "two people confirm each match separately"."""
    words = vocabulary()[name].says.get(value)
    return w.of(words) if words else fact_words(name, value)


def count_words(w: Wording, verdict: Verdict) -> str:
    """Return how much a verdict takes for granted, where there is no room to say what; empty where it is nothing."""
    return w.text("assumptions: {n}", n=len(verdict.provided)) if verdict.provided else ""


def standing(w: Wording, verdict: Verdict) -> str:
    """Say in one sentence how firm a verdict is."""
    if outside_entirely(verdict):
        return w.of("No rule here answers it, and nothing is guessed.")
    if verdict.certain:
        return w.of("The same in every case that the facts leave open.")
    return w.text("Still possible: {outcomes}.", outcomes=possible_words(w, verdict))


def deciding(verdict: Verdict) -> tuple[Provision, ...]:
    """Return the provisions at the top of the derivation: the first one on each branch from above."""
    found: dict[str, Provision] = {}
    for reason in verdict.reasons:
        found.update({provision.id: provision for provision in _topmost(reason)})
    return tuple(found.values())


def articles(verdict: Verdict) -> list[str]:
    """Return the articles of the provisions that decide, each once."""
    return list(dict.fromkeys(provision.article for provision in deciding(verdict)))


def first_statement(w: Wording, verdict: Verdict) -> str:
    """Return the first reason in words, or where the verdict stands if there is none."""
    return w.of(verdict.reasons[0].statement) if verdict.reasons else standing(w, verdict)


def _topmost(reason: Reason) -> Iterator[Provision]:
    if reason.provision is not None:
        yield reason.provision
        return
    for premise in reason.premises:
        yield from _topmost(premise)


def steps(reasons: Iterable[Reason]) -> Iterator[Reason]:
    """Yield every step of some derivations, from the top down, each branch before the next."""
    for reason in reasons:
        yield reason
        yield from steps(reason.premises)

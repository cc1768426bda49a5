"""What a verdict brings with it: duties, the fine, days on which it changes by itself, notes on what was read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from passerby.law.engine.assumptions import without_permitting_defaults
from passerby.law.engine.derivation import Derivation
from passerby.law.engine.layers import national_notes, overlay_named
from passerby.law.engine.neighbours import WHO_AND_WHAT
from passerby.law.engine.question import Question
from passerby.law.facts import is_affirmed, vocabulary
from passerby.law.reference import OTHER_OFFENCE, deadlines, fines, offences
from passerby.law.rules import Book, split_atom
from passerby.law.values import Duty, FineTier, LaterOutcome, Outcome

MAY_IDENTIFY = frozenset({None, "rbi", "bio-tracking", "active-identification"})
"""Functions, None for one that is not known, beside which the national law on identification is told."""
PLACED = "placed_on_market"
"""When the system came: one described on a day is there on that day, so that its default (not yet) says nothing of later days."""


def duties_of(question: Question, always: frozenset[str], derivation: Derivation) -> tuple[Duty, ...]:
    """Return the duties that hold in every possible world, each with the day from which all that it rests on applies.

    Args:
        question: What was asked; without a day the days of the text as amended count.
        always: The atoms ``duty(...)`` that hold in each of them.
        derivation: Of any of them: which rule a duty comes from.
    """
    dates = question.dates()
    result = []
    book = derivation.book
    for head in book.heads:
        if head in always and (clauses := derivation.rules_for(head)):
            provision, rule = book.rules[clauses[0].rule]
            name = split_atom(head)[1][0].replace("_", "-")
            limit = deadlines().get(name)
            duty = Duty(
                id=name,
                text=rule.statement,
                article=provision.article,
                deadline=limit.text if limit else None,
                deadline_hours=limit.hours if limit else None,
                certainty=rule.certainty,
                applies_from=derivation.applies_from(clauses[0], dates),
            )
            result.append(duty)
    return tuple(result)


def fine_of(position: str, always: frozenset[str]) -> FineTier | None:
    """Return the fine of the breach found, or None.

    Args:
        position: Whose fines count.
        always: The atoms ``fine(...)`` that hold in every possible world.
    """
    for atom in sorted(always):
        return fines()[position, split_atom(atom)[1][0].replace("_", "-")]
    return None


def later_outcomes(question: Question, outcome: Outcome) -> tuple[LaterOutcome, ...]:
    """Return the later days on which the outcome changes by itself; none in a text that never was law.

    Args:
        question: What was asked.
        outcome: Of the day asked about.
    """
    if question.on is None or question.rulebook(question.on).book.status != "law":
        return ()
    result: list[LaterOutcome] = []
    there = question.facts.without({PLACED} & question.facts.assumed.keys())
    for day in question.later_days():
        rulebook = question.rulebook(day)
        with rulebook.lock:
            facts = without_permitting_defaults(rulebook, there)
            possible = rulebook.worlds.outcomes(rulebook.worlds.assume(facts.known))
        only = next(iter(possible)) if len(possible) == 1 else None
        then = Outcome.DEPENDS if only is None else only
        if then != (result[-1].outcome if result else outcome):
            result.append(LaterOutcome(day, then))
    return tuple(result)


def older_system_note(question: Question, later: tuple[LaterOutcome, ...]) -> Iterator[str]:
    """Yield what later days depend on where nobody stated when the system came.

    Args:
        question: What was asked.
        later: What `later_outcomes` says.
    """
    if PLACED in question.facts.assumed and any(one.outcome is Outcome.DEPENDS for one in later):
        yield (
            "The rules on high-risk systems to come reach a system that is there before them only if its design is changed, one "
            "of a public authority from 2 August 2030 on (Art. 111(2)): state placed_on_market."
        )


def notes_on(question: Question, book: Book, *, outside: bool) -> Iterator[str]:
    """Yield the sentences that belong to a verdict.

    Args:
        question: What was asked.
        book: The rules that answered it.
        outside: Whether the rulebook has no answer in some case.
    """
    yield from _notes_on_text(book, question.on)
    layers = question.layers()
    for given in question.overlays:
        if given not in layers:
            yield f"The overlay {overlay_named(given).name} does not hold on {question.on} and was left out."
    for number, name in enumerate(book.overlays):
        yield f"Read with the layer {name}: {overlay_named(layers[number]).title}."
    if book.status == "law":
        identifies = question.facts.known.get("function") in MAY_IDENTIFY
        yield from national_notes(question.position, question.state, question.on, identifies=identifies)
    offence = question.facts.given.get("offence")
    if offence is not None and not offences().recognises(str(offence)):
        yield (
            f"The offence {offence} is not recognised, so that it counts as not known: name the offence of the lists that it is, "
            f"or {OTHER_OFFENCE} if it stands in none (passerby law facts offence)."
        )
    yield from _without_part(question)
    if outside:
        yield "Some of this lies outside this rulebook; nothing was guessed."


def _without_part(question: Question) -> Iterator[str]:
    """Yield a sentence on facts that are about another function than the one given, which would mislead in silence."""
    function = question.facts.given.get("function")
    if function is None:
        return
    rulebook = question.rulebook(None)
    reading = {word: rulebook.facts_for(word) for word in vocabulary()["function"].values}
    # only what a single function needs, and what does not describe any system whether its rules ask for it or not
    idle = [
        name
        for name, value in question.facts.given.items()
        if name not in WHO_AND_WHAT
        and is_affirmed(value)
        and len(of := [word for word in reading if name in reading[word]]) == 1
        and of != [function]
    ]
    if idle:
        yield (
            f"{', '.join(idle)}: without effect here, being about another function than {function}. A file describes one "
            "function; what does more needs a file for each, and the strictest answer counts."
        )


def _notes_on_text(book: Book, on: date | None) -> Iterator[str]:
    if book.status == "proposal":
        yield "This text never was law; it is read as if it applied in full."
    elif book.status == "opinion":
        yield "This is an opinion, not a law; it is read as if it were one."
    elif on is None:
        yield "Read as fully applicable, whatever the day."
    for group, start in sorted(book.dates.items()):
        if on is not None and start is not None and start > on:
            yield f"The rules on {group.replace('-', ' ')} do not apply yet on {on}; they do from {start}."

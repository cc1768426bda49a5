"""Decides: facts and a position in, a verdict out. The room's main door, without input or output but its own rule files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType

from passerby.law.engine.derivation import Derivation, Step
from passerby.law.engine.examples import plainest
from passerby.law.engine.rulebook import Engine, Layers, engine_on, layers_on, overlay_named, positions, turning_days
from passerby.law.engine.worlds import World, value_term
from passerby.law.facts import Facts, accept
from passerby.law.reference import deadlines, fines, offences
from passerby.law.rules import Book, split
from passerby.law.values import (
    Alternative,
    Certainty,
    Duty,
    FactValue,
    FineTier,
    Later,
    OpenPoint,
    Outcome,
    Provision,
    Reason,
    Verdict,
    weakest,
)

DEFAULT_POSITION = "act-2024"


def assess(
    facts: Mapping[str, object],
    *,
    position: str = DEFAULT_POSITION,
    on: date | None = None,
    overlays: Iterable[str | Path] = (),
    amended: bool = True,
) -> Verdict:
    """Say what one position answers for one deployment, why, what follows, and what would change it.

    Args:
        facts: Name to value in the vocabulary (`vocabulary`). ``unknown`` or None says that a fact is not known; an absent
            fact takes its default, and is not known where it has none.
        position: Name of a position (`positions`).
        on: The day. None reads the text as fully applicable. A text that never was law is read so on every day.
        overlays: Names of overlays, or folders of one's own, to lay over the position; one that does not hold on that day
            is left out, with a note.
        amended: Whether later amendments are read with the position from their first day on; they matter only with ``on``.

    Returns:
        The verdict. Where facts or open legal points leave several outcomes, it is ``depends`` and names them all.

    Raises:
        FactsError: a name or value is outside the vocabulary, or two facts contradict each other.
        RuleError: the position or an overlay is not known, or a rule file is broken.

    >>> facts = {"actor": "private", "purpose": "privacy-protection", "function": "anonymisation"}
    >>> assess(facts).outcome.value
    'not-regulated'
    """
    return _assess(accept(facts), position, on, tuple(overlays), amended=amended)


def assess_all(
    facts: Mapping[str, object],
    wanted: Iterable[str] | None = None,
    *,
    on: date | None = None,
    overlays: Iterable[str | Path] = (),
    amended: bool = True,
) -> tuple[Verdict, ...]:
    """Say what several positions answer for one deployment, in the order asked for; all of them when None.

    Overlays are laid over the positions they are written for. For arguments and errors see `assess`.
    """
    accepted, layers = accept(facts), tuple(overlays)
    names = positions() if wanted is None else tuple(wanted)
    return tuple(_assess(accepted, name, on, layers, amended=amended, lenient=True) for name in names)


def provisions(position: str = DEFAULT_POSITION, *, overlays: Iterable[str | Path] = ()) -> tuple[Provision, ...]:
    """Return the provisions of a position and its overlays, in the order of the files.

    Raises:
        RuleError: the position or an overlay is not known, or a rule file is broken.
    """
    return tuple(engine_on(position, tuple(overlays), None, amended=True).book.provisions.values())


def _assess(
    facts: Facts, position: str, on: date | None, overlays: Layers, *, amended: bool, lenient: bool = False
) -> Verdict:
    if lenient:
        overlays = tuple(name for name in overlays if position in overlay_named(name).over)
    engine = engine_on(position, overlays, on, amended=amended)
    with engine.lock:
        return _Case(engine, facts, position, on, overlays, amended).verdict()


class _Case:
    """One question put to one engine."""

    def __init__(
        self, engine: Engine, facts: Facts, position: str, on: date | None, overlays: Layers, amended: bool
    ) -> None:
        self.engine, self.book, self.facts = engine, engine.book, facts
        self.position, self.on, self.overlays, self.amended = position, on, overlays, amended
        self.assumptions = engine.worlds.assume(facts.known)
        self.possible = engine.worlds.possible(self.assumptions)
        if engine.worlds.dated and any(not world.found() for world in self.possible.values()):
            self._set_apart_what_is_outside()

    def _set_apart_what_is_outside(self) -> None:
        """Tell what is not covered yet from what no rule will ever cover, which is outside the rulebook on every day."""
        whole = engine_on(self.position, self.overlays, None, amended=self.amended)
        with whole.lock:
            outside = None in whole.worlds.outcomes(whole.worlds.assume(self.facts.known))
        if outside:
            self.possible = {None if not w.found() else o: w for o, w in self.possible.items()}

    def verdict(self) -> Verdict:
        """Put the verdict together."""
        self.possible = {o: self.possible[o] for o in (*Outcome, None) if o in self.possible}
        certain = len(self.possible) == 1
        only = next(iter(self.possible))
        unknown, points = ((), ()) if certain else self.engine.relevance.turns_on(self.facts.known)
        asked = self.engine.first_question(self.facts.known, unknown)
        alternatives = tuple(self._alternative(o, w, asked, points) for o, w in self.possible.items() if o is not None)
        outcome = only if certain and only is not None else Outcome.DEPENDS
        reasons = tuple(reason for alternative in alternatives for reason in alternative.reasons)
        if None in self.possible:
            reasons += (_plain_reason("What is described lies outside this rulebook: no rule finds anything."),)
        return Verdict(
            position=self.position,
            overlays=self.book.overlays,
            on=self.on,
            outcome=outcome,
            possible=frozenset(Outcome.DEPENDS if o is None else o for o in self.possible),
            certain=certain and only is not None,
            outside=None in self.possible,
            certainty=weakest(alternative.certainty for alternative in alternatives),
            reasons=reasons,
            alternatives=alternatives,
            open_points=tuple(self._open_point(point) for point in points),
            unknown=asked,
            next_question=asked[0] if asked else None,
            duties=self._duties(),
            fine=self._fine(),
            changes=self.engine.neighbours.changes(self.facts, outcome) if certain and only is not None else (),
            later=self._later(outcome),
            notes=tuple(self._notes()),
            assumed=MappingProxyType(dict(self.facts.assumed)),
        )

    def _alternative(
        self, outcome: Outcome, world: World, unknown: tuple[str, ...], points: tuple[str, ...]
    ) -> Alternative:
        world = plainest(self.engine, self.facts.known, outcome, world, unknown, points)
        derivation = Derivation(self.book, self.engine.groups, world, self.facts.known, frozenset(unknown))
        steps = derivation.outcome(outcome) or (self._not_yet(),)
        filled = {name: self._value(name, world) for name in unknown}
        readings = {point: answer for point, answer in world.readings().items() if point in points}
        reasons = tuple(step.reason for step in steps)
        if outcome in {Outcome.HIGH_RISK, Outcome.TRANSPARENCY_ONLY}:
            reasons += derivation.bans_not_met()
        sure = min((step.certainty for step in steps), key=lambda c: c.rank)
        return Alternative(
            outcome,
            MappingProxyType(filled),
            MappingProxyType({point.replace("_", "-"): answer for point, answer in readings.items()}),
            reasons,
            sure,
        )

    def _value(self, name: str, world: World) -> FactValue:
        return next(v for v in self.book.domains[name] if f"fact({name},{value_term(v)})" in world.atoms)

    def _not_yet(self) -> Step:
        return Step(_plain_reason(f"What would cover this does not apply yet on {self.on}."), Certainty.QUOTED)

    def _open_point(self, point: str) -> OpenPoint:
        clause = self.book.heads[f"open({point})"][0]
        provision, rule = self.book.rules[clause.rule]
        return OpenPoint(point.replace("_", "-"), rule.statement, provision.article, rule.certainty)

    def _duties(self) -> tuple[Duty, ...]:
        always = self.engine.worlds.always(self.assumptions, "duty(")
        world = next(iter(self.possible.values()))
        derivation = Derivation(self.book, self.engine.groups, world, self.facts.known)
        result = []
        for head in self.book.heads:
            if head in always and (clauses := derivation.rules_for(head)):
                provision, rule = self.book.rules[clauses[0].rule]
                name = split(head)[1][0].replace("_", "-")
                limit = deadlines().get(name)
                result.append(
                    Duty(
                        id=name,
                        text=rule.statement,
                        article=provision.article,
                        deadline=limit.text if limit else None,
                        deadline_hours=limit.hours if limit else None,
                        certainty=rule.certainty,
                        applies_from=self.book.dates.get(clauses[0].group),
                    )
                )
        return tuple(result)

    def _fine(self) -> FineTier | None:
        for atom in sorted(self.engine.worlds.always(self.assumptions, "fine(")):
            tier = split(atom)[1][0].replace("_", "-")
            return fines()[self.position, tier]
        return None

    def _later(self, outcome: Outcome) -> tuple[Later, ...]:
        if self.on is None or self.book.status != "law":
            return ()
        result: list[Later] = []
        for day in turning_days(self.position, self.overlays, self.on, amended=self.amended):
            engine = engine_on(self.position, self.overlays, day, amended=self.amended)
            with engine.lock:
                possible = engine.worlds.outcomes(engine.worlds.assume(self.facts.known))
            only = next(iter(possible)) if len(possible) == 1 else None
            then = Outcome.DEPENDS if only is None else only
            if then != (result[-1].outcome if result else outcome):
                result.append(Later(day, then))
        return tuple(result)

    def _notes(self) -> Iterable[str]:
        yield from _notes_on_text(self.book, self.on)
        layers = layers_on(self.position, self.overlays, self.on, amended=self.amended)
        for given in self.overlays:
            if given not in layers:
                yield f"The overlay {overlay_named(given).name} does not hold on {self.on} and was left out."
        for name in self.book.overlays:
            yield f"Read with the layer {name}: {overlay_named(layers[self.book.overlays.index(name)]).title}."
        offence = self.facts.given.get("offence")
        if offence is not None and str(offence) not in offences().known():
            yield f"The offence {offence} is in none of the lists known here and was read as an offence in no list."
        if None in self.possible:
            yield "Some of this lies outside this rulebook; nothing was guessed."


def _plain_reason(statement: str) -> Reason:
    return Reason(statement, True, None, None, Certainty.QUOTED, MappingProxyType({}), ())


def _notes_on_text(book: Book, on: date | None) -> Iterable[str]:
    if book.status == "proposal":
        yield "This text never was law; it is read as if it applied in full."
    elif book.status == "opinion":
        yield "This is an opinion, not a law; it is read as if it were one."
    elif on is None:
        yield "Read as fully applicable, whatever the day."
    for group, start in sorted(book.dates.items()):
        if on is not None and start is not None and start > on:
            yield f"The rules on {group.replace('-', ' ')} do not apply yet on {on}; they do from {start}."

"""Decides: facts and a position in, a verdict out. The room's main door, without input or output but its own rule files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from passerby.law.engine.assumptions import stricter_alone, without_permitting_defaults
from passerby.law.engine.consequences import duties_of, fine_of, later_outcomes, notes_on, older_system_note
from passerby.law.engine.derivation import Derivation, Step
from passerby.law.engine.examples import plainest
from passerby.law.engine.layers import overlay_named
from passerby.law.engine.neighbours import Singles
from passerby.law.engine.question import Question
from passerby.law.engine.rulebook import Rulebook, positions, rulebook_on
from passerby.law.engine.worlds import World, value_term
from passerby.law.facts import Facts, accept_facts
from passerby.law.values import (
    Alternative,
    Certainty,
    FactValue,
    OpenPoint,
    Outcome,
    Provision,
    Reason,
    Verdict,
    weakest,
)

DEFAULT_POSITION = "act-2024"
BANS_TOLD = frozenset(
    {
        Outcome.NON_COMPLIANT,
        Outcome.HIGH_RISK,
        Outcome.TRANSPARENCY_ONLY,
        Outcome.NOT_PROHIBITED,
        Outcome.NOT_REGULATED,
    }
)
"""Outcomes beside which a reader asks why no ban bites. A permission tells of its ban itself, and out of scope there is none."""


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
    return _decide(Question(accept_facts(facts), position, on, tuple(overlays), amended))


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
    accepted, layers = accept_facts(facts), tuple(overlays)
    names = positions() if wanted is None else tuple(wanted)
    return tuple(_decide(Question(accepted, name, on, _fitting(layers, name), amended)) for name in names)


def concludes(facts: Mapping[str, object], conclusion: str, *, position: str = DEFAULT_POSITION) -> bool | None:
    """Tell whether a conclusion holds in every world that fits the facts; the text is read as fully applicable.

    Args:
        facts: As for `assess`: an absent fact takes its default.
        conclusion: A word that rules of the position conclude, as they write it.
        position: Whose rules.

    Returns:
        True or False where it holds or fails whatever is not known, None where that is open.

    Raises:
        FactsError: a name or value is outside the vocabulary, or two facts contradict each other.
        RuleError: the position is not known.

    >>> concludes({"actor": "police", "purpose": "work-management"}, "law_enforcement")
    False
    """
    rulebook = rulebook_on(position, (), None, amended=True)
    known = accept_facts(facts).known
    with rulebook.lock:
        literal = rulebook.worlds.literal(conclusion)
        if literal is None:
            return False
        assumed = rulebook.worlds.assume(known)
        holds = rulebook.worlds.find([*assumed, literal]) is not None
        fails = rulebook.worlds.find([*assumed, -literal]) is not None
    return None if holds and fails else holds


def provisions(position: str = DEFAULT_POSITION, *, overlays: Iterable[str | Path] = ()) -> tuple[Provision, ...]:
    """Return the provisions of a position and its overlays, in the order of the files.

    Raises:
        RuleError: the position or an overlay is not known, or a rule file is broken.
    """
    return tuple(rulebook_on(position, tuple(overlays), None, amended=True).book.provisions.values())


def _fitting(layers: tuple[str | Path, ...], position: str) -> tuple[str | Path, ...]:
    return tuple(layer for layer in layers if position in overlay_named(layer).over)


def _decide(question: Question) -> Verdict:
    rulebook = question.rulebook(question.on)
    with rulebook.lock:
        return _Decision(rulebook, question).verdict()


class _Decision:
    """One question, put to one rulebook whose lock is held.

    ``possible`` has one world for each outcome that remains possible, in the order of the outcomes; None stands for what
    lies outside the rulebook.
    """

    def __init__(self, rulebook: Rulebook, question: Question) -> None:
        self.rulebook, self.book, self.question = rulebook, rulebook.book, question
        self.facts = without_permitting_defaults(rulebook, question.facts)
        self.known = self.facts.known
        self.assumptions = rulebook.worlds.assume(self.known)
        possible = rulebook.worlds.possible(self.assumptions)
        if rulebook.worlds.dated and any(not world.found() for world in possible.values()) and self._is_outside():
            possible = {None if not world.found() else outcome: world for outcome, world in possible.items()}
        self.possible = {outcome: possible[outcome] for outcome in (*Outcome, None) if outcome in possible}

    def _is_outside(self) -> bool:
        """Tell what no rule will ever cover, which is outside the rulebook on every day, from what is not covered yet."""
        whole = self.question.rulebook(None)
        with whole.lock:
            return None in whole.worlds.outcomes(whole.worlds.assume(self.known))

    @property
    def outcome(self) -> Outcome:
        """The only outcome, or ``depends``."""
        only = next(iter(self.possible)) if len(self.possible) == 1 else None
        return Outcome.DEPENDS if only is None else only

    @property
    def certain(self) -> bool:
        """Whether there is only one."""
        return self.outcome is not Outcome.DEPENDS

    @property
    def outside(self) -> bool:
        """Whether the rulebook has no answer in some case."""
        return None in self.possible

    @cached_property
    def singles(self) -> Singles:
        """Every change of one known fact, with what is then possible."""
        return self.rulebook.neighbours.singles(self.facts)

    @cached_property
    def turning(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The unknown facts on which the outcome turns, the one that settles most first, and the open points."""
        if len(self.possible) == 1:
            return (), ()
        unknown, points = self.rulebook.relevance.turns_on(self.known)
        return self.rulebook.first_question(self.known, unknown), points

    @cached_property
    def examples(self) -> dict[Outcome | None, World]:
        """For each possible outcome the plainest world that has it."""
        unknown, points = self.turning
        return {
            outcome: plainest(self.rulebook, self.known, outcome, world, unknown=unknown, points=points)
            for outcome, world in self.possible.items()
        }

    def verdict(self) -> Verdict:
        """Put the verdict together."""
        unknown, points = self.turning
        alternatives = tuple(self._alternative(o, world) for o, world in self.examples.items() if o is not None)
        reasons = tuple(reason for alternative in alternatives for reason in alternative.reasons)
        if self.outside:
            reasons += (_plain_reason("What is described lies outside this rulebook: no rule finds anything."),)
        always = self.rulebook.worlds.always
        later = later_outcomes(self.question, self.outcome)
        derivation = self._derivation(next(iter(self.examples.values())))
        return Verdict(
            position=self.question.position,
            overlays=self.book.overlays,
            on=self.question.on,
            outcome=self.outcome,
            possible=frozenset(Outcome.DEPENDS if o is None else o for o in self.possible),
            certain=self.certain,
            outside=self.outside,
            certainty=weakest(alternative.certainty for alternative in alternatives),
            reasons=reasons,
            alternatives=alternatives,
            open_points=tuple(self._open_point(point) for point in points),
            unknown=unknown,
            next_question=unknown[0] if unknown else None,
            duties=duties_of(self.question, always(self.assumptions, "duty("), derivation),
            fine=fine_of(self.question.position, always(self.assumptions, "fine(")),
            changes=self.rulebook.neighbours.changes(self.facts, self.outcome, self.singles) if self.certain else (),
            later=later,
            notes=(
                *notes_on(self.question, self.book, outside=self.outside),
                *older_system_note(self.question, later),
            ),
            assumed=MappingProxyType(dict(self.facts.assumed)),
            provided=MappingProxyType(self._provided(alternatives)),
        )

    def _provided(self, alternatives: Iterable[Alternative]) -> dict[str, FactValue]:
        """Return the assumed facts that keep any of the outcomes from being stricter."""
        found: set[str] = set()
        assumed = frozenset(self.facts.assumed)
        for alternative in alternatives if self.facts.assumed else ():
            if self.certain:
                found |= stricter_alone(self.singles, assumed, alternative.outcome, self.possible)
            elif alternative.outcome is not Outcome.PROHIBITED:
                filled = alternative.facts
                whole = Facts(
                    {**self.facts.given, **filled},
                    self.facts.assumed,
                    self.facts.unknown - set(filled),
                    self.facts.said - set(filled),
                )
                possible = self.rulebook.worlds.outcomes(self.rulebook.worlds.assume(whole.known))
                found |= stricter_alone(self.rulebook.neighbours.singles(whole), assumed, alternative.outcome, possible)
        return {name: value for name, value in self.facts.assumed.items() if name in found}

    def _derivation(self, world: World, turning: frozenset[str] = frozenset()) -> Derivation:
        return Derivation(self.book, self.rulebook.groups, world, self.known, turning)

    def _alternative(self, outcome: Outcome, world: World) -> Alternative:
        unknown, points = self.turning
        derivation = self._derivation(world, frozenset(unknown))
        steps = derivation.outcome(outcome) or (self._not_yet(),)
        reasons = tuple(step.reason for step in steps)
        if outcome in BANS_TOLD:
            reasons += derivation.bans_not_met()
        readings = {point: answer for point, answer in world.readings().items() if point in points}
        return Alternative(
            outcome=outcome,
            facts=MappingProxyType({name: self._value(name, world) for name in unknown}),
            readings=MappingProxyType({point.replace("_", "-"): answer for point, answer in readings.items()}),
            reasons=reasons,
            certainty=min((step.certainty for step in steps), key=lambda c: c.rank),
        )

    def _value(self, name: str, world: World) -> FactValue:
        return next(v for v in self.book.domains[name] if f"fact({name},{value_term(v)})" in world.atoms)

    def _not_yet(self) -> Step:
        words = f"What would cover this does not apply yet on {self.question.on}."
        return Step(_plain_reason(words), Certainty.QUOTED)

    def _open_point(self, point: str) -> OpenPoint:
        clause = self.book.heads[f"open({point})"][0]
        provision, rule = self.book.rules[clause.rule]
        return OpenPoint(point.replace("_", "-"), rule.statement, provision.article, rule.certainty)


def _plain_reason(statement: str) -> Reason:
    """Return a step that rests on no rule and no fact."""
    return Reason(
        statement,
        holds=True,
        rule=None,
        provision=None,
        certainty=Certainty.QUOTED,
        facts=MappingProxyType({}),
        premises=(),
    )

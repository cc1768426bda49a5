"""The words of the law room: outcomes, certainty, provisions, reasons, duties, verdicts. All frozen; no input or output.

Outcomes and facts are those of the worked cases (`data/vocabulary.yaml`). A verdict names one outcome, or `depends` with
what it depends on: a fact that is not known, or a legal point that the sources leave open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

FactValue = str | bool | int | float
"""A value from the vocabulary: a word, a flag, or a number. The word ``unknown`` says that the fact is not known."""

UNKNOWN = "unknown"
"""Given for any fact: asked, and not known. Verdicts then hold for every value the fact may have."""


class Outcome(StrEnum):
    """What a position answers for one deployment. A member equals its plain string."""

    PROHIBITED = "prohibited"
    PERMITTED = "permitted-with-authorisation"
    HIGH_RISK = "high-risk"
    TRANSPARENCY_ONLY = "transparency-only"
    NOT_REGULATED = "not-regulated"
    OUT_OF_SCOPE = "out-of-scope"
    NOT_PROHIBITED = "not-prohibited"
    NON_COMPLIANT = "non-compliant"
    DEPENDS = "depends"

    @staticmethod
    def strictest_first() -> tuple[Outcome, ...]:
        """Return the outcomes from the strictest to the most lenient, without ``depends``."""
        return _STRICTEST_FIRST

    @property
    def strictness(self) -> int:
        """How strict it is, 0 for the most lenient; only to compare two outcomes, and not for ``depends``."""
        return len(_STRICTEST_FIRST) - 1 - _STRICTEST_FIRST.index(self)


_STRICTEST_FIRST = (
    Outcome.PROHIBITED,
    Outcome.NON_COMPLIANT,
    Outcome.PERMITTED,
    Outcome.HIGH_RISK,
    Outcome.TRANSPARENCY_ONLY,
    Outcome.NOT_PROHIBITED,
    Outcome.NOT_REGULATED,
    Outcome.OUT_OF_SCOPE,
)


class Certainty(StrEnum):
    """How sure the text behind a statement is, from the surest to the least sure."""

    QUOTED = "quoted"
    DERIVED = "derived"
    SECONDARY = "secondary"
    MEMORY = "memory"

    @property
    def rank(self) -> int:
        """0 for the surest, 3 for the least sure."""
        return list(Certainty).index(self)


def weakest(certainties: Iterable[Certainty]) -> Certainty:
    """Return the least sure of some certainties, ``quoted`` when there is none: a chain is as sure as its weakest link.

    >>> weakest([Certainty.QUOTED, Certainty.MEMORY, Certainty.DERIVED]).value
    'memory'
    """
    return max(certainties, key=lambda c: c.rank, default=Certainty.QUOTED)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a provision, as written in its file.

    Attributes:
        id: Unique in its position, such as ``5-1-h/ban``.
        statement: What it says when it holds, in plain words.
        otherwise: What is so when no rule for the same conclusion holds, or None.
        asp: The rule as clingo reads it.
        certainty: Its own, or its provision's.
        guideline: Paragraph of the guidelines, or None.
        line: Line of its heading in the file where it stands, from 1.
    """

    id: str
    statement: str
    otherwise: str | None
    asp: str
    certainty: Certainty
    guideline: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Provision:
    """One article of one position: one Markdown file.

    Attributes:
        id: Position and file name, such as ``act-2024/art-05-1-h``.
        position: Such as ``act-2024``, or the overlay's name.
        article: Such as ``Art. 5(1)(h)``.
        title: What it is about.
        reference: Where the text stands.
        guideline: Paragraphs of the guidelines, or None.
        certainty: Of the provision as a whole; a rule may be less sure.
        applies: Which dated group it starts to apply with (`data/dates.yaml`).
        text: The whole Markdown text below the front matter.
        path: Path of the file inside the room, such as ``positions/act-2024/art-05-1-h.md``.
        rules: In the order of the file.
    """

    id: str
    position: str
    article: str
    title: str
    reference: str
    guideline: str | None
    certainty: Certainty
    applies: str
    text: str
    path: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of a derivation, with the steps it rests on. A leaf is a fact, a reading of an open point, or a rule.

    Attributes:
        statement: The step in plain words.
        holds: False where the step says that something is not so.
        rule: Id of the rule, or None for a fact or an open point.
        provision: Where the rule stands, or None for a fact.
        certainty: Of this step alone.
        facts: The facts this step reads itself, name to value.
        premises: What it rests on, in the order of the rule.
    """

    statement: str
    holds: bool
    rule: str | None
    provision: Provision | None
    certainty: Certainty
    facts: Mapping[str, FactValue] = field(hash=False)
    premises: tuple[Reason, ...]

    def chain(self) -> tuple[Provision, ...]:
        """Return the provisions of the tree from the top down, each once."""
        seen: dict[str, Provision] = {} if self.provision is None else {self.provision.id: self.provision}
        for premise in self.premises:
            seen.update({p.id: p for p in premise.chain() if p.id not in seen})
        return tuple(seen.values())


@dataclass(frozen=True, slots=True)
class Duty:
    """What follows from the verdict and is still to be done or kept up.

    Attributes:
        id: Such as ``notify-use``.
        text: In plain words.
        article: Where it stands.
        deadline: In words, or None when the text sets none.
        deadline_hours: The same in hours, or None.
        certainty: Of the rule it comes from.
        applies_from: The day from which it binds, or None in a text that never was law.
    """

    id: str
    text: str
    article: str
    deadline: str | None
    deadline_hours: float | None
    certainty: Certainty
    applies_from: date | None


@dataclass(frozen=True, slots=True)
class FineTier:
    """The highest fine that the text sets for the breach found.

    Attributes:
        article: Where it stands.
        text: In plain words, with who decides for public bodies.
        max_eur: In euro.
        max_turnover_percent: Of worldwide yearly turnover; the higher of the two counts.
        certainty: Of the source.
    """

    article: str
    text: str
    max_eur: int
    max_turnover_percent: float
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Change:
    """A smallest set of facts whose change gives another outcome, all else as it is.

    Attributes:
        facts: Name to the new value.
        outcome: What the position then answers.
    """

    facts: Mapping[str, FactValue] = field(hash=False)
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """A legal point that the sources leave open and on which the verdict turns.

    Attributes:
        id: Such as ``unnotified-law``.
        question: In plain words, to be answered with yes or no.
        article: Where it arises.
        certainty: Of what raises it.
    """

    id: str
    question: str
    article: str
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of several outcomes that remain possible.

    Attributes:
        outcome: Never ``depends``.
        facts: One way to fill in the unknown facts that leads here; only those on which the outcome turns.
        readings: Open point to the answer that leads here.
        reasons: The derivation in that case.
        certainty: Of that derivation.
    """

    outcome: Outcome
    facts: Mapping[str, FactValue] = field(hash=False)
    readings: Mapping[str, bool] = field(hash=False)
    reasons: tuple[Reason, ...]
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class LaterOutcome:
    """A day after ``on`` from which the verdict changes by itself, because more of the text applies.

    Attributes:
        on: The day.
        outcome: From that day.
    """

    on: date
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one position says about one deployment.

    Attributes:
        position: Such as ``act-2024``.
        overlays: Layers laid over it, in order.
        on: The day asked about, or None: the text read as fully applicable.
        outcome: ``depends`` when more than one remains possible.
        possible: All outcomes that remain possible; one element when certain. Never holds ``depends``, except when the
            rules cover no completion of the facts (``outside``).
        certain: True when every unknown fact and every open point leaves the same outcome.
        outside: True when the rulebook has no answer: then ``outcome`` is ``depends`` and nothing is guessed.
        certainty: The weakest rule of the deciding derivation.
        reasons: The derivation, and where a system is high-risk or only to be told of, why bans that came close do not
            bite (steps that do not hold); for ``depends`` those of each alternative in turn.
        alternatives: One for each possible outcome.
        open_points: On which legal points the outcome turns; empty when it turns on none.
        unknown: Facts not known on which the outcome turns, the one that settles most first.
        next_question: The first of ``unknown``, or None.
        duties: What follows in every possible case.
        fine: The tier of the breach, or None.
        changes: The smallest sets of facts whose change gives another outcome, fewest changes first.
        later: Days after ``on`` on which the outcome changes by itself.
        notes: Sentences that belong to the verdict: never was law, not yet applicable, which amendment was read.
        assumed: Facts not given that took their default, name to value.
        provided: Those of them of which one alone, were it otherwise, could make the outcome stricter, or one of the outcomes
            that remain possible: the verdict holds only if they are so. No permission is among what rests on a condition
            that nobody stated; such a condition is ``unknown``.
    """

    position: str
    overlays: tuple[str, ...]
    on: date | None
    outcome: Outcome
    possible: frozenset[Outcome]
    certain: bool
    outside: bool
    certainty: Certainty
    reasons: tuple[Reason, ...]
    alternatives: tuple[Alternative, ...]
    open_points: tuple[OpenPoint, ...]
    unknown: tuple[str, ...]
    next_question: str | None
    duties: tuple[Duty, ...]
    fine: FineTier | None
    changes: tuple[Change, ...]
    later: tuple[LaterOutcome, ...]
    notes: tuple[str, ...]
    assumed: Mapping[str, FactValue] = field(hash=False)
    provided: Mapping[str, FactValue] = field(hash=False)

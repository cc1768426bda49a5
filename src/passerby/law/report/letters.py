"""Drafts what a citizen may send about a camera: an access request, questions, a complaint, each with its articles.

The paragraphs are data (``data/letters.yaml``), the reasons and questions come from the assessment of the same facts. Which data
protection law a letter rests on follows what the rules say of law enforcement, not the actor alone. Nobody is invented: what is
not known of the camera stands in square brackets for the sender to fill in.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from passerby.errors import LawError, UsageError
from passerby.languages import FALLBACK_LANGUAGE, straight
from passerby.law.engine import concludes
from passerby.law.facts import vocabulary
from passerby.law.reference import DATA, read_yaml
from passerby.law.report.conditions import Condition, read_condition
from passerby.law.report.wording import Wording, wording_in
from passerby.law.report.words import (
    CERTAINTY_MEANING,
    OUTCOME_TITLE,
    disclaimer,
    possible_words,
    question_of,
    source_words,
    steps,
    value_words,
)
from passerby.law.values import UNKNOWN, Alternative, Certainty, FactValue, Outcome, Verdict

WIDTH = 78
_MAX_REASONS = 8
_BINDING = (
    Outcome.PROHIBITED,
    Outcome.NON_COMPLIANT,
    Outcome.PERMITTED,
    Outcome.HIGH_RISK,
    Outcome.TRANSPARENCY_ONLY,
)
_MAX_QUESTIONS = 8
_MAX_SUPPOSED = 4
"""Unknown facts that a complaint supposes for the possibility it tells; where more are needed it supposes none, and asks."""
_MARK = re.compile(r"- |\d+\. ")
COUNTS = "{act}, that counts as {outcomes}. The steps are:"
SAID = {
    Outcome.PROHIBITED: "{act}, that is prohibited. The steps are:",
    Outcome.NON_COMPLIANT: "{act}, that breaks a duty for high-risk systems. The steps are:",
}


class LetterKind(StrEnum):
    """What a letter asks for."""

    ACCESS_REQUEST = "access-request"
    QUESTION = "question"
    COMPLAINT = "complaint"


class Addressee(StrEnum):
    """To whom a letter goes."""

    OPERATOR = "operator"
    AUTHORITY = "authority"


class Regime(StrEnum):
    """Which data protection law applies."""

    GDPR = "gdpr"
    LED = "led"
    EU = "eu"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Basis:
    """An article that a letter rests on, and how sure its source is."""

    article: str
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class LetterCamera:
    """What is known of the camera that a letter is about; the sender fills in what is None.

    Attributes:
        operator: Who runs it.
        contact: The operator's address.
        authority: The data protection authority in charge.
        authority_contact: Its address.
        place: Where the camera films.
        camera: Its name in a public register.
        page: Address of its page there.
    """

    operator: str | None = None
    contact: str | None = None
    authority: str | None = None
    authority_contact: str | None = None
    place: str | None = None
    camera: str | None = None
    page: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A drafted letter.

    Attributes:
        kind: What it asks for.
        to: To whom it goes.
        language: In which it is written.
        rows: The letter line by line, not wrapped, with placeholders in square brackets.
        bases: The articles it rests on, in the order of the letter, each once.
        hints: What to know before sending it; no part of the letter.
    """

    kind: LetterKind
    to: Addressee
    language: str
    rows: tuple[str, ...]
    bases: tuple[Basis, ...]
    hints: tuple[str, ...]

    @property
    def text(self) -> str:
        """The letter, wrapped for a terminal."""
        return "\n".join(line for row in self.rows for line in _wrap_row(row)) + "\n"


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a letter is written from, and the articles noted while it is."""

    w: Wording
    facts: Mapping[str, FactValue]
    verdict: Verdict
    regime: Regime
    values: Mapping[str, str]
    known: frozenset[str]
    bases: dict[str, Basis] = field(default_factory=dict)

    @classmethod
    def about(cls, w: Wording, facts: Mapping[str, FactValue], verdict: Verdict, known: LetterCamera) -> _Draft:
        """Begin a letter; what is not known of the camera is a blank."""
        filled = {f.name: str(straight(value)) for f in fields(known) if (value := getattr(known, f.name)) is not None}
        blanks = {name: w.of(blank) for name, blank in _data()["blanks"].items()}
        return cls(w, facts, verdict, regime_of(facts), {**blanks, **filled}, frozenset(filled))

    def stands(self, entry: Mapping[str, Any]) -> bool:
        """Tell whether an entry of the data belongs to this letter."""
        where = f"data/letters.yaml: {entry.get('text', entry.get('list'))}"
        condition: Condition = read_condition(entry.get("when"), where)
        return (
            self.regime in entry.get("regime", [*Regime])
            and self.known.issuperset(entry.get("needs", ()))
            and ("duty" not in entry or entry["duty"] in _binding_duties(self.verdict))
            and condition.stands(self.facts, self.verdict.possible)
        )

    def goes(self, entry: Mapping[str, Any], kind: LetterKind, to: Addressee) -> bool:
        """Tell whether an entry belongs to a letter of this kind to that place."""
        goes = kind in entry.get("kinds", [*LetterKind]) and to in entry.get("to", [*Addressee])
        return goes and self.stands(entry)

    def note(self, article: str, certainty: str) -> None:
        """Keep an article that the letter rests on."""
        self.bases.setdefault(article, Basis(article, Certainty(certainty)))


def draft_letter(
    facts: Mapping[str, FactValue],
    verdict: Verdict,
    *,
    kind: LetterKind,
    to: Addressee | None = None,
    language: str = FALLBACK_LANGUAGE,
    known: LetterCamera | None = None,
) -> Letter:
    """Draft a letter about one camera.

    Args:
        facts: As the sender knows them.
        verdict: The answer of ``act-2024`` to them, from which reasons and questions are taken.
        kind: What it asks for.
        to: To whom it goes; None takes the usual one.
        language: Of the letter, one of ``LANGUAGES``.
        known: What is known of the camera and its operator; None leaves all of it to the sender.

    Raises:
        UsageError: such a letter does not go there, or there is no such language.
    """
    data, w = _data(), wording_in(language)
    places = [Addressee(place) for place in data["kinds"][kind]["to"]]
    to = to or places[0]
    if to not in places:
        raise UsageError(
            f"a letter of kind {kind} must go to {' or '.join(places)}, got {to}",
            hint=f"use --to {places[0]}, or --kind question",
        )
    draft = _Draft.about(w, facts, verdict, known or LetterCamera())
    subject = w.of(next(s["text"] for s in data["kinds"][kind]["subjects"] if draft.stands(s)))
    body = [row for p in data["paragraphs"] if draft.goes(p, kind, to) for row in _paragraph(draft, p)]
    greeting, farewell = w.of("Dear Sir or Madam,"), w.of("Yours faithfully")
    rows = (*_head(draft, to), subject, "", greeting, "", *body, farewell, "", w.of("[Your name]"))
    hints = [h["text"] for h in data["hints"] if draft.goes(h, kind, to)]
    told = tuple(w.of(hint) for hint in (*hints, *verdict.notes))
    return Letter(kind, to, language, rows, tuple(draft.bases.values()), told)


def _head(draft: _Draft, to: Addressee) -> list[str]:
    w = draft.w
    address = [w.of(row).format(**draft.values) for row in _data()["addressees"][to]]
    return [w.of("[Your name]"), w.of("[Your address]"), "", *address, "", w.of("[Place], [day]"), ""]


def letter_to_text(letter: Letter) -> str:
    """Return the letter, and below a line what does not belong to it: what to fill in, sources, certainty."""
    w = wording_in(letter.language)
    lines = [letter.text, "-" * WIDTH, w.of("Not part of the letter"), ""]
    for hint in letter.hints:
        lines += _wrap(hint, "- ", "  ")
    lines += ["", w.of("It rests on:")]
    lines += [line for b in letter.bases for line in _wrap(f"{w.cite(b.article)} ({w.of(b.certainty)})", "- ", "  ")]
    used = sorted({basis.certainty for basis in letter.bases}, key=lambda certainty: certainty.rank)
    sure = w.listed(f"{w.of(c)}: {w.of(CERTAINTY_MEANING[c])}" for c in used)
    lines += ["", *_wrap(sure + "."), "", *_wrap(disclaimer(w))]
    return "\n".join(lines) + "\n"


def regime_of(facts: Mapping[str, FactValue]) -> Regime:
    """Say which data protection law applies to a camera: by whether its use is for law enforcement, as the rules of the Act say.

    >>> regime_of({"actor": "police", "purpose": "law-enforcement"}), regime_of({"actor": "private", "purpose": "commercial"})
    (<Regime.LED: 'led'>, <Regime.GDPR: 'gdpr'>)
    """
    return _regime(frozenset(facts.items()))


@lru_cache(maxsize=256)
def _regime(facts: frozenset[tuple[str, FactValue]]) -> Regime:
    given = dict(facts)
    if given.get("actor") == "eu-agency":
        return Regime.EU
    # a fact that nobody states is not known: a letter assumes none
    holds = concludes({**dict.fromkeys(vocabulary(), UNKNOWN), **given}, "law_enforcement")
    return Regime.OPEN if holds is None else Regime.LED if holds else Regime.GDPR


def _binding_duties(verdict: Verdict) -> frozenset[str]:
    on = verdict.on
    return frozenset(d.id for d in verdict.duties if on is None or d.applies_from is None or d.applies_from <= on)


@cache
def _data() -> dict[str, Any]:
    data = read_yaml(DATA / "letters.yaml")
    parts = {"kinds", "addressees", "blanks", "paragraphs", "hints", "questions", "phrases", "unseen"}
    if not isinstance(data, dict) or not parts <= set(data):
        raise LawError(f"data/letters.yaml: must hold {', '.join(sorted(parts))}")
    return data


def _paragraph(draft: _Draft, paragraph: Mapping[str, Any]) -> Iterator[str]:
    if "article" in paragraph:
        draft.note(paragraph["article"], paragraph["certainty"])
    if paragraph.get("list") == "questions":
        for number, question in enumerate(_questions(draft), 1):
            yield f"{number}. {question}"
        yield ""
    elif paragraph.get("list") == "reasons":
        yield from _reasons(draft)
    else:
        words = draft.w.of(str(paragraph["text"]))
        told = words.format(
            described=describe(draft.facts, draft.w.language), verdict=_say_verdict(draft), **draft.values
        )
        yield from (told.strip(), "")


def _questions(draft: _Draft) -> Iterator[str]:
    """Yield what the assessment turns on and nobody has said, then what is always worth asking."""
    w, verdict = draft.w, draft.verdict
    strict_first = sorted(verdict.changes, key=lambda change: list(OUTCOME_TITLE).index(change.outcome))
    turning = [*verdict.unknown, *(name for change in strict_first for name in change.facts)]
    wanted = [name for name in dict.fromkeys(turning) if draft.facts.get(name, UNKNOWN) == UNKNOWN][:_MAX_QUESTIONS]
    for name in wanted:
        fact = vocabulary()[name]
        article = _act_article(fact.source)
        if article:
            draft.note(article, Certainty.DERIVED)
        yield f"{w.of(fact.question)} ({w.cite(article)})" if article else w.of(fact.question)
    for entry in _data()["questions"]:
        if draft.stands(entry):
            draft.note(entry["article"], entry["certainty"])
            yield f"{w.of(entry['text'])} ({w.cite(entry['article'])})"


def _act_article(source: str) -> str | None:
    """Return the article of the Act in a source of the vocabulary; the guidelines are no basis to send to anybody."""
    first = source.partition(";")[0]
    return f"AI Act {first}" if first.startswith(("Art.", "Annex")) else None


def _reasons(draft: _Draft) -> Iterator[str]:
    source = _told(draft.verdict)
    if source is None or _is_remote(source):
        return
    everything = [step for step in steps(source.reasons) if step.provision is not None]
    # what fails decides, so it is told even where the list is cut
    first = [step for step in everything if not step.holds]
    chosen = [*everything[:2], *first, *everything[2:]][:_MAX_REASONS]
    told: dict[str, None] = {}
    for step in everything:
        if step in chosen and step.provision is not None:
            draft.note(f"AI Act {step.provision.article}", step.certainty)
            told.setdefault(f"{draft.w.of(step.statement)} ({source_words(draft.w, step)})")
    if told:
        yield from (*(f"- {reason}" for reason in told), "")


def describe(facts: Mapping[str, FactValue], language: str = FALLBACK_LANGUAGE) -> str:
    """Say in half a sentence what the facts describe, leaving out what is not known.

    >>> describe({"function": "anonymisation", "timing": "real-time"})
    'the system looks for faces in order to cover them, live'
    """
    w, phrases = wording_in(language), _data()["phrases"]
    known = [phrases[name].get(facts.get(name)) for name in phrases]
    parts = [known[0] or _data()["unseen"], *known[1:]]
    return ", ".join(w.of(part) for part in parts if part)


def _say_verdict(draft: _Draft) -> str:
    """Say what the Act answers, where it binds the operator to anything; else nothing: the letter rests on other law."""
    w, verdict = draft.w, draft.verdict
    told = _told(verdict)
    if told is None:
        return ""
    act = (
        w.text("Under the Artificial Intelligence Act as in force on {day}", day=w.day(verdict.on))
        if verdict.on
        else w.of("Under the Artificial Intelligence Act")
    )
    names = possible_words(w, verdict).replace(", ", f" {w.of('or')} ")
    if isinstance(told, Alternative):
        depends = "{act}, it depends on points that are open or that I do not know whether that counts as {outcomes}."
        return f"{w.text(depends, act=act, outcomes=names)} {_supposing(w, told)}"
    return w.text(SAID.get(verdict.outcome, COUNTS), act=act, outcomes=names)


def _supposing(w: Wording, told: Alternative) -> str:
    """Say what would have to be so for a possible outcome, as questions and answers."""
    if _is_remote(told):
        return w.of("What decides it is not public; please establish it.")
    outcome = w.of(OUTCOME_TITLE[told.outcome])
    answers = "; ".join(
        f"{question_of(w, name)} {value_words(w, name, value)}" for name, value in _supposed(told).items()
    )
    if not answers:
        return w.text("{outcome} would follow, in these steps:", outcome=outcome)
    return w.text(
        "{outcome} would follow with these answers: {answers}. The steps are:", outcome=outcome, answers=answers
    )


def _is_remote(told: Verdict | Alternative) -> bool:
    return isinstance(told, Alternative) and len(_supposed(told)) > _MAX_SUPPOSED


def _supposed(told: Alternative) -> dict[str, FactValue]:
    """Return the unknown facts that the steps to a possible outcome read, as they would have to be."""
    read = {name for step in steps(told.reasons) for name in step.facts}
    return {name: value for name, value in told.facts.items() if name in read}


def _told(verdict: Verdict) -> Verdict | Alternative | None:
    """Return whose steps a complaint tells: the verdict's, where it depends those of the strictest possibility, or none."""
    if verdict.outcome in _BINDING:
        return verdict
    return next((a for outcome in _BINDING for a in verdict.alternatives if a.outcome is outcome), None)


def _wrap_row(row: str) -> list[str]:
    mark = _MARK.match(row)
    return _wrap(row, "", " " * mark.end() if mark else "") or [""]


def _wrap(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )

"""Drafts what a citizen may send about a camera: an access request, questions, a complaint, each with its articles.

The paragraphs are data (``data/letters.yaml``), the reasons and questions come from the assessment of the same facts. Nobody
is invented: names, days and places stand in square brackets for the sender to fill in.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from passerby.errors import LawError, UsageError
from passerby.law.facts import vocabulary
from passerby.law.report.conditions import Condition, read_condition
from passerby.law.report.words import (
    CERTAINTY_MEANING,
    DISCLAIMER,
    OUTCOME_TITLE,
    day,
    example_words,
    possible_words,
    source_words,
    steps,
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
_MAX_QUESTIONS = 6


class LetterKind(StrEnum):
    """What a letter asks for."""

    ACCESS_REQUEST = "access-request"
    QUESTION = "question"
    COMPLAINT = "complaint"


class Addressee(StrEnum):
    """To whom a letter goes."""

    OPERATOR = "operator"
    AUTHORITY = "authority"


@dataclass(frozen=True, slots=True)
class Basis:
    """An article that a letter rests on, and how sure its source is."""

    article: str
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Letter:
    """A drafted letter.

    Attributes:
        kind: What it asks for.
        to: To whom it goes.
        text: The letter, wrapped, with placeholders in square brackets.
        bases: The articles it rests on, in the order of the letter, each once.
        hints: What to know before sending it; no part of the letter.
    """

    kind: LetterKind
    to: Addressee
    text: str
    bases: tuple[Basis, ...]
    hints: tuple[str, ...]


def draft_letter(
    facts: Mapping[str, FactValue], verdict: Verdict, *, kind: LetterKind, to: Addressee | None = None
) -> Letter:
    """Draft a letter about one camera.

    Args:
        facts: As the sender knows them.
        verdict: The answer of ``act-2024`` to them, from which reasons and questions are taken.
        kind: What it asks for.
        to: To whom it goes; None takes the usual one.

    Raises:
        UsageError: such a letter does not go there.
    """
    data = _data()
    places = [Addressee(place) for place in data["kinds"][kind]["to"]]
    to = to or places[0]
    if to not in places:
        raise UsageError(
            f"a letter of kind {kind} must go to {' or '.join(places)}, got {to}",
            hint=f"use --to {places[0]}, or --kind question",
        )
    subject = next(s["text"] for s in data["kinds"][kind]["subjects"] if _stands(s, facts, verdict))
    bases: dict[str, Basis] = {}
    body: list[str] = []
    for paragraph in data["paragraphs"]:
        if (
            kind in paragraph["kinds"]
            and to in paragraph.get("to", [*Addressee])
            and _stands(paragraph, facts, verdict)
        ):
            body += _paragraph(paragraph, facts, verdict, bases)
    head = ["[Your name]", "[Your address]", "", *data["addressees"][to].splitlines(), "", "[Place], [day]", ""]
    text = "\n".join(
        [*head, *_wrap(subject), "", "Dear Sir or Madam,", "", *body, "Yours faithfully", "", "[Your name]"]
    )
    hints = [h["text"] for h in data["hints"] if kind in h.get("kinds", [*LetterKind]) and _stands(h, facts, verdict)]
    return Letter(kind, to, text + "\n", tuple(bases.values()), (*hints, *verdict.notes))


def letter_to_text(letter: Letter) -> str:
    """Return the letter, and below a line what does not belong to it: what to fill in, sources, certainty."""
    lines = [letter.text, "-" * WIDTH, "Not part of the letter", ""]
    for hint in letter.hints:
        lines += _wrap(hint, "- ", "  ")
    lines += ["", "It rests on:"]
    lines += [f"- {basis.article} ({basis.certainty})" for basis in letter.bases]
    used = sorted({basis.certainty for basis in letter.bases}, key=lambda certainty: certainty.rank)
    lines += ["", *_wrap("; ".join(f"{c}: {CERTAINTY_MEANING[c]}" for c in used) + "."), "", *_wrap(DISCLAIMER)]
    return "\n".join(lines) + "\n"


@cache
def _data() -> dict[str, Any]:
    data = yaml.safe_load(files("passerby.law").joinpath("data/letters.yaml").read_text(encoding="utf-8"))
    if not isinstance(data, dict) or not {"kinds", "addressees", "paragraphs", "hints", "questions", "phrases"} <= set(
        data
    ):
        raise LawError("data/letters.yaml: must hold kinds, addressees, paragraphs, hints, questions and phrases")
    return data


def _stands(entry: Mapping[str, object], facts: Mapping[str, FactValue], verdict: Verdict) -> bool:
    condition: Condition = read_condition(
        entry.get("when"), f"data/letters.yaml: {entry.get('text', entry.get('list'))}"
    )
    return condition.stands(facts, verdict.possible)


def _paragraph(
    paragraph: Mapping[str, Any], facts: Mapping[str, FactValue], verdict: Verdict, bases: dict[str, Basis]
) -> Iterator[str]:
    if "article" in paragraph:
        _note(bases, paragraph["article"], paragraph["certainty"])
    if paragraph.get("list") == "questions":
        for number, question in enumerate(_questions(facts, verdict, bases), 1):
            yield from _wrap(question, f"{number}. ", "   ")
        yield ""
    elif paragraph.get("list") == "reasons":
        yield from _reasons(verdict, bases)
    else:
        text = str(paragraph["text"]).format(described=describe(facts), verdict=_say_verdict(verdict))
        yield from [*_wrap(text.strip()), ""]


def _note(bases: dict[str, Basis], article: str, certainty: str) -> None:
    bases.setdefault(article, Basis(article, Certainty(certainty)))


def _questions(facts: Mapping[str, FactValue], verdict: Verdict, bases: dict[str, Basis]) -> Iterator[str]:
    """Yield what the assessment turns on and nobody has said, then what is always worth asking."""
    strict_first = sorted(verdict.changes, key=lambda change: list(OUTCOME_TITLE).index(change.outcome))
    turning = [*verdict.unknown, *(name for change in strict_first for name in change.facts)]
    wanted = [name for name in dict.fromkeys(turning) if facts.get(name, UNKNOWN) == UNKNOWN][:_MAX_QUESTIONS]
    for name in wanted:
        fact = vocabulary()[name]
        article = _act_article(fact.source)
        if article:
            _note(bases, article, Certainty.DERIVED)
        yield f"{fact.question} ({article})" if article else fact.question
    for entry in _data()["questions"]:
        if _stands(entry, facts, verdict):
            _note(bases, entry["article"], entry["certainty"])
            yield f"{entry['text']} ({entry['article']})"


def _act_article(source: str) -> str | None:
    """Return the article of the Act in a source of the vocabulary; the guidelines are no basis to send to anybody."""
    first = source.partition(";")[0]
    return f"AI Act {first}" if first.startswith(("Art.", "Annex")) else None


def _reasons(verdict: Verdict, bases: dict[str, Basis]) -> Iterator[str]:
    source = _told(verdict)
    everything = [step for step in steps(source.reasons) if step.provision is not None] if source else []
    # what fails decides, so it is told even where the list is cut
    first = [step for step in everything if not step.holds]
    chosen = [*everything[:2], *first, *everything[2:]][:_MAX_REASONS]
    told: dict[str, None] = {}
    for step in everything:
        if step in chosen and step.provision is not None:
            _note(bases, f"AI Act {step.provision.article}", step.certainty)
            told.setdefault(f"{step.statement} ({source_words(step)})")
    for reason in told:
        yield from _wrap(reason, "- ", "  ")
    if told:
        yield ""


def describe(facts: Mapping[str, FactValue]) -> str:
    """Say in half a sentence what the facts describe, leaving out what is not known.

    >>> describe({"function": "anonymisation", "timing": "real-time"})
    'the system looks for faces in order to cover them, live'
    """
    phrases = _data()["phrases"]

    def phrase(name: str) -> str:
        return str(phrases[name].get(facts.get(name), ""))

    parts = [f"the system {phrase('function') or 'films people'}", phrase("timing"), phrase("space")]
    if phrase("actor"):
        parts.append(f"used by {phrase('actor')}")
    if phrase("purpose"):
        parts.append(f"for {phrase('purpose')}")
    return ", ".join(part for part in parts if part)


def _say_verdict(verdict: Verdict) -> str:
    """Say what the Act answers, where it binds the operator to anything; else nothing: the letter rests on other law."""
    act = "Under the Artificial Intelligence Act" + (f" as in force on {day(verdict.on)}" if verdict.on else "")
    names = possible_words(verdict).replace(", ", " or ")
    told = _told(verdict)
    if told is None:
        return ""
    if isinstance(told, Alternative):
        example = example_words(told)
        with_example = f", for example with {example}" if example else ""
        return (
            f"{act}, it depends on points that are open or that I do not know whether that counts as {names}. "
            f"{OUTCOME_TITLE[told.outcome]} would follow{with_example}, in these steps:"
        )
    said = {
        Outcome.PROHIBITED: "that is prohibited",
        Outcome.NON_COMPLIANT: "that breaks a duty for high-risk systems",
    }.get(verdict.outcome, f"that counts as {names}")
    return f"{act}, {said}. The steps are:"


def _told(verdict: Verdict) -> Verdict | Alternative | None:
    """Return whose steps a complaint tells: the verdict's, where it depends those of the strictest possibility, or none."""
    if verdict.outcome in _BINDING:
        return verdict
    return next((a for outcome in _BINDING for a in verdict.alternatives if a.outcome is outcome), None)


def _wrap(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )

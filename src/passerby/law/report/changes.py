"""What changed between two days: in the law, and for one deployment. Told as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from passerby.languages import FALLBACK_LANGUAGE
from passerby.law.engine import LegalChange, Turn, assess, legal_changes, turning_days
from passerby.law.facts import Deployment
from passerby.law.report.json_values import Json
from passerby.law.report.wording import Wording, wording_in
from passerby.law.report.words import disclaimer, fine_words, possible_words, title_of
from passerby.law.values import Duty, Verdict

CHANGES_SCHEMA = "passerby-changes/1"
WIDTH = 80
_HORIZON = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """A day on which the answer for a deployment becomes another by itself.

    Attributes:
        on: The day.
        before: The answer of the day before.
        after: The answer of the day.
    """

    on: date
    before: Verdict
    after: Verdict

    @property
    def new_duties(self) -> tuple[Duty, ...]:
        """What is to be done from that day on and was not before."""
        had = {duty.id for duty in self.before.duties}
        return tuple(duty for duty in self.after.duties if duty.id not in had)

    @property
    def ended_duties(self) -> tuple[Duty, ...]:
        """What was to be done until that day."""
        have = {duty.id for duty in self.after.duties}
        return tuple(duty for duty in self.before.duties if duty.id not in have)

    @property
    def tells(self) -> bool:
        """Whether anything is told differently."""
        same = self.before.possible == self.after.possible and self.before.fine == self.after.fine
        return not same or bool(self.new_duties or self.ended_duties)


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed between two days, both included.

    Attributes:
        since: The first day.
        until: The last day.
        title: Of the deployment, or None when none was given.
        law: What changed in the law.
        first: What each position answered on the day before the first one, for the deployment.
        answers: The days on which one of these answers changed, in order.
        later: Days after the last one on which something is known to change.
    """

    since: date
    until: date
    title: str | None
    law: tuple[LegalChange, ...]
    first: tuple[Verdict, ...]
    answers: tuple[AnswerChange, ...]
    later: tuple[date, ...]


def changes_between(
    since: date, until: date, positions: Sequence[str], deployment: Deployment | None = None
) -> Changes:
    """Return what changed between two days, both included.

    Args:
        since: The first day.
        until: The last day.
        positions: Which positions are asked.
        deployment: The changes that matter for it alone, with its answers; None for those of all Member States.

    Raises:
        FactsError: the facts contradict each other.
        RuleError: there is no such position, or a rule file is broken.
    """
    known = legal_changes(since, _HORIZON, positions, state=None if deployment is None else _state(deployment))
    answered = [] if deployment is None else [_answers(deployment, name, since, until) for name in positions]
    return Changes(
        since=since,
        until=until,
        title=None if deployment is None else deployment.title,
        law=tuple(one for one in known if one.on <= until),
        first=tuple(first for first, _ in answered),
        answers=tuple(sorted((one for _, found in answered for one in found), key=lambda one: one.on)),
        later=tuple(dict.fromkeys(one.on for one in known if one.on > until)),
    )


def _answers(
    deployment: Deployment, position: str, since: date, until: date
) -> tuple[Verdict, tuple[AnswerChange, ...]]:
    """Return what a position answered on the day before, and the days on which that became another answer."""
    eve = since - timedelta(days=1)
    first = before = assess(deployment.facts, position=position, on=eve)
    found = []
    for day in turning_days(position, (), eve, amended=True, state=_state(deployment)):
        if day <= until:
            change = AnswerChange(day, before, assess(deployment.facts, position=position, on=day))
            found += [change] if change.tells else []
            before = change.after
    return first, tuple(found)


def _state(deployment: Deployment) -> str:
    return str(deployment.facts.get("member_state", "generic"))


def changes_to_text(changes: Changes, language: str = FALLBACK_LANGUAGE) -> str:
    """Return what changed as text of 80 columns, day by day, in a language."""
    w = wording_in(language)
    days = {"since": w.day(changes.since), "until": w.day(changes.until)}
    heading = w.text("What changed in the law from {since} to {until}", **days)
    lines = [heading, "=" * len(heading), *(_wrap(changes.title) if changes.title is not None else ())]
    for verdict in changes.first:
        told = w.text("{position}, the day before: {answer}.", position=verdict.position, answer=_short(w, verdict))
        lines += _wrap(told, "  ", "    ")
    lines += _days(w, changes)
    if changes.title is not None and not changes.answers:
        lines += ["", *_wrap(w.of("The answer for this deployment is the same on all these days."))]
    if changes.later:
        to_come = ", ".join(w.day(day) for day in changes.later)
        lines += ["", *_wrap(w.text("Known to come (ask with --until): {days}.", days=to_come))]
    return "\n".join([*lines, "", *_wrap(disclaimer(w))]) + "\n"


def _days(w: Wording, changes: Changes) -> Iterator[str]:
    days = sorted({one.on for one in changes.law} | {one.on for one in changes.answers})
    if not days:
        yield from ["", w.of("Nothing that is known here changed.")]
    for day in days:
        yield from ["", w.day(day)]
        for one in changes.law:
            yield from _legal(w, one) if one.on == day else ()
        for answer in changes.answers:
            yield from _answer(w, answer) if answer.on == day else ()


def changes_to_json(changes: Changes) -> dict[str, Json]:
    """Return what changed as JSON values that the schema ``changes`` describes."""
    return {
        "schema": CHANGES_SCHEMA,
        "since": changes.since.isoformat(),
        "until": changes.until.isoformat(),
        "title": changes.title,
        "law": [
            {
                "on": one.on.isoformat(),
                "turn": one.turn.value,
                "where": one.where,
                "text": _sentences(wording_in(FALLBACK_LANGUAGE), one),
                "reference": one.reference,
                "certainty": one.certainty.value,
            }
            for one in changes.law
        ],
        "first": [_verdict_json(verdict) for verdict in changes.first],
        "answers": [
            {
                "on": one.on.isoformat(),
                "before": _verdict_json(one.before),
                "after": _verdict_json(one.after),
                "new_duties": _duties_json(one.new_duties),
                "ended_duties": _duties_json(one.ended_duties),
            }
            for one in changes.answers
        ],
        "later": [day.isoformat() for day in changes.later],
        "disclaimer": disclaimer(wording_in("en")),
    }


def _verdict_json(verdict: Verdict) -> Json:
    return {
        "position": verdict.position,
        "outcome": verdict.outcome.value,
        "possible": [*sorted(outcome.value for outcome in verdict.possible)],
        "overlays": [*verdict.overlays],
        "fine_max_eur": verdict.fine.max_eur if verdict.fine else None,
    }


def _duties_json(duties: Iterable[Duty]) -> Json:
    return [{"id": duty.id, "text": duty.text, "article": duty.article} for duty in duties]


def _wrap(text: str, indent: str = "", hang: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=hang or indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _short(w: Wording, verdict: Verdict) -> str:
    if verdict.certain:
        return title_of(w, verdict).lower() if w.language == FALLBACK_LANGUAGE else title_of(w, verdict)
    return f"{w.of('it depends')} ({possible_words(w, verdict)})"


def _sentences(w: Wording, change: LegalChange) -> str:
    text = w.of(change.text)
    return " ".join([text if text.endswith(".") else f"{text}.", *([w.of(change.says)] if change.says else [])])


def _happens(w: Wording, turn: Turn) -> str:
    words = {
        Turn.BEGINS: w.of("begins"),
        Turn.ENDS: w.of("ended"),
        Turn.MOVES: w.of("moved"),
        Turn.UNRULED: w.of("no rule here"),
    }
    return words[turn]


def _legal(w: Wording, change: LegalChange) -> list[str]:
    about = "; ".join((change.where, w.cite(change.reference), w.of(change.certainty)))
    told = w.text(
        "{turn}: {sentences} [{about}]", turn=_happens(w, change.turn), sentences=_sentences(w, change), about=about
    )
    return _wrap(told, "  ", "    ")


def _answer(w: Wording, change: AnswerChange) -> Iterator[str]:
    before, after = change.before, change.after
    same = before.possible == after.possible
    changed = w.of("as before") if same else w.text("before: {answer}", answer=_short(w, before))
    yield from _wrap(f"> {after.position}: {_short(w, after)} ({changed})", "  ", "    ")
    for duty in change.new_duties:
        yield from _wrap(f"+ {w.of(duty.text)} [{w.cite(duty.article)}]", "    ", "      ")
    for duty in change.ended_duties:
        ended = w.text("no longer: {duty}", duty=w.of(duty.text))
        yield from _wrap(f"- {ended} [{w.cite(duty.article)}]", "    ", "      ")
    if before.fine != after.fine:
        fine = fine_words(w, after.fine) if after.fine else w.of("none here")
        yield from _wrap(w.text("fine: {fine}", fine=fine), "    ", "      ")

"""Writes assessments as plain text for a terminal: 80 columns, no colour, nothing that only colour would say."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from passerby.law.facts import vocabulary
from passerby.law.report.assessment import Assessment
from passerby.law.report.liability import Claim
from passerby.law.report.words import (
    CERTAINTY_MEANING,
    DISCLAIMER,
    OUTCOME_MEANING,
    OUTCOME_TITLE,
    articles,
    assumptions,
    day,
    duty_when,
    example_words,
    fact_words,
    facts_read,
    fine_words,
    first_statement,
    grouped_changes,
    outside_entirely,
    possible_words,
    readings_told,
    source_words,
    standing,
    title_of,
)
from passerby.law.values import FactValue, Reason, Verdict

WIDTH = 80
"""Columns that no line goes beyond, except a single word that is longer."""
_MOST_WAYS = 3


def assessment_to_text(assessment: Assessment) -> str:
    """Return one assessment as text: what was asked, each position's verdict with its reasons, what harm would mean."""
    lines = [*_head(assessment)]
    if len(assessment.verdicts) > 1:
        lines += ["", *_glance(assessment)]
    for verdict in assessment.verdicts:
        lines += ["", *_verdict(verdict, assessment)]
    lines += ["", *_liability(assessment.liability), *_foot(assessment)]
    return "\n".join(lines).rstrip() + "\n"


def comparison_to_text(assessments: tuple[Assessment, ...]) -> str:
    """Return several assessments as one matrix: a block for each deployment, a line for each position."""
    lines: list[str] = []
    for one in assessments:
        lines += [*_wrap(one.title), *_glance(one), ""]
    lines += [*_tally(assessments), "", *_wrap(DISCLAIMER)]
    return "\n".join(lines) + "\n"


def side_by_side_to_text(assessment: Assessment) -> str:
    """Return the positions beside each other for one deployment: what each answers, why, and what would change it."""
    lines = [*_head(assessment), "", *_glance(assessment)]
    for verdict in assessment.verdicts:
        lines += ["", *_wrap(f"{verdict.position}: {_short(verdict)}")]
        decided = ", ".join(articles(verdict))
        lines += _wrap(f"because: {first_statement(verdict)}" + (f" [{decided}]" if decided else ""), "  ", "    ")
        if verdict.duties:
            lines += _wrap("duties: " + ", ".join(dict.fromkeys(duty.article for duty in verdict.duties)), "  ", "    ")
        if verdict.fine:
            lines += _wrap(f"fine: {fine_words(verdict.fine)}", "  ", "    ")
        if verdict.next_question:
            lines += _wrap(f"ask first: {vocabulary()[verdict.next_question].question}", "  ", "    ")
        for outcome, ways in grouped_changes(verdict, assessment.facts):
            more = f"; or {len(ways) - _MOST_WAYS} more" if len(ways) > _MOST_WAYS else ""
            told = "; or ".join(ways[:_MOST_WAYS]) + more
            lines += _wrap(f"{OUTCOME_TITLE[outcome].lower()} with: {told}", "  ", "    ")
    return "\n".join([*lines, "", *_wrap(DISCLAIMER)]) + "\n"


def _wrap(text: str, indent: str = "", hang: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hang is None else hang,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _section(title: str) -> list[str]:
    return ["", f"  {title}"]


def _bullet(text: str, depth: int = 2, mark: str = "-") -> list[str]:
    indent = " " * (2 * depth)
    return _wrap(text, f"{indent}{mark} ", indent + " " * (len(mark) + 1))


def _head(assessment: Assessment) -> Iterator[str]:
    yield from _wrap(assessment.title)
    yield "=" * min(WIDTH, len(assessment.title))
    if assessment.description:
        yield from _wrap(assessment.description)
    read = f"As in force on {day(assessment.on)}." if assessment.on else "Each text read as fully applicable."
    layers = f" Laid over it: {', '.join(assessment.overlays)}." if assessment.overlays else ""
    yield from _wrap(read + layers)


def _glance(assessment: Assessment) -> Iterator[str]:
    wide = max(len(verdict.position) for verdict in assessment.verdicts)
    for verdict in assessment.verdicts:
        yield from _wrap(f"  {verdict.position:<{wide}}  {_short(verdict)}", "", " " * (wide + 4))


def _short(verdict: Verdict) -> str:
    if len(verdict.possible) > 1:
        return f"{title_of(verdict)}: {possible_words(verdict)}"
    return f"{title_of(verdict)} ({verdict.certainty})"


def _tally(assessments: tuple[Assessment, ...]) -> Iterator[str]:
    counts: dict[str, dict[str, int]] = {}
    for one in assessments:
        for verdict in one.verdicts:
            of = counts.setdefault(verdict.position, {})
            of[verdict.outcome] = of.get(verdict.outcome, 0) + 1
    yield f"{len(assessments)} deployments"
    for position, outcomes in counts.items():
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items(), key=lambda item: -item[1]))
        yield from _wrap(f"  {position}: {told}", "", "    ")


def _verdict(verdict: Verdict, assessment: Assessment) -> Iterator[str]:
    title = assessment.titles.get(verdict.position, "")
    yield "-" * WIDTH
    yield from _wrap(f"{verdict.position}  {title}".rstrip())
    yield ""
    yield f"  {title_of(verdict).upper()}"
    if not outside_entirely(verdict):
        yield from _wrap(OUTCOME_MEANING[verdict.outcome], "  ")
    yield from _wrap(
        f"{standing(verdict)} Certainty: {verdict.certainty}, {CERTAINTY_MEANING[verdict.certainty]}.", "  "
    )
    for later in verdict.later:
        yield from _wrap(f"By itself from {day(later.on)}: {OUTCOME_TITLE[later.outcome]}.", "  ")
    if verdict.next_question:
        yield from _wrap(f"Ask first: {vocabulary()[verdict.next_question].question}", "  ")
    for note in verdict.notes:
        yield from _wrap(f"Note: {note}", "  ")
    yield from _why(verdict)
    yield from _unknown(verdict)
    yield from _duties(verdict)
    if verdict.fine:
        yield from _section("Fine")
        yield from _bullet(f"{fine_words(verdict.fine)} ({verdict.fine.article}, {verdict.fine.certainty})")
        yield from _wrap(verdict.fine.text, " " * 6)
    yield from _changes(verdict, assessment.facts)
    yield from _assumed(verdict)


def _why(verdict: Verdict) -> Iterator[str]:
    if verdict.certain or not verdict.alternatives:
        yield from _section("Why")
        for reason in verdict.reasons:
            yield from _reason(reason, 2, {})
        return
    for alternative in verdict.alternatives:
        yield from _section(f"{OUTCOME_TITLE[alternative.outcome]} would follow")
        if alternative.facts:
            yield from _wrap(f"for example with {example_words(alternative)}", " " * 4)
        for question, answer in readings_told(alternative, verdict):
            yield from _wrap(f"if the answer is {answer}: {question}", " " * 4)
        for reason in alternative.reasons:
            yield from _reason(reason, 2, alternative.facts)


def _reason(reason: Reason, depth: int, filled: Mapping[str, FactValue]) -> Iterator[str]:
    source = source_words(reason)
    facts = facts_read(reason, filled)
    text = reason.statement + (f" ({facts})" if facts else "") + (f" [{source}]" if source else "")
    yield from _bullet(text, depth)
    for premise in reason.premises:
        yield from _reason(premise, depth + 1, filled)


def _unknown(verdict: Verdict) -> Iterator[str]:
    if verdict.unknown:
        yield from _section("Not known, the question that settles most first")
        for number, name in enumerate(verdict.unknown, 1):
            yield from _bullet(f"{name}: {vocabulary()[name].question}", 2, f"{number}.")
    if verdict.open_points:
        yield from _section("Open in law")
        for point in verdict.open_points:
            yield from _bullet(f"{point.question} ({point.article}, {point.certainty})", 2, "?")


def _duties(verdict: Verdict) -> Iterator[str]:
    if not verdict.duties:
        return
    yield from _section("To be done and kept up")
    for duty in verdict.duties:
        when = duty_when(duty)
        yield from _bullet(
            f"{duty.text} [{duty.article}, {duty.certainty}]" + (f" When: {when}." if when else ""), 2, "[ ]"
        )


def _changes(verdict: Verdict, given: Mapping[str, FactValue]) -> Iterator[str]:
    if not verdict.changes:
        return
    yield from _section("What would change it")
    for outcome, ways in grouped_changes(verdict, given):
        yield from _bullet(f"{OUTCOME_TITLE[outcome]} with one of")
        for way in ways:
            yield from _bullet(way, 3)


def _assumed(verdict: Verdict) -> Iterator[str]:
    assumed = assumptions(verdict)
    if assumed:
        yield from _section("Assumed, because not given")
        yield from _wrap(", ".join(fact_words(name, value) for name, value in assumed.items()), " " * 4)


def _liability(claims: tuple[Claim, ...]) -> Iterator[str]:
    if not claims:
        return
    yield "-" * WIDTH
    yield "If somebody is harmed"
    law = ""
    for claim in claims:
        if claim.law != law:
            law = claim.law
            yield from ["", *_wrap(f"{claim.law} ({claim.status})", "  ", "    ")]
        yield from _bullet(f"{claim.text} [{claim.article}, {claim.certainty}]")
    yield ""


def _foot(assessment: Assessment) -> Iterator[str]:
    yield "-" * WIDTH
    yield "Certainty"
    used = sorted({verdict.certainty for verdict in assessment.verdicts} | {c.certainty for c in assessment.liability})
    for certainty in sorted(used, key=lambda c: c.rank):
        yield f"  {certainty:<10} {CERTAINTY_MEANING[certainty]}"
    yield ""
    yield from _wrap(DISCLAIMER)

"""Writes assessments as plain text for a terminal: 80 columns, no colour, nothing that only colour would say."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from passerby.languages import FALLBACK_LANGUAGE
from passerby.law.facts import vocabulary
from passerby.law.report.assessment import Assessment
from passerby.law.report.liability import Claim
from passerby.law.report.quoted import words_quoted
from passerby.law.report.wording import Wording, wording_in
from passerby.law.report.words import (
    CERTAINTY_MEANING,
    OTHER_LAW,
    OUTCOME_MEANING,
    OUTCOME_TITLE,
    Differing,
    articles,
    assumptions,
    count_words,
    decided_elsewhere,
    disclaimer,
    duty_when,
    example_words,
    facts_read,
    fine_words,
    first_statement,
    grouped_changes,
    outside_entirely,
    possible_words,
    question_of,
    raised,
    readings_told,
    source_words,
    standing,
    title_of,
    value_words,
    verdict_line,
)
from passerby.law.statute import PARAPHRASE
from passerby.law.values import FactValue, Outcome, Reason, Verdict

WIDTH = 80
"""Columns that no line goes beyond, except a single word that is longer."""
_MOST_WAYS = 3


def assessment_to_text(assessment: Assessment, language: str = FALLBACK_LANGUAGE) -> str:
    """Return one assessment as text: what was asked, each position's verdict with its reasons, what harm would mean.

    The law comes first; what never was law follows under a heading of its own.

    Args:
        assessment: What to tell.
        language: In which of ``LANGUAGES``.

    Raises:
        UsageError: there is no such language.
    """
    w = wording_in(language)
    lines = [*_head(w, assessment)]
    if len(assessment.verdicts) > 1:
        lines += ["", *_glance(w, assessment)]
    for heading, verdicts in assessment.by_standing():
        if heading != assessment.by_standing()[0][0]:
            lines += ["", "=" * WIDTH, *_wrap(w.of(heading))]
        for verdict in verdicts:
            lines += ["", *_verdict(w, verdict, assessment)]
    lines += ["", *_liability(w, assessment.liability), *_foot(w, assessment)]
    return "\n".join(lines).rstrip() + "\n"


def comparison_to_text(assessments: tuple[Assessment, ...], language: str = FALLBACK_LANGUAGE) -> str:
    """Return several assessments as one matrix: a block for each deployment, a line for each position."""
    w = wording_in(language)
    lines: list[str] = []
    for one in assessments:
        lines += [*_wrap(one.title), *_glance(w, one), ""]
    lines += [*_tally(w, assessments), "", *_wrap(disclaimer(w))]
    return "\n".join(lines) + "\n"


def side_by_side_to_text(assessment: Assessment, language: str = FALLBACK_LANGUAGE) -> str:
    """Return the positions beside each other for one deployment: what each answers, why, and what would change it."""
    w = wording_in(language)
    lines = [*_head(w, assessment), "", *_glance(w, assessment)]
    for verdict in assessment.ordered:
        lines += ["", *_wrap(f"{verdict.position}: {_short(w, verdict)}")]
        decided = ", ".join(map(w.cite, articles(verdict)))
        because = w.text("because: {reason}", reason=first_statement(w, verdict))
        lines += _wrap(because + (f" [{decided}]" if decided else ""), "  ", "    ")
        if verdict.duties:
            named = ", ".join(dict.fromkeys(w.cite(duty.article) for duty in verdict.duties))
            lines += _wrap(w.text("duties: {articles}", articles=named), "  ", "    ")
        if verdict.fine:
            lines += _wrap(w.text("fine: {fine}", fine=fine_words(w, verdict.fine)), "  ", "    ")
        if verdict.next_question:
            lines += _wrap(
                w.text("ask first: {question}", question=question_of(w, verdict.next_question)), "  ", "    "
            )
        for outcome, ways in grouped_changes(w, verdict, assessment.facts):
            lines += _wrap(_would(w, OUTCOME_TITLE[outcome], ways[:_MOST_WAYS]), "  ", "    ")
            lines += [line for way in ways[:_MOST_WAYS] for line in _way(w, way, 2)]
            if len(ways) > _MOST_WAYS:
                lines += _bullet(w.text("{n} more", n=len(ways) - _MOST_WAYS), 2)
    return "\n".join([*lines, "", *_wrap(disclaimer(w))]) + "\n"


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


def _head(w: Wording, assessment: Assessment) -> Iterator[str]:
    yield from _wrap(assessment.title)
    yield "=" * min(WIDTH, len(assessment.title))
    if assessment.description:
        yield from _wrap(assessment.description)
    read = (
        w.text("As in force on {day}.", day=w.day(assessment.on))
        if assessment.on
        else w.of("Each text read as fully applicable.")
    )
    layers = w.text("Laid over it: {layers}.", layers=", ".join(assessment.overlays)) if assessment.overlays else ""
    yield from _wrap(f"{read} {layers}")


def _glance(w: Wording, assessment: Assessment) -> Iterator[str]:
    wide = max(len(verdict.position) for verdict in assessment.verdicts)
    groups = assessment.by_standing()
    for heading, verdicts in groups:
        if len(groups) > 1:
            yield from _wrap(w.of(heading), "  ")
        for verdict in verdicts:
            yield from _wrap(f"  {verdict.position:<{wide}}  {_short(w, verdict)}", "", " " * (wide + 4))


def _short(w: Wording, verdict: Verdict) -> str:
    if len(verdict.possible) > 1:
        return f"{title_of(w, verdict)}: {possible_words(w, verdict)}"
    beside = [w.of(verdict.certainty), *filter(None, [count_words(w, verdict)])]
    return f"{title_of(w, verdict)} ({', '.join(beside)})"


def _tally(w: Wording, assessments: tuple[Assessment, ...]) -> Iterator[str]:
    counts: dict[str, dict[str, int]] = {}
    for one in assessments:
        for verdict in one.ordered:
            of = counts.setdefault(verdict.position, {})
            of[OUTCOME_TITLE[verdict.outcome]] = of.get(OUTCOME_TITLE[verdict.outcome], 0) + 1
    yield w.text("{n} deployments", n=len(assessments))
    for position, outcomes in counts.items():
        ordered = sorted(outcomes.items(), key=lambda item: -item[1])
        told = ", ".join(f"{count} {w.of(title[:1].lower() + title[1:])}" for title, count in ordered)
        yield from _wrap(f"  {position}: {told}", "", "    ")


def _verdict(w: Wording, verdict: Verdict, assessment: Assessment) -> Iterator[str]:
    title = w.of(assessment.titles.get(verdict.position, ""))
    yield "-" * WIDTH
    yield from _wrap(f"{verdict.position}  {title}".rstrip())
    yield ""
    yield f"  {title_of(w, verdict).upper()}"
    if not outside_entirely(verdict):
        yield from _wrap(verdict_line(w, verdict), "  ")
        yield from _wrap(w.of(OUTCOME_MEANING[verdict.outcome]), "  ")
        if decided_elsewhere(verdict) and verdict.outcome is not Outcome.NOT_REGULATED:
            yield from _wrap(w.of(OTHER_LAW), "  ")
    sure = w.text(
        "Certainty: {certainty}, {meaning}.",
        certainty=w.of(verdict.certainty),
        meaning=w.of(CERTAINTY_MEANING[verdict.certainty]),
    )
    yield from _wrap(f"{standing(w, verdict)} {sure}", "  ")
    for later in verdict.later:
        turns = w.text(
            "By itself from {day}: {outcome}.", day=w.day(later.on), outcome=w.of(OUTCOME_TITLE[later.outcome])
        )
        yield from _wrap(turns, "  ")
    if verdict.next_question:
        yield from _wrap(w.text("Ask first: {question}", question=question_of(w, verdict.next_question)), "  ")
    for note in verdict.notes:
        yield from _wrap(w.text("Note: {note}", note=w.of(note)), "  ")
    yield from _why(w, verdict)
    yield from _own_words(w, verdict)
    yield from _unknown(w, verdict)
    yield from _duties(w, verdict)
    if verdict.fine:
        yield from _section(w.of("Fine"))
        certainty = w.of(verdict.fine.certainty)
        yield from _bullet(f"{fine_words(w, verdict.fine)} ({w.cite(verdict.fine.article)}, {certainty})")
        yield from _wrap(w.of(verdict.fine.text), " " * 6)
    yield from _changes(w, verdict, assessment.facts)
    yield from _assumed(w, verdict)


def _why(w: Wording, verdict: Verdict) -> Iterator[str]:
    if verdict.certain or not verdict.alternatives:
        yield from _section(w.of("Why"))
        for reason in verdict.reasons:
            yield from _reason(w, reason, 2, {})
        return
    for alternative in verdict.alternatives:
        yield from _section(w.text("{outcome} would follow", outcome=w.of(OUTCOME_TITLE[alternative.outcome])))
        if alternative.facts:
            yield from _wrap(w.text("for example with {facts}", facts=example_words(w, alternative)), " " * 4)
        for question, answer in readings_told(w, alternative, verdict):
            yield from _wrap(w.text("if the answer is {answer}: {question}", answer=answer, question=question), " " * 4)
        for reason in alternative.reasons:
            yield from _reason(w, reason, 2, alternative.facts)


def _reason(w: Wording, reason: Reason, depth: int, filled: Mapping[str, FactValue]) -> Iterator[str]:
    source = source_words(w, reason)
    facts = facts_read(w, reason, filled)
    text = w.of(reason.statement) + (f" ({facts})" if facts else "") + (f" [{source}]" if source else "")
    yield from _bullet(text, depth)
    for premise in reason.premises:
        yield from _reason(w, premise, depth + 1, filled)


def _own_words(w: Wording, verdict: Verdict) -> Iterator[str]:
    quotations = words_quoted(verdict)
    if not quotations:
        yield from ["", *_wrap(w.of(PARAPHRASE), "  ")]
        return
    yield from _section(w.of("The statute's own words"))
    for quotation in quotations:
        yield from _bullet(f"{w.cite(quotation.reference)}: {quotation.words}")
    for source in dict.fromkeys(quotation.source for quotation in quotations):
        yield from _wrap(w.text("Source: {source}", source=source), " " * 4, " " * 6)


def _unknown(w: Wording, verdict: Verdict) -> Iterator[str]:
    if verdict.unknown:
        yield from _section(w.of("Not known, the question that settles most first"))
        for number, name in enumerate(verdict.unknown, 1):
            yield from _bullet(f"{name}: {question_of(w, name)}", 2, f"{number}.")
            yield from _wrap(w.of(vocabulary()[name].explanation), " " * 8)
    if verdict.open_points:
        yield from _section(w.of("Open in law"))
        for point in verdict.open_points:
            yield from _bullet(f"{w.of(point.question)} ({w.cite(point.article)}, {w.of(point.certainty)})", 2, "?")


def _duties(w: Wording, verdict: Verdict) -> Iterator[str]:
    if not verdict.duties:
        return
    yield from _section(w.of("To be done and kept up"))
    for duty in verdict.duties:
        when = duty_when(w, duty)
        told = f"{w.of(duty.text)} [{w.cite(duty.article)}, {w.of(duty.certainty)}]"
        yield from _bullet(told + (" " + w.text("When: {when}.", when=when) if when else ""), 2, "[ ]")


def _changes(w: Wording, verdict: Verdict, given: Mapping[str, FactValue]) -> Iterator[str]:
    if not verdict.changes:
        return
    yield from _section(w.of("What would change it"))
    for outcome, ways in grouped_changes(w, verdict, given):
        yield from _wrap(_would(w, OUTCOME_TITLE[outcome], ways), " " * 4)
        for way in ways:
            yield from _way(w, way, 3)


def _would(w: Wording, outcome: str, ways: Sequence[tuple[Differing, ...]]) -> str:
    if len(ways) == 1:
        return w.text("{outcome}, if this were different:", outcome=w.of(outcome))
    return w.text("{outcome}, if one of these were different:", outcome=w.of(outcome))


def _way(w: Wording, way: tuple[Differing, ...], depth: int) -> Iterator[str]:
    if len(way) > 1:
        yield from _bullet(w.of("these together:"), depth)
    for fact in way:
        deep = depth if len(way) == 1 else depth + 1
        now = "; " + w.text("now: {value}", value=fact.now) if fact.now is not None else ""
        yield from _bullet(f"{fact.question} ({fact.name}{now})", deep)
        for value in fact.values:
            yield from _bullet(value, deep + 1, ">")


def _assumed(w: Wording, verdict: Verdict) -> Iterator[str]:
    assumed = assumptions(verdict)
    if assumed:
        yield from _section(w.of("Assumed, because not given"))
        for name, value in assumed.items():
            yield from _bullet(f"{question_of(w, name)} {raised(value_words(w, name, value))} ({name})")


def _liability(w: Wording, claims: tuple[Claim, ...]) -> Iterator[str]:
    """Folded: a terminal has no details to open, so the page and the JSON hold the statements."""
    if not claims:
        return
    yield "-" * WIDTH
    yield w.of("If somebody is harmed")
    laws = list(dict.fromkeys(w.text("{law} ({status})", law=w.of(c.law), status=w.of(c.status)) for c in claims))
    for law in laws:
        yield from _bullet(law, 1)
    yield from _wrap(
        w.text("{n} statements on it stand in the page (--report) and in the JSON (--json).", n=len(claims)), "  "
    )
    yield ""


def _foot(w: Wording, assessment: Assessment) -> Iterator[str]:
    yield "-" * WIDTH
    yield w.of("Certainty")
    used = sorted({verdict.certainty for verdict in assessment.verdicts}, key=lambda c: c.rank)
    for certainty in used:
        yield from _wrap(f"  {w.of(certainty):<10} {w.of(CERTAINTY_MEANING[certainty])}", "", " " * 13)
    yield ""
    yield from _wrap(disclaimer(w))

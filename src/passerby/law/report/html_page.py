"""Writes assessments as one self-contained page: no script, nothing loaded, dark and light, for a phone and for paper."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, partial
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING

import passerby
from passerby.languages import FALLBACK_LANGUAGE
from passerby.law.facts import vocabulary
from passerby.law.report.assessment import Assessment
from passerby.law.report.liability import Claim
from passerby.law.report.quoted import words_behind, words_quoted
from passerby.law.report.wording import Wording, wording_in
from passerby.law.report.words import (
    CERTAINTY_MEANING,
    NO_ADVICE,
    OTHER_LAW,
    OUTCOME_MEANING,
    OUTCOME_TITLE,
    RESERVE,
    articles,
    assumptions,
    count_words,
    decided_elsewhere,
    decisive_facts,
    duty_when,
    example_words,
    facts_read,
    fine_words,
    first_statement,
    grouped_changes,
    outside_entirely,
    possible_words,
    raised,
    readings_told,
    source_words,
    standing,
    title_of,
    value_words,
    verdict_line,
)
from passerby.law.statute import PARAPHRASE
from passerby.law.values import Outcome, Provision, Verdict

if TYPE_CHECKING:
    from jinja2 import Environment

_TONE = {
    Outcome.PROHIBITED: "red",
    Outcome.NON_COMPLIANT: "red",
    Outcome.PERMITTED: "amber",
    Outcome.HIGH_RISK: "amber",
    Outcome.TRANSPARENCY_ONLY: "blue",
    Outcome.NOT_REGULATED: "green",
    Outcome.NOT_PROHIBITED: "green",
    Outcome.OUT_OF_SCOPE: "grey",
    Outcome.DEPENDS: "violet",
}


def assessment_to_html(assessment: Assessment, language: str = FALLBACK_LANGUAGE) -> str:
    """Return the page of one assessment.

    Args:
        assessment: What to tell.
        language: In which of ``LANGUAGES``; a text without a translation is marked as English.

    Raises:
        UsageError: there is no such language.
    """
    used = {v.certainty for v in assessment.verdicts} | {claim.certainty for claim in assessment.liability}
    used |= {provision.certainty for provision in _provisions(assessment)}
    ranked = sorted(used, key=lambda certainty: certainty.rank)
    return _environment(language).get_template("report.html.j2").render(a=assessment, certainties=ranked)


def comparison_to_html(assessments: tuple[Assessment, ...], heading: str, language: str = FALLBACK_LANGUAGE) -> str:
    """Return the page that compares: one deployment aspect by aspect, or a matrix of several deployments."""
    on = assessments[0].on if assessments else None
    return _environment(language).get_template("compare.html.j2").render(rows=assessments, heading=heading, on=on)


@cache
def _environment(language: str) -> Environment:
    # a fifth of the room's import time, and most commands write no page
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    w = wording_in(language)
    environment = Environment(
        loader=PackageLoader("passerby.law", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("passerby.law").joinpath("templates/style.css").read_text(encoding="utf-8")
    environment.globals.update(
        # our own file, not input: the only text that is not escaped
        style=Markup(style),  # noqa: S704
        language=language,
        version=passerby.__version__,
        t=w.text,
        say=lambda text, **values: Markup(escape(w.of(text))).format(**values),  # noqa: S704  # escaped
        on_day=lambda at: Markup('<time datetime="{}">{}</time>').format(at, w.day(at)),
        data=lambda text: _data(w, text),
        cite=w.cite,
        articles=articles,
        assumptions=assumptions,
        by_law=_by_law,
        by_outcome=lambda assessment: _by_outcome(w, assessment),
        certainty_meaning=lambda certainty: w.of(CERTAINTY_MEANING[certainty]),
        changes=partial(grouped_changes, w),
        decisive=decisive_facts,
        decided_by=lambda verdict: ", ".join(map(w.cite, articles(verdict))),
        reserve=RESERVE,
        no_advice=NO_ADVICE,
        example=partial(example_words, w),
        fact=lambda name: vocabulary()[name],
        facts_read=partial(facts_read, w),
        fine=partial(fine_words, w),
        first_statement=partial(first_statement, w),
        meaning=lambda outcome: w.of(OUTCOME_MEANING[outcome]),
        outcome_title=lambda outcome: w.of(OUTCOME_TITLE[outcome]),
        other_law=OTHER_LAW,
        elsewhere=decided_elsewhere,
        outside=outside_entirely,
        paraphrase=PARAPHRASE,
        possible=partial(possible_words, w),
        line=partial(verdict_line, w),
        count=partial(count_words, w),
        provisions=_provisions,
        quoted=words_behind,
        quoted_in=words_quoted,
        readings=partial(readings_told, w),
        sentence=raised,
        source=partial(source_words, w),
        standing=partial(standing, w),
        title_of=partial(title_of, w),
        tone=lambda verdict: "grey" if outside_entirely(verdict) else _TONE[verdict.outcome],
        tone_of=lambda outcome: _TONE[outcome],
        value=partial(value_words, w),
        when=partial(duty_when, w),
    )
    return environment


def _data(w: Wording, text: str) -> str:
    """Return a text of the data in the page's language, or marked as English."""
    from markupsafe import Markup

    return w.of(text) if w.knows(text) else Markup('<span lang="en">{}</span>').format(w.of(text))


def _by_outcome(w: Wording, assessment: Assessment) -> list[tuple[str, list[Verdict]]]:
    groups: dict[str, list[Verdict]] = {}
    for verdict in assessment.ordered:
        groups.setdefault(title_of(w, verdict), []).append(verdict)
    return list(groups.items())


def _by_law(claims: Iterable[Claim]) -> list[tuple[str, list[Claim]]]:
    groups: dict[str, list[Claim]] = {}
    for law, some in groupby(claims, key=lambda claim: claim.law):
        groups.setdefault(law, []).extend(some)
    return list(groups.items())


def _provisions(assessment: Assessment) -> list[Provision]:
    found: dict[str, Provision] = {}
    for verdict in assessment.verdicts:
        for reason in (*verdict.reasons, *(r for alternative in verdict.alternatives for r in alternative.reasons)):
            found.update({provision.id: provision for provision in reason.chain()})
    return list(found.values())

"""Writes assessments as one self-contained page: no script, nothing loaded, dark and light, for a phone and for paper."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING

import passerby
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
    fact_meaning,
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
    value_in_words,
)
from passerby.law.values import Certainty, FactValue, Outcome, Provision, Verdict

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


def assessment_to_html(assessment: Assessment) -> str:
    """Return the page of one assessment."""
    used = {v.certainty for v in assessment.verdicts} | {claim.certainty for claim in assessment.liability}
    used |= {provision.certainty for provision in _provisions(assessment)}
    ranked = sorted(used, key=lambda certainty: certainty.rank)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(a=assessment, certainties=[(c.value, CERTAINTY_MEANING[c]) for c in ranked])
    )


def comparison_to_html(assessments: tuple[Assessment, ...], heading: str) -> str:
    """Return the page that compares: one deployment aspect by aspect, or a matrix of several deployments."""
    on = assessments[0].on if assessments else None
    return _environment().get_template("compare.html.j2").render(rows=assessments, heading=heading, on=on)


@cache
def _environment() -> Environment:
    # a fifth of the room's import time, and most commands write no page
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

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
        disclaimer=DISCLAIMER.removeprefix("Not legal advice. "),
        version=passerby.__version__,
        day=day,
        assumptions=assumptions,
        example=example_words,
        outside=outside_entirely,
        changes=grouped_changes,
        facts_read=facts_read,
        fine=fine_words,
        source=source_words,
        standing=standing,
        when=duty_when,
        words=fact_words,
        fact=lambda name: vocabulary()[name],
        meaning=lambda outcome: OUTCOME_MEANING[outcome],
        certainty_meaning=_certainty_meaning,
        outcome_title=lambda outcome: OUTCOME_TITLE[outcome],
        title_of=title_of,
        tone=lambda verdict: "grey" if outside_entirely(verdict) else _TONE[verdict.outcome],
        tone_of=lambda outcome: _TONE[outcome],
        possible=possible_words,
        articles=articles,
        decided_by=_decided_by,
        sentence=_sentence,
        first_statement=first_statement,
        readings=readings_told,
        value_words=_value_words,
        by_outcome=_by_outcome,
        by_law=_by_law,
        provisions=_provisions,
    )
    return environment


def _certainty_meaning(certainty: Certainty) -> str:
    return CERTAINTY_MEANING[certainty]


def _decided_by(verdict: Verdict) -> str:
    return ", ".join(articles(verdict))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _value_words(name: str, value: FactValue) -> str:
    told = value_in_words(value)
    meaning = fact_meaning(name, value)
    return f"{told} ({meaning})" if meaning and meaning != told else told


def _by_outcome(assessment: Assessment) -> list[tuple[str, list[Verdict]]]:
    groups: dict[str, list[Verdict]] = {}
    for verdict in assessment.verdicts:
        groups.setdefault(title_of(verdict), []).append(verdict)
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

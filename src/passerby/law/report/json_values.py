"""Writes assessments as plain JSON values, in the form that ``schemas/assessment.schema.json`` publishes.

``schema`` in each document names the form; a field may be added within a version, none is renamed or dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from functools import cache
from importlib.resources import files

from passerby.languages import FALLBACK_LANGUAGE
from passerby.law.facts import Fact, fact_help, vocabulary
from passerby.law.reference import SLUG
from passerby.law.report.assessment import Assessment
from passerby.law.report.quoted import words_behind, words_quoted
from passerby.law.report.wording import wording_in
from passerby.law.report.words import DISCLAIMER, articles, decided_elsewhere, guideline_of, verdict_line
from passerby.law.statute import Quotation
from passerby.law.values import UNKNOWN, Alternative, FactValue, Provision, Reason, Verdict

VOCABULARY_SCHEMA = "passerby-vocabulary/1"
ASSESSMENT_SCHEMA = "passerby-assessment/1"
COMPARISON_SCHEMA = "passerby-comparison/1"
_PROVISION = "id article title reference guideline certainty"
_DUTY = "id text article deadline deadline_hours certainty applies_from"
_FINE = "article text max_eur max_turnover_percent certainty"
_CLAIM = "id group text law article status applies_from certainty"
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def assessment_to_json(assessment: Assessment) -> dict[str, Json]:
    """Return one assessment as JSON values that the schema ``assessment`` describes."""
    return {
        "schema": ASSESSMENT_SCHEMA,
        "title": assessment.title,
        "description": assessment.description,
        "on": assessment.on.isoformat() if assessment.on else None,
        "facts": _facts(assessment.facts),
        "verdicts": [_verdict(verdict, assessment) for verdict in assessment.verdicts],
        "liability": [_take(claim, _CLAIM) for claim in assessment.liability],
        "disclaimer": DISCLAIMER,
    }


def comparison_to_json(assessments: tuple[Assessment, ...]) -> dict[str, Json]:
    """Return several assessments as one matrix that the schema ``comparison`` describes: a row for each deployment."""
    return {
        "schema": COMPARISON_SCHEMA,
        "on": assessments[0].on.isoformat() if assessments and assessments[0].on else None,
        "positions": [verdict.position for verdict in assessments[0].verdicts] if assessments else [],
        "deployments": [
            {
                "title": one.title,
                "name": one.name,
                "outcomes": {
                    verdict.position: {
                        "outcome": verdict.outcome.value,
                        "possible": _possible(verdict),
                        "certainty": verdict.certainty.value,
                        "decided_by": [*articles(verdict)],
                    }
                    for verdict in one.verdicts
                },
            }
            for one in assessments
        ],
        "disclaimer": DISCLAIMER,
    }


def vocabulary_to_json(names: Iterable[str]) -> dict[str, Json]:
    """Return facts of the vocabulary as JSON values that the schema ``vocabulary`` describes."""
    return {
        "schema": VOCABULARY_SCHEMA,
        "facts": [
            {
                "name": fact.name,
                "kind": fact.kind,
                "question": fact.question,
                "explanation": fact.explanation,
                "help": fact_help()[fact.name],
                "source": fact.source,
                "values": dict(fact.values),
                "open": fact.open,
                "default": fact.default,
            }
            for fact in (vocabulary()[name] for name in names)
        ],
    }


def facts_schema() -> dict[str, Json]:
    """Return a JSON Schema of deployment files, made from the vocabulary, for editors that complete and check as one types.

    It knows names, values and types; what contradicts is told by ``passerby assess``.
    """
    facts: dict[str, Json] = {fact.name: _fact_schema(fact) for fact in vocabulary().values()}
    words: dict[str, Json] = {name: {"type": "string"} for name in ("title", "description", "id", "note")}
    about: dict[str, Json] = {**words, "on": {"type": "string", "format": "date"}}
    apart: dict[str, Json] = {"type": "object", "properties": facts, "minProperties": 1, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A camera deployment, for passerby assess",
        "oneOf": [
            {
                "type": "object",
                "properties": {**about, "facts": apart},
                "required": ["facts"],
                "additionalProperties": False,
            },
            {"type": "object", "properties": {**about, **facts}, "additionalProperties": False},
        ],
    }


def _fact_schema(fact: Fact) -> Json:
    told: dict[str, Json] = {"title": fact.question, "description": f"{fact.explanation} ({fact.source})"}
    unknown: Json = {"const": UNKNOWN}
    if fact.kind == "bool":
        return {**told, "anyOf": [{"type": "boolean"}, unknown]}
    if fact.kind == "number":
        return {**told, "anyOf": [{"type": "number", "minimum": 0}, unknown]}
    if fact.open:
        return {**told, "type": "string", "pattern": f"^{SLUG.pattern}$", "examples": [*fact.values]}
    return {**told, "anyOf": [{"enum": [*fact.values]}, unknown]}


@cache
def read_schema(name: str) -> dict[str, Json]:
    """Return a published schema.

    Args:
        name: ``assessment``, ``changes``, ``comparison`` or ``vocabulary``.

    Raises:
        FileNotFoundError: there is no such schema.
    """
    text = files("passerby.law").joinpath(f"schemas/{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Json] = json.loads(text)
    return schema


def dump_json(value: Mapping[str, Json]) -> str:
    """Return JSON text for people and programs: indented, letters of all languages as they are, one newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _facts(facts: Mapping[str, FactValue]) -> dict[str, Json]:
    return dict(facts)


def _possible(verdict: Verdict) -> list[Json]:
    return [*sorted(outcome.value for outcome in verdict.possible)]


def _verdict(verdict: Verdict, assessment: Assessment) -> dict[str, Json]:
    chain: dict[str, Provision] = {}
    for reason in verdict.reasons:
        chain.update({provision.id: provision for provision in reason.chain()})
    return {
        "position": verdict.position,
        "position_title": assessment.titles.get(verdict.position, verdict.position),
        "overlays": [*verdict.overlays],
        "on": verdict.on.isoformat() if verdict.on else None,
        "outcome": verdict.outcome.value,
        "line": verdict_line(wording_in(FALLBACK_LANGUAGE), verdict),
        "possible": _possible(verdict),
        "certain": verdict.certain,
        "under_this_act_only": decided_elsewhere(verdict),
        "outside_rulebook": verdict.outside,
        "certainty": verdict.certainty.value,
        "provisions": [_take(provision, _PROVISION) for provision in chain.values()],
        "reasons": [_reason(reason) for reason in verdict.reasons],
        "alternatives": [_alternative(alternative) for alternative in verdict.alternatives],
        "open_points": [_take(point, "id question article certainty") for point in verdict.open_points],
        "unknown": [*verdict.unknown],
        "next_question": verdict.next_question,
        "duties": [_take(duty, _DUTY) for duty in verdict.duties],
        "fine": _take(verdict.fine, _FINE) if verdict.fine else None,
        "changes": [_take(change, "facts outcome") for change in verdict.changes],
        "later": [_take(later, "on outcome") for later in verdict.later],
        "notes": [*verdict.notes],
        "quotations": [_quotation(quotation) for quotation in words_quoted(verdict)],
        "assumed": _facts(verdict.assumed),
        "provided": _facts(verdict.provided),
    }


def _reason(reason: Reason) -> Json:
    return {
        "statement": reason.statement,
        "holds": reason.holds,
        "rule": reason.rule,
        "provision": reason.provision.id if reason.provision else None,
        "article": reason.provision.article if reason.provision else None,
        "guideline": guideline_of(reason),
        "certainty": reason.certainty.value,
        "quoted": [quotation.reference for quotation in words_behind(reason)],
        "facts": _facts(reason.facts),
        "premises": [_reason(premise) for premise in reason.premises],
    }


def _alternative(alternative: Alternative) -> Json:
    return {
        "outcome": alternative.outcome.value,
        "facts": _facts(alternative.facts),
        "readings": dict(alternative.readings),
        "certainty": alternative.certainty.value,
        "reasons": [_reason(reason) for reason in alternative.reasons],
    }


def _quotation(quotation: Quotation) -> Json:
    return {
        "reference": quotation.reference,
        "words": quotation.words,
        **_take(quotation.statute, "title address published read terms"),
    }


def _take(item: object, names: str) -> dict[str, Json]:
    """Return some of an object's fields under their own names, in the order given."""
    return {name: _plain(getattr(item, name)) for name in names.split()}


def _plain(value: Json | Enum | date | Mapping[str, FactValue]) -> Json:
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, date):
        return value.isoformat()
    return dict(value) if isinstance(value, Mapping) else value

"""Drafts facts for ``passerby assess``: what the software that was found can do, in the vocabulary of the law.

A scan sees what is there, never what for, where, by whom or whether it is switched on: those stay unknown, so that no
assessment of a draft says that something is prohibited. Names and values are plain words here; a test holds them against
the vocabulary, since this room needs no law.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from passerby.scan.report.scanned import ScanReport, components_found
from passerby.scan.report.words import PRESENCE, RATING_WORDS, abilities_short, shown, title_of
from passerby.scan.values import Ability, Finding, Rating

UNKNOWN = "unknown"
_OF_THE_USE = ("role", "actor", "purpose", "objective", "timing", "space", "activated")
"""Facts that no software shows."""
_MOST_FINDINGS = 20
_FACES = {Ability.SEARCH, Ability.GROUP, Ability.EMBED}
_BY_FACE = (("modality", "face"), ("biometric_data", "true"))
_CATEGORIES = {Ability.AGE, Ability.GENDER, Ability.ETHNICITY}


@dataclass(frozen=True, slots=True)
class FactsDraft:
    """One draft of a deployment; a target that can do several things that the law judges apart has several.

    Attributes:
        function: Value of the fact ``function``; ``unknown`` where what was found does not say it.
        text: The file, YAML.
    """

    function: str
    text: str


@dataclass(frozen=True, slots=True)
class _Function:
    """One way to use what was found, with the facts that follow."""

    name: str
    abilities: frozenset[Ability]
    facts: tuple[tuple[str, str], ...]


def draft_facts(report: ScanReport) -> tuple[FactsDraft, ...]:
    """Return drafts out of everything that was found, that of the most far-reaching function first; at least one."""
    found = tuple(report.findings())
    functions = list(_functions(found))
    if not functions:
        names = {ability for finding in found for ability in finding.abilities}
        facts = (("modality", "face" if names - {Ability.PERSON, Ability.GAIT} else UNKNOWN),)
        functions = [_Function(UNKNOWN, frozenset(names), facts)]
    return tuple(FactsDraft(function.name, _text(report, function, functions)) for function in functions)


def _functions(found: tuple[Finding, ...]) -> Iterator[_Function]:
    """Give what can be done with what was found; what needs weights or a key first gives none."""
    able = {ability for finding in found if finding.rating is not Rating.CAN for ability in finding.abilities}
    identifying = {ability for finding in found if finding.rating is Rating.IDENTIFIES for ability in finding.abilities}
    if identifying & _FACES:
        yield _Function("rbi", frozenset(_FACES), _BY_FACE)
    if Ability.VERIFY in identifying and not identifying & _FACES:
        yield _Function("verification", frozenset({Ability.VERIFY}), _BY_FACE)
    if Ability.GAIT in able:
        yield _Function("rbi", frozenset({Ability.GAIT}), (("modality", "gait"), ("biometric_data", "true")))
    if Ability.PERSON in able:
        yield _Function("bio-tracking", frozenset({Ability.PERSON}), (("modality", "body"),))
    if Ability.EMOTION in able:
        yield _Function("emotion", frozenset({Ability.EMOTION}), (*_BY_FACE, ("emotion_context", UNKNOWN)))
    if able & _CATEGORIES:
        attribute = UNKNOWN if Ability.ETHNICITY in able else "age-gender"
        facts = (*_BY_FACE, ("attribute", attribute), ("individual", UNKNOWN))
        yield _Function("bio-categorisation", frozenset(_CATEGORIES), facts)


def _text(report: ScanReport, function: _Function, functions: list[_Function]) -> str:
    targets = ", ".join(shown(result.target) for result in report.results)
    lines = [
        f"# A draft out of `passerby scan`. {PRESENCE}: a scan sees what software can do, not what it is used for.",
        "# What stays unknown here decides: who uses it, for what, where, live or on recordings, and whether it is on.",
        "# Fill that in, then: passerby assess FILE --all",
        f"title: {json.dumps(f'Draft from a scan of {targets}'[:300], ensure_ascii=False)}",
        "facts:",
        *_comments(report, function),
        f"  function: {function.name}",
        *_beside(function, functions),
        *(f"  {name}: {value}" for name, value in function.facts),
        *(f"  {name}: {UNKNOWN}" for name in _OF_THE_USE),
    ]
    return "\n".join(lines) + "\n"


def _comments(report: ScanReport, function: _Function) -> Iterator[str]:
    """Give the findings that lead to this function."""
    for result in report.results:
        for finding, reason in result.suppressed[:_MOST_FINDINGS]:
            yield f"  # suppressed ({shown(reason)}): {title_of(finding)}; {shown(finding.path)}"[:300]
    found = (finding for finding in report.findings() if function.abilities & set(finding.abilities))
    leading = [one.whole for one in components_found(found)]
    if not leading:
        yield "  # nothing was found that works on faces or people"
    for finding in leading[:_MOST_FINDINGS]:
        what = f"{title_of(finding)}: {abilities_short(finding)} ({RATING_WORDS[finding.rating]})"
        yield f"  # {what}; {shown(finding.path)}"[:300]
    if len(leading) > _MOST_FINDINGS:
        yield f"  # and {len(leading) - _MOST_FINDINGS} more components"


def _beside(function: _Function, functions: list[_Function]) -> Iterator[str]:
    if function.name == "rbi":
        yield "  # or verification, active-identification, identity-check: who is asked, and whether they step up knowingly,"
        yield "  # is not in the software"
    others = [one.name for one in functions if one is not function]
    if others:
        yield f"  # what was found can also do, each in a draft of its own: {', '.join(dict.fromkeys(others))}"

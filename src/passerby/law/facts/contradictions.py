"""Which facts cannot stand together, as data: one row per contradiction, and the function that looks for them.

A row speaks of a fact that is *affirmed*: given, and not denied (false, none, 0) nor unknown. Denying something that does
not apply ("threat_imminent: false" where somebody is sought as a suspect) is no contradiction, only a fact too many.
A fact that the law answers is none either: police that use no authorisation are described, not refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from passerby.law.values import UNKNOWN

_NOT_REMOTE_OR_TRAIT = frozenset({"rbi", "verification", "active-identification", "identity-check", "bio-tracking"})
# a suspect may threaten lives and a missing child may be in danger; only where nothing is sought is a threat one too many
_NOTHING_SOUGHT = frozenset({"none"})
_NO_COLLECTING = frozenset({"emotion", "anonymisation", "generic-analytics"} | (_NOT_REMOTE_OR_TRAIT - {"rbi"}))


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One pair of facts that exclude each other.

    Attributes:
        fact: The fact that is affirmed.
        other: The fact that excludes it.
        values: The values of ``other`` that exclude it.
        says: Why the two exclude each other; read after "'fact: value' contradicts 'other: value': ".
        write: What to write instead.
        above: Only numbers above this are excluded.
        also: A third fact and value that must be given too.
    """

    fact: str
    other: str
    values: frozenset[str]
    says: str
    write: str
    above: float | None = None
    also: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Clash:
    """A contradiction that was found, with the two facts as given."""

    fact: str
    other: str
    message: str
    write: str


def _emotion(fact: str) -> Contradiction:
    return Contradiction(
        fact,
        "function",
        _NOT_REMOTE_OR_TRAIT | {"bio-categorisation", "face-scraping", "anonymisation"},
        "this fact is about a system that reads emotions",
        f"remove {fact}, or write function: emotion",
    )


def _threat(fact: str) -> Contradiction:
    return Contradiction(
        fact,
        "objective",
        _NOTHING_SOUGHT,
        "a threat is described, and the use does not serve to prevent one",
        f"remove {fact}, or write the objective that starts with threat-",
    )


def _scraping(fact: str) -> Contradiction:
    return Contradiction(
        fact,
        "function",
        _NO_COLLECTING,
        "this fact is about faces collected for a database",
        f"remove {fact}, or write function: face-scraping",
    )


def _request(fact: str) -> Contradiction:
    return Contradiction(
        fact,
        "authorisation",
        frozenset({"prior", "none"}),
        "a request after the start is described, and none was made after the start",
        f"remove {fact}, or write authorisation: requested-in-time or requested-late",
    )


CONTRADICTIONS: tuple[Contradiction, ...] = (
    Contradiction(
        "delay_seconds",
        "timing",
        frozenset({"post"}),
        "recorded footage has no delay; a delay is what a live system has",
        "remove delay_seconds, or write timing: near-real-time",
    ),
    Contradiction(
        "attribute",
        "function",
        _NOT_REMOTE_OR_TRAIT | {"emotion", "face-scraping", "generic-analytics", "anonymisation"},
        "an attribute is what a system for biometric categorisation infers",
        "remove attribute, or write function: bio-categorisation",
    ),
    _emotion("emotion_context"),
    _emotion("emotion_reason"),
    _emotion("emotion_inferred"),
    _threat("threat_specific"),
    _threat("threat_substantial"),
    _threat("threat_imminent"),
    _threat("threat_to_life"),
    _threat("terror_threat"),
    _scraping("scrape_source"),
    _scraping("legacy_db"),
    _scraping("stepwise"),
    _request("request_after_hours"),
    _request("requested_during_use"),
    Contradiction(
        "request_after_hours",
        "authorisation",
        frozenset({"requested-in-time"}),
        "for live use a request is in time within 24 hours",
        "write authorisation: requested-late, or the right number of hours",
        above=24,
        also=("timing", "real-time"),
    ),
    Contradiction(
        "request_after_hours",
        "authorisation",
        frozenset({"requested-in-time"}),
        "for recorded footage a request is in time within 48 hours",
        "write authorisation: requested-late, or the right number of hours",
        above=48,
        also=("timing", "post"),
    ),
    Contradiction(
        "victim_crime",
        "objective",
        _NOTHING_SOUGHT,
        "the crime of a victim is described, and no victim is sought",
        "remove victim_crime, or write objective: victim-search",
    ),
    Contradiction(
        "offence_max_years",
        "offence",
        frozenset({"none"}),
        "a maximum sentence belongs to an offence",
        "name the offence, or remove offence_max_years",
    ),
    Contradiction(
        "convicted",
        "objective",
        frozenset({"victim-search", "missing-person", "witness-search"}),
        "the search serves a sentence, and no convicted person is sought",
        "remove convicted, or write objective: suspect",
    ),
)


def is_affirmed(value: object) -> bool:
    """Tell whether a value affirms its fact: given, known, and not a denial.

    >>> [is_affirmed(v) for v in (True, "police", 3, False, "none", "unknown", 0)]
    [True, True, True, False, False, False, False]
    """
    return value not in (None, False, 0, "none", UNKNOWN)


def find_clashes(facts: Mapping[str, object]) -> Iterator[Clash]:
    """Yield every contradiction among facts whose names and values are known to be right."""
    for row in CONTRADICTIONS:
        if _holds(row, facts):
            given, other = value_to_yaml(facts[row.fact]), value_to_yaml(facts[row.other])
            yield Clash(
                row.fact,
                row.other,
                f"'{row.fact}: {given}' contradicts '{row.other}: {other}': {row.says}",
                row.write,
            )


def value_to_yaml(value: object) -> str:
    """Return a value as it is written in a facts file.

    >>> value_to_yaml(True), value_to_yaml(4.0), value_to_yaml(100000.5), value_to_yaml("police")
    ('true', '4', '100000.5', 'police')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value)


def _holds(row: Contradiction, facts: Mapping[str, object]) -> bool:
    value = facts.get(row.fact)
    # a delay of 0 seconds is still a delay given: for numbers, being there counts
    affirmed = is_affirmed(value) or (row.fact == "delay_seconds" and value == 0 and not isinstance(value, bool))
    if not affirmed or facts.get(row.other) not in row.values:
        return False
    if row.above is not None and not (isinstance(value, (int, float)) and value > row.above):
        return False
    return row.also is None or facts.get(row.also[0]) == row.also[1]

"""What somebody harmed may ask to have disclosed and what is presumed: product liability directive Articles 9 and 10.

The statements are data (``data/liability.yaml``) with the facts under which each one stands. They are told beside a verdict
and never change it. The liability directive that was withdrawn stands beside them as a comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import yaml

from passerby.errors import LawError
from passerby.law.report.conditions import Condition, read_condition
from passerby.law.values import Certainty, FactValue, Outcome

GROUPS = ("disclosure", "presumption", "damage", "evidence", "comparison")
"""The order in which claims are told."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement on liability.

    Attributes:
        id: Such as ``presumed-on-refusal``.
        group: One of ``GROUPS``.
        text: In plain words.
        law: Its title.
        article: Where it stands.
        status: Whether and for what that law applies, in words.
        applies_from: The day from which it applies, or None.
        certainty: Of the source.
    """

    id: str
    group: str
    text: str
    law: str
    article: str
    status: str
    applies_from: date | None
    certainty: Certainty


def liability(facts: Mapping[str, FactValue], possible: frozenset[Outcome]) -> tuple[Claim, ...]:
    """Return what may be asked for and what is presumed, in the order of ``GROUPS``.

    Args:
        facts: As given; a fact that is missing or unknown excludes nothing.
        possible: The outcomes that ``act-2024`` leaves possible.

    Raises:
        LawError: the data file is broken.
    """
    standing = [claim for claim, condition in _rows() if condition.stands(facts, possible)]
    return tuple(sorted(standing, key=lambda claim: GROUPS.index(claim.group)))


@cache
def _rows() -> tuple[tuple[Claim, Condition], ...]:
    raw = yaml.safe_load(files("passerby.law").joinpath("data/liability.yaml").read_text(encoding="utf-8"))
    try:
        return tuple(
            (_claim(entry, raw["laws"]), read_condition(entry.get("when"), f"data/liability.yaml: {entry['id']}"))
            for entry in raw["claims"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise LawError(
            f"data/liability.yaml: a claim must have id, law, article, certainty, group and text; broken at {exc}"
        ) from exc


def _claim(entry: Mapping[str, object], laws: Mapping[str, Mapping[str, object]]) -> Claim:
    law = laws[str(entry["law"])]
    start, group = law["from"], str(entry["group"])
    if group not in GROUPS:
        raise ValueError(group)
    return Claim(
        id=str(entry["id"]),
        group=group,
        text=str(entry["text"]),
        law=str(law["title"]),
        article=str(entry["article"]),
        status=str(law["status"]),
        applies_from=start if isinstance(start, date) else None,
        certainty=Certainty(str(entry["certainty"])),
    )

"""Every condition of the Act's text has a fact or a rule, or a reason why it is left out; and every fact stands somewhere."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from passerby.law.engine.rulebook import rulebook_on
from passerby.law.reference import DATA

TABLE: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "law_conditions.yaml").read_text(encoding="utf-8")
)
EXCERPTS: dict[str, Any] = yaml.safe_load((DATA / "excerpts" / "act-2024.yaml").read_text(encoding="utf-8"))["excerpts"]
WALKED = ("2(", "3(3", "3(4", "5(", "6(", "14(", "26(10", "27(", "49(", "50(", "111(", "Annex ")
"""Which excerpts are walked through; definitions that no rule needs are named beside."""
NEEDS_NO_RULE = frozenset({"3(37)", "3(38)"})
MOST_WORDS = 75
"""Words of one passage that a rule holds; in a longer one a condition could hide."""


def passages(place: str) -> list[tuple[str, dict[str, Any]]]:
    """Return each passage of an excerpt with its entry; they tile the text from its first word to its last."""
    text, entries = EXCERPTS[place]["text"], TABLE[place]
    starts = []
    reached = 0
    for entry in entries:
        start = text.find(entry["from"], reached)
        assert start >= 0, f"{place}: '{entry['from']}' must stand after the passage before"
        starts.append(start)
        reached = start + 1
    assert starts[0] == 0 or place.startswith("Recital"), f"{place}: the first passage must start the text"
    return [(text[a:b], entry) for (a, b), entry in zip(pairwise([*starts, len(text)]), entries, strict=True)]


def test_every_excerpt_of_the_provisions_is_walked_through() -> None:
    wanted = {place for place in EXCERPTS if place.startswith(WALKED)} - NEEDS_NO_RULE
    assert wanted <= set(TABLE) <= set(EXCERPTS)


@pytest.mark.parametrize("place", TABLE)
def test_every_passage_is_held_or_left_out_for_a_reason(place: str) -> None:
    book = rulebook_on("act-2024", (), None, amended=False).book
    for passage, entry in passages(place):
        assert set(entry) in ({"from", "by"}, {"from", "outside"}), entry
        if "by" in entry:
            assert place.startswith(("Annex II", "Recital")) or len(passage.split()) <= MOST_WORDS, passage
            assert entry["by"]
            assert all(name in (book.rules if "/" in name else book.facts()) for name in entry["by"]), entry
        else:
            assert entry["outside"]


def test_every_fact_that_the_rules_read_stands_with_a_passage() -> None:
    book = rulebook_on("act-2024", (), None, amended=False).book
    named = {name for entries in TABLE.values() for entry in entries for name in entry.get("by", ())}
    assert set(book.facts()) <= named

"""Finds provisions by what a person types: an article, a paragraph, a file name, or the id of a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from passerby.errors import UsageError
from passerby.law.engine.decide import provisions
from passerby.law.engine.layers import overlay_named
from passerby.law.facts import nearest_word
from passerby.law.reference import OffenceList, offences
from passerby.law.values import Provision

_PLURAL = {"recitals": "recital", "annexes": "annex"}
_ROMAN = {"1": "i", "2": "ii", "3": "iii", "8": "viii"}


def find_provisions(
    wanted: str, positions: Sequence[str], overlays: Sequence[str | Path] = ()
) -> tuple[Provision, ...]:
    """Return the provisions of some positions that fit what was typed.

    Args:
        wanted: Such as ``5``, ``Art. 5(1)(h)``, ``annex-2``, ``act-2024/art-05-1-h`` or a rule's id.
        positions: Where to look, in this order.
        overlays: Layers over them.

    Raises:
        UsageError: nothing fits.
    """
    everything = list(_everything(positions, overlays))
    found = [p for p in everything if _fits(wanted, p)]
    if not found:
        articles = sorted({provision.article for provision in everything})
        close = nearest_word(wanted, articles)
        raise UsageError(
            f"no provision of {', '.join(positions)} fits '{wanted}'"
            + (f"; the nearest is '{close}'" if close else ""),
            hint="there are: " + ", ".join(articles),
        )
    return tuple(found)


def find_offence_lists(wanted: str) -> tuple[OffenceList, ...]:
    """Return the offence lists that fit what was typed, such as ``Annex II`` or ``83(1)``; empty when none does.

    >>> [entry.name for entry in find_offence_lists("annex 2")]
    ['annex-ii']
    """
    asked = _parts(wanted)
    return tuple(entry for name, entry in offences().lists.items() if asked and _parts(name)[: len(asked)] == asked)


def _everything(positions: Sequence[str], overlays: Sequence[str | Path]) -> Iterator[Provision]:
    seen: set[str] = set()
    for position in positions:
        fitting = [layer for layer in overlays if position in overlay_named(layer).over]
        for provision in provisions(position, overlays=fitting):
            if provision.id not in seen:
                seen.add(provision.id)
                yield provision


def _fits(wanted: str, provision: Provision) -> bool:
    if wanted in {provision.id, *(name for rule in provision.rules for name in (rule.id, rule.id.rpartition("/")[2]))}:
        return True
    asked = _parts(wanted)
    return bool(asked) and any(_inside(asked, _parts(article)) for article in provision.article.split(","))


def _inside(asked: list[str], has: list[str]) -> bool:
    """Tell whether an article that was asked for is one that a provision covers: 49(4) is inside 49(3)-(4)."""
    return has[: len(asked)] == asked or (asked[:1] == has[:1] and set(asked[1:]) <= set(has[1:]))


def _parts(article: str) -> list[str]:
    """Return an article's parts.

    >>> _parts("Art. 05(1)(h)"), _parts("annex 3"), _parts("Recitals 40-41")
    (['5', '1', 'h'], ['annex', 'iii'], ['recital', '40', '41'])
    """
    words = [_PLURAL.get(word, word.lstrip("0") or word) for word in re.findall(r"[a-z0-9]+", article.lower())]
    words = [word for word in words if word not in {"art", "article", "articles", "point", "points"}]
    if len(words) > 1 and words[0] == "annex":
        words[1] = _ROMAN.get(words[1], words[1])
    return words

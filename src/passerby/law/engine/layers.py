"""Which layers are read with a position: amendments and national laws by themselves, others when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from passerby.law.facts import vocabulary
from passerby.law.rules import LayerStatus, Overlay, overlay_names, read_overlay

Layers = tuple[str | Path, ...]
"""Overlays by name, or by the folder of one's own."""
NO_STATE = "generic"
"""The value of ``member_state`` that names none."""

overlay_named = cache(read_overlay)


@cache
def overlays() -> tuple[str, ...]:
    """Return the names of the layers: those in ``overlays`` sorted, then the national ones."""
    return overlay_names()


def layers_on(position: str, asked: Layers, day: date | None, *, amended: bool, state: str | None) -> Layers:
    """Return the layers that are read with a position on a day: amendments, then national law, then those asked for.

    Args:
        position: Name of a position.
        asked: Layers asked for.
        day: The day, or None for the texts read as fully applicable.
        amended: Whether to read later amendments with the position from their first day on.
        state: The Member State whose law counts, or None when it is not known.
    """
    own: list[str | Path] = [
        layer.name
        for layer in map(overlay_named, overlays())
        if amended and day is not None and layer.automatic and position in layer.over and layer.holds(day)
    ]
    own += [layer.name for layer in _national(position, state) if _is_law(layer, day)]
    return (*own, *(name for name in asked if overlay_named(name).holds(day) and name not in own))


def amendments(position: str) -> Layers:
    """Return the layers that amend a position by themselves, whatever the day."""
    return tuple(layer.name for layer in map(overlay_named, overlays()) if layer.automatic and position in layer.over)


def turns_of_layers(position: str, asked: Layers, *, amended: bool, state: str | None) -> set[date]:
    """Return the days on which layers that count begin, end, or let rules begin."""
    automatic = (layer for layer in map(overlay_named, overlays()) if layer.automatic and amended)
    law = (layer for layer in _national(position, state) if layer.status is LayerStatus.LAW)
    days: set[date] = set()
    for layer in (*map(overlay_named, asked), *automatic, *law):
        days |= {layer.start} if layer.start else set()
        days |= {layer.end + timedelta(days=1)} if layer.end else set()
        days |= set(layer.dates.values()) if position in layer.over else set()
    return days


def national_notes(position: str, state: str | None, day: date | None, *, identifies: bool) -> Iterator[str]:
    """Yield what is to be said of the national law of a Member State beside a verdict.

    Args:
        position: Only what may be laid over it counts.
        state: The Member State, or None when it is not known.
        day: The day, or None.
        identifies: Whether the deployment may identify people, so that a State without a layer is worth a word.
    """
    if state is None or state == NO_STATE:
        return
    known = _national(position, state)
    for layer in known:
        if _is_law(layer, day):
            told = f"{layer.says} " if layer.says else ""
            yield (
                f"National law: {told}Sources of {layer.name} read on {layer.read} ({layer.certainty}); "
                "nothing later is known here."
            )
        elif layer.status is LayerStatus.LAW and layer.end and (day is None or day > layer.end):
            yield f"National law: {layer.title}, ended on {layer.end}; nothing that follows it is known here."
        elif layer.status is not LayerStatus.LAW and layer.holds(day):
            yield f"National law ({layer.status}, changes nothing here): {layer.title}. {layer.says}"
    if identifies and not any(_is_law(layer, day) for layer in known):
        yield _unknown_law(state)


def _unknown_law(state: str) -> str:
    name = vocabulary()["member_state"].values[state]
    parts = sorted({word for n in overlays() for word in overlay_named(n).states if word.startswith(f"{state}-")})
    more = f" Only a part of it has one: member_state: {', '.join(parts)}." if parts else ""
    return (
        f"No national layer in force is known for {name}: its national law decides whether the police may identify people "
        f"live (Art. 5(5)) and may be stricter on all remote identification.{more}"
    )


def _national(position: str, state: str | None) -> tuple[Overlay, ...]:
    """Return the layers of a Member State; a part of one, such as ``DE-HE``, also stands under the law of the whole."""
    found = (overlay_named(name) for name in overlays())
    return tuple(layer for layer in found if stands_under(layer, state) and position in layer.over)


def stands_under(layer: Overlay, state: str | None) -> bool:
    """Tell whether a layer is law of a Member State, or of the whole that a part such as ``DE-HE`` belongs to."""
    if state is None or state == NO_STATE:
        return False
    return bool({state, state.partition("-")[0]} & set(layer.states))


def _is_law(layer: Overlay, day: date | None) -> bool:
    """Tell whether a national layer is law on a day; without a day, one that ended before it was read is not."""
    over = day is None and layer.end is not None and (layer.read is None or layer.end < layer.read)
    return layer.status is LayerStatus.LAW and layer.holds(day) and not over

"""What changes in the law from day to day: rules that begin, layers that begin and end, days that are moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from passerby.law.engine.layers import layers_on, overlay_named, overlays, stands_under, turns_of_layers
from passerby.law.engine.rulebook import book_on
from passerby.law.reference import group_references, offences, thresholds
from passerby.law.rules import Book, LayerStatus, Overlay, split_atom
from passerby.law.values import Certainty

_DAY = timedelta(days=1)


class Turn(StrEnum):
    """What happens on a day."""

    BEGINS = "begins"
    ENDS = "ends"
    MOVES = "moves"
    UNRULED = "unruled"


@dataclass(frozen=True, slots=True)
class LegalChange:
    """A day on which the law changes.

    Attributes:
        on: The day.
        turn: What happens; ``unruled`` is a change that no rule here covers.
        where: Name of the position or of the layer.
        text: What changes, for people: a sentence, or the title of a layer.
        reference: Where it stands.
        certainty: How that is known.
        says: What a layer says besides, or empty.
    """

    on: date
    turn: Turn
    where: str
    text: str
    reference: str
    certainty: Certainty
    says: str = ""


def legal_changes(
    since: date, until: date, positions: Iterable[str], *, state: str | None = None
) -> tuple[LegalChange, ...]:
    """Return what changes in the law between two days, both included, in order; invented layers are left out.

    Args:
        since: The first day.
        until: The last day.
        positions: Only these, and layers over them.
        state: Only layers of this Member State; None for those of every State.

    Raises:
        RuleError: there is no such position, or a rule file is broken.
    """
    found: list[LegalChange] = []
    wanted = tuple(positions)
    for position in wanted:
        if book_on(position, (), None).status == "law":
            found += [*_of_groups(position), *_of_data(position)]
    for layer in map(overlay_named, overlays()):
        mine = not layer.states or state is None or stands_under(layer, state)
        if mine and layer.status is not LayerStatus.EXAMPLE and set(layer.over) & set(wanted):
            found += _of_layer(layer)
    return tuple(sorted((one for one in found if since <= one.on <= until), key=lambda one: (one.on, one.turn)))


def _of_groups(position: str) -> Iterator[LegalChange]:
    """Yield the days on which a dated group begins as the layers of the day have it, and those on which they move one."""
    references = group_references(position)
    days = turns_of_layers(position, (), amended=True, state=None)
    days |= {start for start in _amended(position, None).dates.values() if start is not None}
    for day in sorted(days):
        before, book = _amended(position, day - _DAY).dates, _amended(position, day)
        by = ", ".join(book.overlays)
        for group, start in book.dates.items():
            name = group.replace("-", " ")
            if start is None or group not in references:
                continue
            moved = start != _amended(position, None).dates[group]
            source = references[group] + (f"; as moved by {by}" if moved else "")
            if start != before[group]:
                text = f"The rules on {name} are to begin on {_told(start)} instead of {_told(before[group])}."
                yield LegalChange(day, Turn.MOVES, position, text, source, Certainty.QUOTED)
            if start == day:
                text = f"The rules on {name} begin to apply."
                yield LegalChange(day, Turn.BEGINS, position, text, source, Certainty.QUOTED)


def _amended(position: str, day: date | None) -> Book:
    """Return a position as it is read on a day; without one as published."""
    layers = () if day is None else layers_on(position, (), day, amended=True, state=None)
    return book_on(position, layers, day)


def _of_data(position: str) -> Iterator[LegalChange]:
    """Yield the days from which other numbers and lists hold than those that the position's rules began with."""
    book = book_on(position, (), None)
    begun = min(start for start in book.dates.values() if start is not None)
    atoms = {split_atom(literal.atom) for clause in book.clauses for literal in clause.body}
    read = {arguments[0].replace("_", "-") for name, arguments in atoms if name in {"meets", "listed"}}
    for threshold in thresholds().values():
        for start, value in threshold.values if threshold.name in read else ():
            if start <= begun:
                continue
            text = f"{threshold.name} is {value:g} (compared with {threshold.fact})."
            yield LegalChange(start, Turn.BEGINS, position, text, threshold.reference, Certainty.QUOTED)
    for entry in offences().lists.values():
        if entry.name in read and entry.start > begun:
            text = f"The list of offences {entry.name} holds: {entry.title}."
            yield LegalChange(entry.start, Turn.BEGINS, position, text, entry.reference, entry.certainty)


def _of_layer(layer: Overlay) -> Iterator[LegalChange]:
    certainty = layer.certainty or Certainty.SECONDARY
    reference = layer.sources[0].address if layer.sources else layer.name
    title = (
        layer.title if layer.status is LayerStatus.LAW else f"{layer.title} ({layer.status}; changes no answer here)"
    )
    if layer.start is not None:
        turn = Turn.BEGINS if layer.status is LayerStatus.LAW else Turn.UNRULED
        yield LegalChange(layer.start, turn, layer.name, title, reference, certainty, layer.says)
    if layer.end is not None:
        text = f"{title}: {_told(layer.end)} was its last day."
        yield LegalChange(layer.end + _DAY, Turn.ENDS, layer.name, text, reference, certainty)
    for event in layer.events:
        yield LegalChange(event.on, Turn.UNRULED, layer.name, event.text, event.reference, event.certainty)


def _told(day: date | None) -> str:
    return "no day" if day is None else f"{day.day} {day:%B} {day.year}"

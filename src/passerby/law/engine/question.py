"""What is asked: which facts, under which position and layers, on which day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from passerby.law.engine.layers import Layers, amendments, layers_on
from passerby.law.engine.rulebook import Rulebook, book_on, rulebook_on, turning_days
from passerby.law.facts import Facts


@dataclass(frozen=True, slots=True)
class Question:
    """One question to one position.

    Attributes:
        facts: Checked, with their defaults.
        position: Its name.
        on: The day, or None: the text read as fully applicable.
        overlays: Layers asked for, whether they hold on that day or not.
        amended: Whether later amendments are read with the position from their first day on.
    """

    facts: Facts
    position: str
    on: date | None
    overlays: Layers
    amended: bool

    @property
    def state(self) -> str | None:
        """The Member State whose law is read with the position; None when it is not known."""
        named = self.facts.known.get("member_state")
        return str(named) if named is not None else None

    def rulebook(self, day: date | None) -> Rulebook:
        """Return the rulebook that answers it as of some day."""
        return rulebook_on(self.position, self.overlays, day, amended=self.amended, state=self.state)

    def dates(self) -> Mapping[str, date | None]:
        """Return each dated group with the day from which it applies: as read on its day, without one as amended last."""
        layers = self.layers() if self.on else amendments(self.position) if self.amended else ()
        return book_on(self.position, layers, None).dates

    def layers(self) -> Layers:
        """Return the layers that hold on its day."""
        return layers_on(self.position, self.overlays, self.on, amended=self.amended, state=self.state)

    def later_days(self) -> tuple[date, ...]:
        """Return the days after its own on which another set of rules may apply; none without a day."""
        if self.on is None:
            return ()
        return turning_days(self.position, self.overlays, self.on, amended=self.amended, state=self.state)

"""One deployment under several positions, with everything that a report tells about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from passerby.errors import RuleError
from passerby.law.engine import DEFAULT_POSITION, assess, assess_all, overlay_named, rulebook_on
from passerby.law.facts import Deployment
from passerby.law.report.liability import Claim, liability
from passerby.law.values import FactValue, Outcome, Verdict

STANDING = {
    "law": "The law",
    "proposal": "History: proposals that never became law",
    "opinion": "Opinion: it never was law",
}
"""Status of a text to the heading under which reports tell its verdict, in their order."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What several positions say about one deployment.

    Attributes:
        name: The file it was read from, ``-`` for standard input.
        title: For people.
        description: For people, or empty.
        on: The day asked about; None reads every text as fully applicable.
        overlays: Names of the layers laid over the positions.
        facts: As given.
        verdicts: One for each position, in the order asked for.
        liability: What somebody harmed may ask for, and what is presumed.
        titles: Position to its title.
        statuses: Position to ``law``, ``proposal`` or ``opinion``.
    """

    name: str
    title: str
    description: str
    on: date | None
    overlays: tuple[str, ...]
    facts: Mapping[str, FactValue] = field(hash=False)
    verdicts: tuple[Verdict, ...]
    liability: tuple[Claim, ...]
    titles: Mapping[str, str] = field(hash=False)
    statuses: Mapping[str, str] = field(hash=False)

    def by_standing(self) -> tuple[tuple[str, tuple[Verdict, ...]], ...]:
        """Return the verdicts by the headings of ``STANDING``, the law first, within one in the order asked for."""
        groups = {
            heading: tuple(v for v in self.verdicts if self.statuses.get(v.position, "law") == status)
            for status, heading in STANDING.items()
        }
        return tuple((heading, verdicts) for heading, verdicts in groups.items() if verdicts)

    @property
    def ordered(self) -> tuple[Verdict, ...]:
        """The verdicts in the order of reports: the law first."""
        return tuple(verdict for _, verdicts in self.by_standing() for verdict in verdicts)


def assess_deployment(
    deployment: Deployment,
    positions: Sequence[str] = (DEFAULT_POSITION,),
    *,
    on: date | None = None,
    overlays: Sequence[str | Path] = (),
) -> Assessment:
    """Assess one deployment.

    Args:
        deployment: Its facts, checked.
        positions: Which positions answer, in this order.
        on: The day asked about; None takes the deployment's own day, else every text is read as fully applicable.
        overlays: Layers laid over each position that they fit; a name of a shipped one or a folder.

    Raises:
        RuleError: there is no such position or overlay, or a rule file is broken.
    """
    day = on or deployment.on
    if len(positions) == 1:
        # alone, a position that an overlay is not written for is a mistake; beside others it is left as it is
        verdicts: tuple[Verdict, ...] = (assess(deployment.facts, position=positions[0], on=day, overlays=overlays),)
    else:
        _refuse_strangers(positions, overlays)
        verdicts = assess_all(deployment.facts, positions, on=day, overlays=overlays)
    return Assessment(
        name=deployment.name,
        title=deployment.title,
        description=deployment.description,
        on=day,
        overlays=tuple(dict.fromkeys(name for verdict in verdicts for name in verdict.overlays)),
        facts=deployment.facts,
        verdicts=verdicts,
        liability=liability(deployment.facts, _possible_under_the_act(deployment, verdicts)),
        titles={position: position_title(position) for position in positions},
        statuses={position: rulebook_on(position, (), None, amended=True).book.status for position in positions},
    )


def _refuse_strangers(positions: Sequence[str], overlays: Sequence[str | Path]) -> None:
    for layer in map(overlay_named, overlays):
        if not set(layer.over) & set(positions):
            raise RuleError(
                f"overlay {layer.name} must be laid over {' or '.join(layer.over)}, got {', '.join(positions)}",
                hint=f"ask --position {layer.over[0]} as well",
            )


def _possible_under_the_act(deployment: Deployment, verdicts: tuple[Verdict, ...]) -> frozenset[Outcome]:
    """Return what the Act in full leaves possible: claims for harm look at it whichever positions were asked."""
    act = next((v for v in verdicts if v.position == DEFAULT_POSITION and v.on is None and not v.overlays), None)
    return (act or assess(deployment.facts, position=DEFAULT_POSITION)).possible


def position_title(position: str) -> str:
    """Return the title of a position, for people.

    Raises:
        RuleError: there is no such position.
    """
    return rulebook_on(position, (), None, amended=True).book.title

"""What an audit of veiling says, as values."""

from __future__ import annotations

from dataclasses import dataclass

from passerby.audit.estimates import Equality
from passerby.audit.exposure.figures import ExposureRate, Quantity, ToolDifference

ENOUGH_PEOPLE = 100
"""People of each group from which a comparison by group is more than a smoke test. Source: the project's own rule."""


@dataclass(frozen=True, slots=True)
class DimensionTable:
    """Exposed faces by the values of one property.

    Attributes:
        dimension: The property.
        measured: Whether Passerby measured it (size, light, interlacing); otherwise labels came with the data.
        rates: By value.
        unlabelled: Faces of which the value is not known.
        equality: Whether values differ; None where that cannot be asked. Its ``p`` is Holm's over all properties.
    """

    dimension: str
    measured: bool
    rates: tuple[ExposureRate, ...]
    unlabelled: int
    equality: Equality | None

    @property
    def smoke_test(self) -> bool:
        """Whether a group has too few people for a claim."""
        return any(rate.people < ENOUGH_PEOPLE for rate in self.rates)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What one tool leaves bare.

    Attributes:
        name: For people.
        about: How its covers were had.
        exposed: Faces of 8 pixels and more of which less than 90 % is covered, in every frame.
        half_bare: Of these, less than half is covered.
        tiny: The same share of smaller faces; None where there are none.
        people: People with at least one exposed frame; None where labels follow nobody.
        quantities: Longest exposure, frames until the first cover, covered area, over-cover, flicker.
        tables: By property.
        not_shown: Faces in frames that the output does not show; not counted.
    """

    name: str
    about: str
    exposed: ExposureRate
    half_bare: ExposureRate
    tiny: ExposureRate | None
    people: ExposureRate | None
    quantities: tuple[Quantity, ...]
    tables: tuple[DimensionTable, ...]
    not_shown: int


@dataclass(frozen=True, slots=True)
class VeilAudit:
    """An audit of veiling on annotated footage.

    Attributes:
        source: Name of the labels.
        format: Of the labels.
        date: Day of the audit, ISO 8601.
        material: The footage, in words.
        clips: Clips and sequences.
        pictures: Single pictures.
        frames: Judged frames.
        notes: What a reader must know before any figure.
        tools: The first is what others are compared with.
        differences: One for each other tool.
        labelled: Properties that came with the data.
        detector: Weights and device of Passerby; empty where it was not asked.
        weights: Digest of the weights; empty likewise.
    """

    source: str
    format: str
    date: str
    material: str
    clips: int
    pictures: int
    frames: int
    notes: tuple[str, ...]
    tools: tuple[ToolResult, ...]
    differences: tuple[ToolDifference, ...]
    labelled: frozenset[str]
    detector: str
    weights: str

"""What a person may change in a veiled file: one frozen value each. No pixels, nothing of how somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from passerby.boxes import BoxTuple

DrawnStyle = Literal["solid", "blur", "mosaic"]
"""``solid`` stands for the style that faces are covered with."""
DrawnThing = Literal["face", "text", "plate"]
DrawnBy = Literal["drawn", "followed"]
SettledAs = Literal["covered", "not a face", "later"]


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box in one frame.

    Attributes:
        frame: From 0.
        box: (x0, y0, x1, y1), pixels of the coded picture, without margin.
    """

    frame: int
    box: BoxTuple


@dataclass(frozen=True, slots=True)
class CoverEdit:
    """A new cover, on straight lines between its boxes.

    Attributes:
        boxes: At least one, each in a frame of its own, in order.
        style: How it is covered; faces are never blurred or pixelated.
        what: What is covered.
        origin: Whether the boxes were drawn, or followed from a drawn one.
    """

    boxes: tuple[DrawnBox, ...]
    style: DrawnStyle = "solid"
    what: DrawnThing = "face"
    origin: DrawnBy = "drawn"


@dataclass(frozen=True, slots=True)
class CorrectEdit:
    """One box of a track put right; the boxes up to the next known ones go along, less and less."""

    track: int
    frame: int
    box: BoxTuple


@dataclass(frozen=True, slots=True)
class UncoverEdit:
    """Covers that lie on no face are taken away: in the frames first to last, last included; None is all of a track's."""

    tracks: tuple[int, ...]
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class SplitEdit:
    """A track becomes two; the second begins at the frame, and has a number of its own."""

    track: int
    frame: int


@dataclass(frozen=True, slots=True)
class JoinEdit:
    """Two tracks, of which the second begins after the first ends, become one, covered on straight lines in between."""

    tracks: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ZoneEdit:
    """A polygon that is always covered; corners (x, y), each 0 to 1."""

    points: tuple[tuple[float, float], ...]
    name: str


@dataclass(frozen=True, slots=True)
class UnzoneEdit:
    """A zone is taken away."""

    name: str


@dataclass(frozen=True, slots=True)
class KeepEdit:
    """One person is left clear: all their tracks, and why."""

    tracks: tuple[int, ...]
    why: str


@dataclass(frozen=True, slots=True)
class UnkeepEdit:
    """Nobody is left clear."""


@dataclass(frozen=True, slots=True)
class SettleEdit:
    """A doubt is settled, or put off; ``covered`` also makes the cover where there is none."""

    doubt: str
    settled: SettledAs


DeskEdit = (
    CoverEdit
    | CorrectEdit
    | UncoverEdit
    | SplitEdit
    | JoinEdit
    | ZoneEdit
    | UnzoneEdit
    | KeepEdit
    | UnkeepEdit
    | SettleEdit
)

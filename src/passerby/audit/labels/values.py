"""What labels say: faces by frame of clips, pictures and sequences of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

IGNORED = "ignore"
"""Kind of a region that nobody can tell: faces there are not counted, and cover there is no waste."""


@dataclass(frozen=True, slots=True)
class AnnotatedFace:
    """An annotated face in one frame.

    Attributes:
        person: The same in every frame of a clip.
        x: Left edge, pixels; ``y``, ``w`` and ``h`` as usual.
        kind: ``IGNORED``, or what the truth says of it.
        labels: Dimension and value, such as ``("pose", "atypical")``; only what came with the data.
    """

    person: str
    x: float
    y: float
    w: float
    h: float
    kind: str = "face"
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def side(self) -> float:
        """The shorter side, pixels."""
        return min(self.w, self.h)


class FootageKind(StrEnum):
    """What labels belong to."""

    CLIP = "clip"
    PICTURE = "picture"
    SEQUENCE = "sequence"


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedFootage:
    """One clip, picture or sequence of pictures with its faces.

    Attributes:
        name: As the labels call it.
        kind: What it is.
        paths: The clip or picture; of a sequence its pictures by frame.
        faces: By frame, counted from 0, those to be ignored too.
        frames: Frames that were annotated; None is all of them.
        tracked: Labels say which faces of different frames are one person's.
        rate_hz: Frames a second, where the labels say so.
        size: Width and height in pixels, where the labels say so.
    """

    name: str
    kind: FootageKind
    paths: Mapping[int, Path]
    faces: Mapping[int, tuple[AnnotatedFace, ...]]
    frames: frozenset[int] | None = None
    tracked: bool = True
    rate_hz: float | None = None
    size: tuple[int, int] | None = None

    @property
    def path(self) -> Path:
        """The clip or picture; the first of a sequence."""
        return self.paths[min(self.paths)]


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedData:
    """All that a file of labels says.

    Attributes:
        source: Its name.
        format: Of the labels, by name.
        footage: By name.
        notes: What a reader must know of the labels.
    """

    source: str
    format: str
    footage: tuple[AnnotatedFootage, ...]
    notes: tuple[str, ...] = ()

    @property
    def labelled(self) -> frozenset[str]:
        """Dimensions of which at least one face has a label."""
        return frozenset(
            dimension
            for one in self.footage
            for faces in one.faces.values()
            for face in faces
            for dimension, _ in face.labels
        )


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One face as a file of labels says it, before anything is checked.

    Attributes:
        where: Place in the file, for messages.
        item: Name of the clip or picture.
        frame: From 0; 0 for a picture.
        person: Its track, or None where the labels follow nobody.
        xywh: Left, top, width, height.
        kind: ``face`` or ``IGNORED``.
        labels: Dimension and value.
    """

    where: str
    item: str
    frame: int
    person: str | None
    xywh: tuple[float, float, float, float]
    kind: str = "face"
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, eq=False)
class LabelledItem:
    """What a file of labels says of one clip, picture or sequence as a whole.

    Attributes:
        pictures: Names by frame; empty for a clip, whose file has the item's name.
        frames: Frames that were annotated, with faces or without; None where that is not said.
        rate_hz: Frames a second.
        size: Width and height, pixels.
    """

    pictures: dict[int, str]
    frames: set[int] | None = None
    rate_hz: float | None = None
    size: tuple[int, int] | None = None

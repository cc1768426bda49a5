"""What the page of one file asks of the file that is looked over: plain rows in, plain rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from passerby.desk import FrameServer

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WrittenOutput:
    """A file that an export wrote.

    Attributes:
        what: ``veiled``, ``statement``, ``statement_pdf``, ``report``, ``keep``, ``manifest`` or ``tracks``.
        path: Where.
    """

    what: str
    path: Path


class EditedFile(Protocol):
    """One file that is looked over and mended.

    Attributes:
        name: As the user knows it.
    """

    name: str

    @property
    def veiled(self) -> FrameServer:
        """Frames of the result."""
        ...

    @property
    def original(self) -> FrameServer:
        """Frames of the input."""
        ...

    def state(self) -> Row:
        """Return tracks, doubts and all else that follows from the edits."""
        ...

    def edit(self, row: object, seen: int | None) -> Row:
        """Make an edit, durably, and return the state; ``seen`` is the ``steps`` of the state that it was made for."""
        ...

    def undo(self, seen: int | None) -> Row:
        """Take the last edit back."""
        ...

    def redo(self, seen: int | None) -> Row:
        """Make it again."""
        ...

    def boxes(self, first: int, last: int) -> Row:
        """Return the boxes of a span of frames, by frame: track, x0, y0, x1, y1."""
        ...

    def pieces(self, track: int, frame: int) -> list[Row]:
        """Return the tracks that may go on where one ends, by place and time."""
        ...

    def follow(
        self, frame: int, box: tuple[float, float, float, float], *, direction: int, stop: Callable[[], bool]
    ) -> Iterator[Row]:
        """Follow a drawn box from frame to frame."""
        ...

    def export(self, progress: Callable[[float], None], language: str) -> tuple[str, ...]:
        """Write what changed, and a statement in a language; return sentences about it. Progress is a share, 0 to 1."""
        ...

    def outputs(self) -> list[WrittenOutput]:
        """Return what there is of the files that an export writes."""
        ...


EditedFiles = Callable[[str], EditedFile]
"""Gives the file of a number; LookupError where there is none."""


def no_files(number: str) -> EditedFile:
    """Know no file.

    Raises:
        LookupError: Always.
    """
    raise LookupError(number)

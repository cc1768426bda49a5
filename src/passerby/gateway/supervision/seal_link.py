"""How a camera's supervision knows what may be sealed, and where the index of what was sealed goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from passerby.sealing import IndexPart, SealedCamera


@dataclass(frozen=True, slots=True)
class SealLink:
    """What a camera's supervision asks and tells about sealing.

    Attributes:
        allowed: Returns what is sealed now, or None.
        index: Takes parts of the index of the recording.
    """

    allowed: Callable[[], SealedCamera | None] = lambda: None
    index: Callable[[Sequence[IndexPart]], None] = lambda _: None

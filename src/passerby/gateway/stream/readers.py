"""One veiled picture as every output gets it, and the readers that get it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from passerby.gateway.values import CoverReason
from passerby.media import ParameterSets

_GOP_UNITS = 600
_GOP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class AccessUnit:
    """One veiled picture as every output gets it.

    Attributes:
        data: Annex B.
        nals: Its NAL units without start codes; parameter sets stand before a key frame.
        ticks: Stream time in 1/90000 s, growing, on CLOCK_MONOTONIC.
        wall_ns: Wall time at which the picture was taken, ns since 1970.
        key: It decodes alone.
        whole: Why it is covered whole, or None.
        parameters: Those that it needs.
    """

    data: bytes
    nals: tuple[bytes, ...]
    ticks: int
    wall_ns: int
    key: bool
    whole: CoverReason | None
    parameters: ParameterSets


Reader = Callable[[AccessUnit], None]


class Readers:
    """The readers of a stream, and what came since its last key frame, so that a new one can decode at once."""

    def __init__(self) -> None:
        self._readers: dict[int, Reader] = {}
        self._next = 0
        self._gop: list[AccessUnit] = []
        self._gop_bytes = 0

    @property
    def last_key(self) -> AccessUnit | None:
        """Return the newest key frame."""
        return self._gop[0] if self._gop else None

    def add(self, reader: Reader, *, from_key: bool) -> Callable[[], None]:
        """Add a reader and return what removes it.

        Args:
            reader: Called with each unit; must not block and not raise.
            from_key: First hand over what came since the last key frame.
        """
        number, self._next = self._next, self._next + 1
        if from_key:
            for unit in self._gop:
                reader(unit)
        self._readers[number] = reader

        def leave() -> None:
            self._readers.pop(number, None)

        return leave

    def keep(self, unit: AccessUnit) -> bool:
        """Keep a unit for who comes later; return False where that cannot go on without a key frame."""
        if unit.key:
            self._gop, self._gop_bytes = [], 0
        elif not self._gop or len(self._gop) >= _GOP_UNITS or self._gop_bytes > _GOP_BYTES:
            self._gop, self._gop_bytes = [], 0
            return False
        self._gop.append(unit)
        self._gop_bytes += len(unit.data)
        return True

    def give(self, unit: AccessUnit) -> None:
        """Hand a unit to everyone who is there."""
        for reader in list(self._readers.values()):
            reader(unit)

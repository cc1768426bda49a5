"""Cuts a stream into groups of pictures with exact durations: what HLS and the recorder write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from passerby.gateway.stream.fmp4 import Sample, WholeNote, fragment
from passerby.gateway.stream.readers import AccessUnit
from passerby.gateway.values import TICKS_PER_S
from passerby.media import ParameterSets

_MAX_UNITS = 600
_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Gop:
    """Pictures from one key frame to the next.

    Attributes:
        parameters: Needed to decode it.
        ticks: Stream time of the first picture.
        duration: In 1/90000 s.
        wall_ns: Wall time of the first picture, ns since 1970.
        samples: The pictures.
        whole: Which of them are covered whole; None where none is.
    """

    parameters: ParameterSets
    ticks: int
    duration: int
    wall_ns: int
    samples: tuple[Sample, ...]
    whole: WholeNote | None = None

    def fragment(self, sequence: int, base: int = 0) -> bytes:
        """Return it as a movie fragment, with a note of what is covered whole.

        Args:
            sequence: Number of the fragment.
            base: Taken off the stream time, in 1/90000 s.
        """
        return fragment(sequence, self.ticks - base, self.samples, self.whole)


class GopCutter:
    """Takes units, gives whole groups: each when the next one begins, so one group late.

    Args:
        take: Called with each group.
    """

    def __init__(self, take: Callable[[Gop], None]) -> None:
        self._take = take
        self._units: list[AccessUnit] = []
        self._bytes = 0

    def __call__(self, unit: AccessUnit) -> None:
        """Take one unit."""
        if unit.key and self._units:
            self._close(unit.ticks)
        if unit.key or self._units:
            self._units.append(unit)
            self._bytes += len(unit.data)
        if len(self._units) > _MAX_UNITS or self._bytes > _MAX_BYTES:
            # no camera of ours has such groups; what follows cannot be decoded, so wait for the next key frame
            self._close(unit.ticks + TICKS_PER_S // 25)

    def _close(self, end_ticks: int) -> None:
        units, self._units, self._bytes = self._units, [], 0
        times = [unit.ticks for unit in units] + [end_ticks]
        # one tick at least: times grow strictly
        samples = tuple(
            Sample(unit.nals, after - unit.ticks, unit.key) for unit, after in zip(units, times[1:], strict=True)
        )
        first = units[0]
        whole = _note(units, end_ticks)
        self._take(Gop(first.parameters, first.ticks, end_ticks - first.ticks, first.wall_ns, samples, whole))


def _note(units: list[AccessUnit], end_ticks: int) -> WholeNote | None:
    covered = [number for number, unit in enumerate(units) if unit.whole is not None]
    if not covered:
        return None
    begin, last = units[covered[0]], covered[-1]
    end = units[last + 1].ticks if last + 1 < len(units) else end_ticks
    return WholeNote(begin.ticks - units[0].ticks, end - begin.ticks, str(begin.whole))

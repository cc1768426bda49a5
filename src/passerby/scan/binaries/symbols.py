"""Finds the catalogue's symbols in a table of names, exactly and without walking every name of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from passerby.scan.binaries.marks import Marks
from passerby.scan.binaries.window import MOST_NAME_BYTES, decode_name

_MOST_PLACES = 4096
"""Of one name in one table. Source: a choice; a table holds a name once, a prefix once for each overload."""


def symbols_in(
    names: bytes, starts: npt.NDArray[np.uint32], marks: Marks, skip: bytes = b""
) -> Iterator[tuple[str, int]]:
    """Yield the symbols of the catalogue that a table refers to.

    A linker lets one name end another's bytes, so that a name is one only where a symbol begins at it.

    Args:
        names: Names, each ended by a zero byte.
        starts: Where each symbol's name begins, shape (N,), uint32.
        marks: What to find.
        skip: What stands before every name (``_`` at Apple).

    Yields:
        The name without ``skip``, and its place in ``starts``.
    """
    for literal in marks.literals():
        places: list[int] = []
        place = names.find(skip + literal)
        while place >= 0 and len(places) < _MOST_PLACES:
            places.append(place)
            place = names.find(skip + literal, place + 1)
        for index in np.flatnonzero(np.isin(starts, places)) if places else ():
            place = int(starts[index]) + len(skip)
            name = decode_name(names[place : place + MOST_NAME_BYTES].partition(b"\0")[0])
            if marks.by_symbol(name):
                yield name, int(index)

"""Arrays of NumPy: the header, and the lengths of a few rows."""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterator

import numpy as np

from passerby.scan.stores.vectors import (
    SAMPLE,
    StoreFacts,
    as_finding,
    like_descriptors,
    speaks_of_vectors,
    unit_length,
)
from passerby.scan.values import Observation, TargetFile, Unread

MAGIC = b"\x93NUMPY"
_MOST_HEADER = 1 << 16
_FLOATS = ("f2", "f4", "f8")


def read_array(file: TargetFile) -> Iterator[Observation]:
    """Yield a two-dimensional array of floats as wide as descriptors, if its rows are of such lengths or its name speaks of them.

    Source: numpy.lib.format, versions 1 to 3.
    """
    head = file.head(4096)
    wide = head[6:7] != b"\1"
    prefix = 12 if wide else 10
    if len(head) < prefix:
        yield Unread(file.path, "is an array of NumPy that ends in its header")
        return
    length = struct.unpack_from("<I" if wide else "<H", head, 8)[0]
    if length > _MOST_HEADER:
        yield Unread(file.path, f"is an array of NumPy whose header has {length} bytes")
        return
    head = file.head(prefix + length)
    try:
        # Python 2 wrote long numbers as 3L
        stated = ast.literal_eval(re.sub(r"(\d)L\b", r"\1", head[prefix:].decode("latin-1").strip()))
        shape, kind = stated["shape"], stated["descr"]
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError):
        yield Unread(file.path, "is an array of NumPy whose header cannot be read")
        return
    if not isinstance(kind, str) or not _is_shape(shape) or kind[1:] not in _FLOATS:
        return
    count, dimension = shape
    if count < 2 or stated.get("fortran_order"):
        return
    row = dimension * int(kind[2:])
    with file.open() as stream:
        stream.seek(prefix + length)
        data = stream.read(min(row, 1 << 16) * min(count, SAMPLE))
    whole = len(data) // row if row else 0
    if whole == 0:
        return
    vectors = np.frombuffer(data[: whole * row], kind).reshape(whole, dimension)
    if not (like_descriptors(vectors) or speaks_of_vectors(file.name)):
        return
    yield from as_finding(file, StoreFacts("an array of NumPy", dimension, count, unit=unit_length(vectors)))


def _is_shape(shape: object) -> bool:
    return isinstance(shape, tuple) and len(shape) == 2 and all(type(one) is int and one >= 0 for one in shape)

"""Pickled and JSON lists of vectors. A pickle is read operation by operation and never loaded."""

from __future__ import annotations

import io
import itertools
import pickletools
from collections import Counter, deque
from collections.abc import Iterator

import numpy as np

from passerby.errors import ScanError
from passerby.scan.files import read_json
from passerby.scan.stores.vectors import (
    NARROWEST,
    WIDEST,
    StoreFacts,
    as_finding,
    like_descriptors,
    speaks_of_faces,
    speaks_of_vectors,
    unit_length,
)
from passerby.scan.values import Observation, TargetFile, Unread

_MOST_BYTES = 64 << 20
_MOST_OPERATIONS = 4_000_000
_MOST_VALUES = 4_000_000
_BYTES = {
    "BINBYTES",
    "BINBYTES8",
    "SHORT_BINBYTES",
    "BINSTRING",
    "SHORT_BINSTRING",
    "BINUNICODE",
    "BINUNICODE8",
    "BYTEARRAY8",
}
_INTEGERS = {"BININT", "BININT1", "BININT2", "LONG1"}
_FLOATS = {"BINFLOAT", "FLOAT"}
_PASSED = {"MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"}
_TEXTS = {"SHORT_BINUNICODE", "BINUNICODE", "UNICODE", "GLOBAL"}
_MOST_NAME = 60
_Sample = np.ndarray[tuple[int, ...], np.dtype[np.floating]]
_TYPES = {2: "<f2", 4: "<f4", 8: "<f8"}


class _Vectors:
    """Counts vectors by width while a pickle is walked."""

    def __init__(self) -> None:
        self.widths: Counter[int] = Counter()
        self.samples: dict[int, _Sample] = {}
        self.speaking = False
        self._integers: deque[int] = deque(maxlen=8)
        self._run: list[float] = []
        self._waiting = b""

    def take(self, name: str, argument: object) -> None:
        """Take one operation."""
        if name in _FLOATS and isinstance(argument, float):
            if len(self._run) <= WIDEST:
                self._run.append(argument)
            return
        if name in _PASSED:
            return
        self.end_run()
        if name in _TEXTS and isinstance(argument, str) and len(argument) < _MOST_NAME:
            self.speaking = self.speaking or speaks_of_vectors(argument) or argument.startswith("sklearn.neighbors")
        elif name in _INTEGERS and isinstance(argument, int):
            self._integer(argument)
        elif name in _BYTES and isinstance(argument, bytes | bytearray | str):
            self._bytes(argument.encode("latin-1", "replace") if isinstance(argument, str) else bytes(argument))

    def _integer(self, value: int) -> None:
        self._integers.append(value)
        if self._waiting and self._array(self._waiting, [*self._integers][-2:]):
            self._waiting = b""

    def _bytes(self, data: bytes) -> None:
        known = len(data) < NARROWEST * 2 or self._array(data, [*self._integers])
        self._waiting = self._waiting if known else data

    def end_run(self) -> None:
        """Count floats that stood one after the other."""
        if NARROWEST <= len(self._run) <= WIDEST:
            self._count(len(self._run), 1, np.array([self._run]))
        self._run = []

    def _array(self, data: bytes, stated: list[int]) -> bool:
        """Count the rows of an array's bytes, if integers near them state its shape; protocol 5 states it after them."""
        pairs = [*itertools.pairwise(stated), *((1, width) for width in stated)]
        for rows, width in pairs:
            size = len(data) // (rows * width) if rows > 0 and NARROWEST <= width <= WIDEST else 0
            if size in _TYPES and rows * width * size == len(data):
                sample = np.frombuffer(data, _TYPES[size], min(rows, 16) * width).reshape(-1, width)
                self._count(width, rows, sample)
                return True
        return False

    def _count(self, width: int, rows: int, sample: _Sample) -> None:
        self.widths[width] += rows
        self.samples.setdefault(width, sample)


def read_pickle(file: TargetFile) -> Iterator[Observation]:
    """Yield the vectors that a pickle holds as lists of floats or as arrays of NumPy, by width."""
    if file.size_bytes > _MOST_BYTES:
        yield Unread(file.path, f"is a pickle of more than {_MOST_BYTES >> 20} MiB, whose vectors are not counted")
        return
    vectors = _Vectors()
    try:
        for number, (operation, argument, _) in enumerate(pickletools.genops(io.BytesIO(file.read(_MOST_BYTES)))):
            if number >= _MOST_OPERATIONS:
                yield Unread(file.path, f"is a pickle of more than {_MOST_OPERATIONS} operations; the rest is not read")
                break
            vectors.take(operation.name, argument)
    except (ValueError, IndexError, OverflowError, MemoryError) as exc:
        yield Unread(file.path, f"is a pickle that breaks off or is none ({type(exc).__name__})")
    vectors.end_run()
    speaking = vectors.speaking or speaks_of_vectors(file.name)
    yield from _said(file, vectors.widths, vectors.samples, "a pickle", speaking=speaking)


def width_of(data: bytes) -> int:
    """Return how wide the vectors of a short pickle are, or 0 where it holds none or is none."""
    if data[:1] != b"\x80":
        return 0
    vectors = _Vectors()
    try:
        for operation, argument, _ in pickletools.genops(io.BytesIO(data)):
            vectors.take(operation.name, argument)
    except (ValueError, IndexError, OverflowError, MemoryError):
        pass
    vectors.end_run()
    return next((width for width, _ in vectors.widths.most_common(1)), 0)


def read_json_vectors(file: TargetFile) -> Iterator[Observation]:
    """Yield the vectors that a JSON file holds as lists of numbers, by width."""
    try:
        left = deque([read_json(file)])
    except ScanError as exc:
        yield Unread(file.path, exc.message)
        return
    widths: Counter[int] = Counter()
    samples: dict[int, _Sample] = {}
    for _ in range(_MOST_VALUES):
        if not left:
            break
        value = left.popleft()
        values = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        if NARROWEST <= len(values) <= WIDEST and all(isinstance(one, float) or one in (0, 1) for one in values):
            widths[len(values)] += 1
            samples.setdefault(len(values), np.array([values], np.float64))
        else:
            left.extend(one for one in values if isinstance(one, list | dict))
    yield from _said(file, widths, samples, "a JSON file", speaking=True)


def _said(
    file: TargetFile, widths: Counter[int], samples: dict[int, _Sample], form: str, *, speaking: bool
) -> Iterator[Observation]:
    """Yield the three commonest widths of those that stand there twice, or once in a file whose name speaks of faces."""
    for width, count in sorted(widths.items(), key=lambda item: (-item[1], item[0]))[:3]:
        fits = speaking or like_descriptors(samples[width])
        if fits and (count > 1 or speaks_of_faces(file.name)):
            yield from as_finding(file, StoreFacts(form, width, count, unit=unit_length(samples[width])))

"""TensorFlow Lite: tables of a flatbuffer, each offset checked against the file before it is followed.

Source: flatbuffers.dev, "FlatBuffer binary format"; schema.fbs of TensorFlow Lite, version 3, fields by number.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from passerby.scan.networks.graph import Layer, LayerGraph
from passerby.scan.networks.network import MOST_NAME, BrokenModelError, Network, NetworkInput, Op, Shape
from passerby.scan.networks.paged import PagedFile

TFLITE_MARK = b"TFL3"
"""Bytes 4 to 8 of a file."""
_MOST_ITEMS = 100_000
_MOST_GRAPHS = 16
_CUSTOM = 32
_OPS = {
    0: Op.ADD,
    1: Op.POOL,
    2: Op.CONCAT,
    3: Op.CONV,
    4: Op.DEPTHWISE,
    5: Op.UPSAMPLE,
    6: Op.PASS,
    9: Op.LINEAR,
    11: Op.L2_NORM,
    14: Op.SIGMOID,
    16: Op.RECURRENT,
    17: Op.POOL,
    18: Op.MUL,
    19: Op.ACT,
    20: Op.ACT,
    21: Op.ACT,
    22: Op.RESHAPE,
    23: Op.UPSAMPLE,
    25: Op.SOFTMAX,
    28: Op.ACT,
    39: Op.PASS,
    40: Op.GLOBAL_POOL,
    42: Op.DIV,
    43: Op.RESHAPE,
    44: Op.RECURRENT,
    50: Op.SOFTMAX,
    53: Op.PASS,
    54: Op.PRELU,
    56: Op.SOFTMAX,
    67: Op.UPSAMPLE,
    74: Op.SUM,
    75: Op.ROOT,
    76: Op.ROOT,
    97: Op.UPSAMPLE,
    98: Op.ACT,
    114: Op.PASS,
    117: Op.ACT,
    126: Op.MATMUL,
    150: Op.ACT,
}
"""Builtin operators by number."""
_LAYOUTS = {Op.CONV: "OHWI", Op.DEPTHWISE: "1HWC", Op.LINEAR: "OI"}


class _Tensor(NamedTuple):
    name: str
    shape: Shape
    buffer: int


class _Tables:
    """A flatbuffer: every read is inside it, or refused."""

    def __init__(self, file: PagedFile) -> None:
        self._file = file
        self._left = _MOST_ITEMS * 20

    def number(self, at: int, kind: str) -> int:
        self._left -= 1
        if self._left < 0:
            raise BrokenModelError("it has too many parts")
        size = struct.calcsize(kind)
        data = self._file.bytes_at(at, size) if at >= 0 else b""
        if len(data) < size:
            raise BrokenModelError("an offset leads out of it")
        value: int = struct.unpack(kind, data)[0]
        return value

    def root(self) -> int:
        return self.number(0, "<I")

    def field(self, table: int, index: int) -> int:
        """Return where a field of a table lies; 0 where it is left out."""
        vtable = table - self.number(table, "<i")
        if 4 + 2 * index + 2 > self.number(vtable, "<H"):
            return 0
        offset = self.number(vtable + 4 + 2 * index, "<H")
        return table + offset if offset else 0

    def scalar(self, table: int, index: int, kind: str) -> int:
        at = self.field(table, index)
        return self.number(at, kind) if at else 0

    def _vector(self, table: int, index: int) -> tuple[int, int]:
        at = self.field(table, index)
        if not at:
            return 0, 0
        start = at + self.number(at, "<I")
        count = self.number(start, "<I")
        if start + 4 + count > self._file.size_bytes:
            raise BrokenModelError("a list reaches beyond its end")
        return start + 4, count

    def numbers(self, table: int, index: int, most: int = 64) -> list[int]:
        start, count = self._vector(table, index)
        return [self.number(start + 4 * i, "<i") for i in range(min(count, most))]

    def tables(self, table: int, index: int) -> list[int]:
        start, count = self._vector(table, index)
        if count > _MOST_ITEMS:
            raise BrokenModelError(f"it has a list of more than {_MOST_ITEMS:,} parts")
        return [start + 4 * i + self.number(start + 4 * i, "<I") for i in range(count)]

    def text(self, table: int, index: int) -> str:
        start, count = self._vector(table, index)
        return self._file.bytes_at(start, min(count, MOST_NAME)).decode("utf-8", "replace")

    def holds_numbers(self, buffer: int) -> bool:
        """Whether a buffer has data, inside the file or behind it."""
        return self._vector(buffer, 0)[1] > 0 or self.scalar(buffer, 2, "<Q") > 0


def read_tflite(stream: BinaryIO, size_bytes: int) -> Network:
    """Return the network of a TensorFlow Lite file.

    Raises:
        BrokenModelError: it is none, or exceeds a bound.
    """
    tables = _Tables(PagedFile(stream, size_bytes))
    model = tables.root()
    codes = [_operator(tables, code) for code in tables.tables(model, 1)]
    trained = [tables.holds_numbers(buffer) for buffer in tables.tables(model, 4)]
    graph = LayerGraph("TensorFlow Lite")
    graphs = tables.tables(model, 2)
    if not graphs:
        raise BrokenModelError("it has no graph")
    graph.names.append(tables.text(model, 3))
    for number, subgraph in enumerate(graphs[:_MOST_GRAPHS]):
        reading = _Subgraph(tables, subgraph, number)
        reading.read(graph, codes, trained)
        if number == 0:
            reading.read_ends(graph)
    return graph.network()


def _operator(tables: _Tables, code: int) -> tuple[Op, str]:
    kind = max(tables.scalar(code, 0, "<b"), tables.scalar(code, 3, "<i"))
    custom = tables.text(code, 1) if kind == _CUSTOM else ""
    return _OPS.get(kind, Op.OTHER), custom


class _Subgraph:
    """One graph of a file, whose tensors get names that stand once in the file."""

    def __init__(self, tables: _Tables, table: int, number: int) -> None:
        self._tables = tables
        self._table = table
        self._tensors = [_tensor(tables, one) for one in tables.tables(table, 0)]
        self._labels = [f"{tensor.name}#{number}/{index}" for index, tensor in enumerate(self._tensors)]

    def read(self, graph: LayerGraph, codes: Sequence[tuple[Op, str]], trained: Sequence[bool]) -> None:
        for label, tensor in zip(self._labels, self._tensors, strict=True):
            if tensor.buffer < len(trained) and trained[tensor.buffer]:
                graph.keep(label, tuple(side or 0 for side in tensor.shape))
        for operator in self._tables.tables(self._table, 3):
            index = self._tables.scalar(operator, 0, "<I")
            op, custom = codes[index] if index < len(codes) else (Op.OTHER, "")
            graph.names += [custom] if custom else []
            inputs, outputs = self._known(operator, 1), self._known(operator, 2)
            kernel = self._pooled(inputs, outputs) if op is Op.POOL else ()
            graph.add(Layer(op, "", self._named(inputs), self._named(outputs), _LAYOUTS.get(op, ""), kernel))

    def read_ends(self, graph: LayerGraph) -> None:
        inputs, outputs = self._known(self._table, 1), self._known(self._table, 2)
        graph.inputs += [
            NetworkInput(self._labels[one], self._tensors[one].shape, channels_last=True) for one in inputs
        ]
        graph.outputs += [(self._labels[one], self._tensors[one].shape) for one in outputs]
        graph.names += [self._tensors[one].name for one in (*inputs, *outputs)]

    def _known(self, table: int, index: int) -> list[int]:
        return [one for one in self._tables.numbers(table, index) if 0 <= one < len(self._tensors)]

    def _named(self, indexes: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._labels[index] for index in indexes)

    def _pooled(self, inputs: Sequence[int], outputs: Sequence[int]) -> tuple[int, ...]:
        """Return the sides of a window that covers the whole map; nothing of any other."""
        taken = self._tensors[inputs[0]].shape if inputs else ()
        given = self._tensors[outputs[0]].shape if outputs else ()
        whole = len(taken) == len(given) == 4 and given[1:3] == (1, 1)
        return tuple(side or 0 for side in taken[1:3]) if whole else ()


def _tensor(tables: _Tables, table: int) -> _Tensor:
    sides = tables.numbers(table, 7, 16) or tables.numbers(table, 0, 16)
    shape = tuple(side if side > 0 else None for side in sides)
    return _Tensor(tables.text(table, 3), shape, tables.scalar(table, 2, "<I"))

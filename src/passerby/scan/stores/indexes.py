"""Indexes for nearest neighbours: FAISS, hnswlib and Annoy, by the first bytes and what must fit together."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from passerby.scan.stores.vectors import SAMPLE, StoreFacts, as_finding, unit_length
from passerby.scan.values import Finding, TargetFile

_FAISS_MARK = struct.pack("<qq", 1 << 20, 1 << 20)
_FAISS_HEADER = struct.Struct("<4siq16sBi")
_FAISS_BINARY = struct.Struct("<4siiqBi")
_METRICS = {0: "inner product", 1: "distance"}
_KINDS = {
    b"IxF": "flat", b"IxM": "with numbers", b"IwF": "in cells", b"IwP": "in cells, compressed", b"IHN": "as a graph",
    b"IxP": "compressed or transformed", b"IxS": "compressed", b"IxR": "refined", b"IxH": "hashed",
}  # fmt: skip
_HNSW = struct.Struct("<QQQQQQiIQQQdQ")
_ANNOY_NODES = 8


def is_faiss(head: bytes) -> bool:
    """Tell whether a file begins as an index of FAISS does.

    Source: faiss/impl/index_write.cpp, ``write_index_header``: four letters, width, count, two numbers 1 << 20, a flag, a metric.
    """
    return head[:1] == b"I" and (head[16:32] == _FAISS_MARK or head[:3] in (b"IBx", b"IBw", b"IBH", b"IBM"))


def read_faiss(file: TargetFile) -> Iterator[Finding]:
    """Yield what the header of a FAISS index says, with the lengths of a few vectors where they lie plain."""
    head = file.head(4096)
    if head[:2] == b"IB" and len(head) >= _FAISS_BINARY.size:
        _, dimension, code, count, _, _ = _FAISS_BINARY.unpack_from(head)
        if code * 8 == dimension and count >= 0:
            yield from as_finding(file, StoreFacts("a FAISS index (bits)", dimension, count))
        return
    if len(head) < _FAISS_HEADER.size or head[16:32] != _FAISS_MARK:
        return
    kind, dimension, count, _, _, metric = _FAISS_HEADER.unpack_from(head)
    form = f"a FAISS index ({_KINDS.get(kind[:3], 'of a further kind')})"
    unit = _flat_sample(file, head, dimension, count)
    yield from as_finding(file, StoreFacts(form, dimension, max(count, 0), metric=_METRICS.get(metric, ""), unit=unit))


def _flat_sample(file: TargetFile, head: bytes, dimension: int, count: int) -> bool | None:
    """Return whether the first vectors of the flat part have length one; None where no such part begins in the first bytes."""
    start = max(head.find(b"IxFI"), head.find(b"IxF2"))
    header = head[start : start + _FAISS_HEADER.size]
    if start < 0 or len(header) < _FAISS_HEADER.size or header[16:32] != _FAISS_MARK:
        return None
    _, width, held, *_ = _FAISS_HEADER.unpack(header)
    if width != dimension or held != count or not 0 < dimension <= 1 << 16 or count <= 0:
        return None
    return _sample(file, start + _FAISS_HEADER.size + 8, dimension * 4, min(count, SAMPLE), 0)


def _sample(file: TargetFile, start: int, stride: int, count: int, skip: int) -> bool | None:
    """Return whether vectors of 32-bit floats have length one: ``count`` of them, each at ``skip`` within its stride."""
    with file.open() as stream:
        stream.seek(start)
        data = stream.read(stride * count)
    count = len(data) // stride
    rows = np.frombuffer(data[: count * stride], np.uint8).reshape(count, stride)
    width = (stride - skip) // 4 * 4
    return unit_length(np.ascontiguousarray(rows[:, skip : skip + width]).view("<f4"))


def is_hnsw(head: bytes, size_bytes: int) -> bool:
    """Tell whether a file begins as an index of hnswlib does: all its sizes must fit together.

    Source: hnswlib/hnswalg.h, ``saveIndex``.
    """
    if head[:8] != bytes(8) or len(head) < _HNSW.size:
        return False
    _, most, count, stride, label, data, _, _, links, links_0, breadth, _, _ = _HNSW.unpack_from(head)
    fits = (
        links == breadth and links_0 == 2 * breadth and data == links_0 * 4 + 4 and label > data and stride == label + 8
    )
    return bool(fits and 0 < count <= most and _HNSW.size + count * stride <= size_bytes)


def read_hnsw(file: TargetFile) -> Iterator[Finding]:
    """Yield what the header of an hnswlib index says; vectors are taken for 32-bit floats, as its spaces for floats have them."""
    _, _, count, stride, label, data, *_ = _HNSW.unpack_from(file.head(_HNSW.size))
    dimension = (label - data) // 4
    if dimension > 1 << 16:
        return
    with file.open() as stream:
        stream.seek(_HNSW.size)
        rows = [stream.read(stride)[data:label] for _ in range(min(count, SAMPLE))]
    vectors = np.frombuffer(b"".join(row for row in rows if len(row) == dimension * 4), "<f4").reshape(-1, dimension)
    yield from as_finding(file, StoreFacts("an HNSW graph (hnswlib)", dimension, count, unit=unit_length(vectors)))


def read_annoy(file: TargetFile) -> Iterator[Finding]:
    """Yield the width of an Annoy index; it has no header, so the width is the one at which its first nodes are single items.

    Only multiples of eight are tried, since its two forms differ by one number.

    Source: annoylib.h, ``Node``: a count of descendants, which is 1 for an item, further fields, then the vector.
    """
    head = file.head(1 << 16)
    for extra in (12, 16):
        for dimension in range(96, 1025, 8):
            stride = extra + 4 * dimension
            if file.size_bytes % stride or file.size_bytes < 2 * stride:
                continue
            nodes = min(_ANNOY_NODES, len(head) // stride)
            if nodes > 1 and all(head[stride * n : stride * n + 4] == b"\1\0\0\0" for n in range(nodes)):
                unit = _sample(file, 0, stride, nodes, extra)
                yield from as_finding(file, StoreFacts("an Annoy index", dimension, unit=unit))
                return

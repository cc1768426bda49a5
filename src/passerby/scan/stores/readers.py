"""Which file is read as which kind of store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from passerby.scan.stores import arrays, databases, folders, indexes, pickled, sqlite_pages
from passerby.scan.values import Observation, Reader, TargetFile

_PICKLES = (".pickle", ".pkl", ".pck", ".pcl", ".p", ".clf", ".dat", ".joblib", ".enc", ".db", ".model")
_VECTORS = re.compile(r"embedding|encoding|descriptor|faceprint|face[-_]?data|faces?\.json|(?:^|[-_.])vectors?\b", re.I)
_ANNOY = (".ann", ".annoy", ".tree")


def _by_name(file: TargetFile) -> Callable[[TargetFile], Iterator[Observation]] | None:
    name = file.name.lower()
    if name.endswith(_ANNOY):
        return indexes.read_annoy
    if name == "config.json" and folders.QDRANT.search(file.path):
        return folders.read_qdrant
    if name.endswith(".manifest") and folders.LANCE.search(file.path):
        return folders.read_lance
    if name.endswith(".json") and _VECTORS.search(name):
        return pickled.read_json_vectors
    if name.endswith(".sql"):
        return folders.read_dump
    return None


def _by_bytes(file: TargetFile) -> Callable[[TargetFile], Iterator[Observation]] | None:
    head = file.head(96)
    if head.startswith(sqlite_pages.MAGIC):
        return databases.read_database
    if head.startswith(arrays.MAGIC):
        return arrays.read_array
    if head[:1] == b"I" and indexes.is_faiss(head):
        return indexes.read_faiss
    if head[:8] == bytes(8) and indexes.is_hnsw(head, file.size_bytes):
        return indexes.read_hnsw
    if head[:4] == folders.MILVUS_MAGIC and folders.MILVUS.search(file.path):
        return folders.read_milvus
    if head[:1] == b"\x80" and 2 <= head[1] <= 5 and file.name.lower().endswith(_PICKLES):
        return pickled.read_pickle
    return None


def _reading(file: TargetFile) -> Callable[[TargetFile], Iterator[Observation]] | None:
    if file.size_bytes < 40:
        return None
    return _by_name(file) or _by_bytes(file)


def _wants(file: TargetFile) -> bool:
    return _reading(file) is not None


def _read(file: TargetFile) -> Iterator[Observation]:
    reading = _reading(file)
    if reading is not None:
        yield from reading(file)


READERS: tuple[Reader, ...] = (Reader("stores", 1, _wants, _read),)

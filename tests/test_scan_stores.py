"""Stores of vectors: each is found with its width, count and length, and nothing from inside one is ever said."""

from __future__ import annotations

import io
import json
import pickle
import sqlite3
import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.scan import Confidence, Finding, FindingKind, Rating, Unread
from passerby.scan.files import BytesFile
from passerby.scan.stores import READERS

SECRET = "Alice-Secret-4711"


def vectors(count: int, width: int, *, unit: bool = True) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    rows = np.random.default_rng(count).normal(size=(count, width))
    if unit:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


def observe(path: str, content: bytes) -> list[object]:
    file = BytesFile(content, path)
    return [one for reader in READERS if reader.wants(file) for one in reader.read(file)]


def said(path: str, content: bytes) -> str:
    """Return what the one finding says."""
    (one,) = observe(path, content)
    assert isinstance(one, Finding)
    assert (one.kind, one.rating, one.confidence) == (FindingKind.STORE, Rating.CAN, Confidence.MAY_BE)
    assert "may be" in one.title
    assert "may be" in one.note
    assert one.evidence
    assert SECRET not in repr(one)
    return one.evidence[0].what


def saved(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def faiss_header(kind: bytes, width: int, count: int, metric: int) -> bytes:
    return struct.pack("<4siqqqBi", kind, width, count, 1 << 20, 1 << 20, 1, metric)


def faiss_flat(rows: np.ndarray[tuple[int, int], np.dtype[np.float32]], metric: int = 0) -> bytes:
    kind = b"IxFI" if metric == 0 else b"IxF2"
    return faiss_header(kind, rows.shape[1], len(rows), metric) + struct.pack("<Q", rows.size) + rows.tobytes()


def hnsw(rows: np.ndarray[tuple[int, int], np.dtype[np.float32]], breadth: int = 16) -> bytes:
    data = 2 * breadth * 4 + 4
    label = data + rows.shape[1] * 4
    sizes = (0, len(rows) + 5, len(rows), label + 8, label, data, 1, 0, breadth, 2 * breadth, breadth, 0.3, 200)
    body = b"".join(bytes(data) + row.tobytes() + struct.pack("<Q", at) for at, row in enumerate(rows))
    return struct.pack("<QQQQQQiIQQQdQ", *sizes) + body + bytes(64)


def annoy(rows: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> bytes:
    return b"".join(struct.pack("<iff", 1, 0, 0) + row.tobytes() for row in rows)


def database(*statements: str | tuple[str, Sequence[tuple[object, ...]]]) -> bytes:
    connection = sqlite3.connect(":memory:")
    for statement in statements:
        if isinstance(statement, str):
            connection.execute(statement)
        else:
            connection.executemany(*statement)
    connection.commit()
    content = connection.serialize()
    connection.close()
    return content


def blobs(count: int, width: int, kind: str = "<f4", *, unit: bool = True) -> list[tuple[object, ...]]:
    return [(f"{SECRET}-{at}", row.astype(kind).tobytes()) for at, row in enumerate(vectors(count, width, unit=unit))]


def test_faiss() -> None:
    what = said("a/x.index", faiss_flat(vectors(500, 512)))
    assert (
        what
        == "is a FAISS index (flat) of 500 vectors with 512 numbers each, compared by inner product, of length one in a sample"
    )
    assert "not of length one" in said("x", faiss_flat(vectors(5, 128, unit=False), metric=1))
    numbered = faiss_header(b"IxM2", 256, 9, 0) + faiss_flat(vectors(9, 256))
    assert "9 vectors with 256 numbers each" in said("faces.faiss", numbered)
    cells = (
        faiss_header(b"IwFl", 512, 900, 1)
        + struct.pack("<QQ", 4, 1)
        + faiss_flat(vectors(4, 512, unit=False), metric=1)
    )
    assert "sample" not in said("x", cells), "the middles of cells are no vectors of it"
    bits = struct.pack("<4siiqBi", b"IBxF", 512, 64, 9, 1, 1) + bytes(600)
    assert "512" in said("x", bits)


def test_hnsw_and_annoy() -> None:
    assert said("x.bin", hnsw(vectors(20, 512))).startswith("is an HNSW graph (hnswlib) of 20 vectors with 512 numbers")
    assert "128 numbers each, of length one" in said("x.ann", annoy(vectors(50, 128)))
    assert observe("x.bin", hnsw(vectors(20, 512))[:2000]) == []
    assert observe("x.ann", bytes(9000)) == []


def test_numpy() -> None:
    assert (
        said("x.npy", saved(vectors(7, 128)))
        == "is an array of NumPy of 7 vectors with 128 numbers each, of length one in a sample"
    )
    assert "not of length one" in said(
        "x.npz!/face_features.npy", saved(vectors(7, 512, unit=False).astype(np.float64))
    )
    assert "not of length one" in said("x.npy", saved(vectors(7, 128) * np.float32(1.4))), "descriptors of dlib"
    for other in (
        vectors(7, 512, unit=False),
        vectors(7, 20),
        vectors(7, 3000),
        np.zeros((9, 128), np.int32),
        np.zeros((3, 3, 128)),
        np.zeros(512),
    ):
        assert observe("x.npy", saved(other)) == []


def test_sqlite_by_names_and_by_lengths() -> None:
    table = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, face_encoding BLOB NOT NULL, PRIMARY KEY (id))"
    table = table.replace(", PRIMARY KEY (id))", ", CHECK (id > 0))")
    rows = ("INSERT INTO people (name, face_encoding) VALUES (?, ?)", blobs(400, 512))
    what = said("x.db", database(table, rows))
    assert what == "is an SQLite table of 400 vectors with 512 numbers each, of length one in a sample"
    (one,) = observe("x.db", database(table, rows))
    assert isinstance(one, Finding)
    assert "speak of faces" in one.note
    plain = "CREATE TABLE t (a TEXT, b BLOB)"
    assert "256 numbers" in said("x", database(plain, ("INSERT INTO t VALUES (?, ?)", blobs(5, 256))))
    assert "128 numbers" in said("x", database(plain, ("INSERT INTO t VALUES (?, ?)", blobs(5, 128, "<f8"))))
    assert observe("x", database(plain, ("INSERT INTO t VALUES (?, ?)", blobs(5, 256, unit=False)))) == []
    named = "CREATE TABLE t (a TEXT, embedding BLOB)"
    assert "not of length one" in said("x", database(named, ("INSERT INTO t VALUES (?, ?)", blobs(5, 256, unit=False))))


def test_sqlite_with_long_rows_texts_and_pickles() -> None:
    wide = "PRAGMA page_size = 512"
    table = "CREATE TABLE t (a TEXT, descriptor BLOB)"
    assert "300 vectors with 1024" in said(
        "x", database(wide, table, ("INSERT INTO t VALUES (?, ?)", blobs(300, 1024)))
    )
    texts = [(SECRET, json.dumps(row.tolist())) for row in vectors(5, 128)]
    assert "5 vectors with 128 numbers each, of length one" in said(
        "x", database(table, ("INSERT INTO t VALUES (?, ?)", texts))
    )
    pickled = [(SECRET, pickle.dumps(row)) for row in vectors(5, 128)]
    assert "5 vectors with 128 numbers" in said("x", database(table, ("INSERT INTO t VALUES (?, ?)", pickled)))


def test_sqlite_extensions_say_their_width_in_the_schema() -> None:
    virtual = "CREATE VIRTUAL TABLE vec_x USING vec0(id TEXT, thumbnail_embedding FLOAT[768] distance_metric=cosine)"
    content = database(
        "CREATE TABLE vec_x_rowids (rowid INTEGER PRIMARY KEY, id TEXT)",
        ("INSERT INTO vec_x_rowids (id) VALUES (?)", [(SECRET,)] * 9),
        "PRAGMA writable_schema = 1",
        ("INSERT INTO sqlite_master VALUES ('table', 'vec_x', 'vec_x', 0, ?)", [(virtual,)]),
    )
    assert said("x.db", content) == "is a table of sqlite-vec of 9 vectors with 768 numbers each, compared by cosine"


def test_ordinary_databases_are_no_stores() -> None:
    table = "CREATE TABLE files (name TEXT, thumbnail BLOB, template TEXT, features INTEGER)"
    rows = [(f"n{at}", bytes(range(200)) * (at + 3), "<html>" * 99, at) for at in range(50)]
    assert observe("x.db", database(table, ("INSERT INTO files VALUES (?, ?, ?, ?)", rows))) == []
    assert observe("x.db", database("CREATE TABLE empty (embedding BLOB)")) == []


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_lists_and_arrays(protocol: int) -> None:
    rows = vectors(6, 128).astype(np.float64)
    lists = pickle.dumps({"encodings": [row.tolist() for row in rows], "names": [SECRET] * 6}, protocol)
    assert (
        said("encodings.pickle", lists) == "is a pickle of 6 vectors with 128 numbers each, of length one in a sample"
    )
    arrays = pickle.dumps({"encodings": list(rows), "names": [SECRET] * 6}, protocol)
    assert "6 vectors with 128 numbers" in said("encodings.pkl", arrays)
    assert "6 vectors with 128 numbers" in said("x.pkl", pickle.dumps(rows, protocol))
    assert observe("x.pkl", pickle.dumps({"a": list(range(500)), "b": [0.5] * 20}, protocol)) == []
    assert observe("x.pkl", pickle.dumps({"weights": rows * 40}, protocol)) == []
    assert "6 vectors" in said("x.pkl", pickle.dumps({"encodings": rows * 40}, protocol))


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('a pickle was loaded')",))


def test_a_pickle_is_never_loaded() -> None:
    content = pickle.dumps([Bomb(), [[0.5] * 128] * 2, [list(row) for row in vectors(3, 128).tolist()]])
    assert "128 numbers" in said("faces.pkl", content)


def test_json_lists() -> None:
    labelled = [{"label": SECRET, "descriptors": vectors(2, 128, unit=False).astype(float).tolist()} for _ in range(3)]
    assert said("face-descriptors.json", json.dumps(labelled).encode()).startswith(
        "is a JSON file of 6 vectors with 128 numbers"
    )
    assert observe("config.json", json.dumps(labelled).encode()) == []
    keyed = [{str(at): float(value) for at, value in enumerate(row)} for row in vectors(2, 128)]
    assert "128 numbers" in said("faces.json", json.dumps(keyed).encode())


def test_folders_of_vector_databases() -> None:
    qdrant = {"params": {"vectors": {"size": 512, "distance": "Cosine"}}}
    path = f"q/collections/faces-{SECRET}/config.json"
    (one,) = observe(path, json.dumps(qdrant).encode())
    assert isinstance(one, Finding)
    assert one.evidence[0].what == "is a collection of Qdrant with 512 numbers each, compared by cosine"
    field = b"fixed_size_list:float:512"
    lance = b"\x0a\x06vector " + bytes([len(field)]) + field + b"0\x01" * 9
    assert "512 numbers" in said("d/people.lance/_versions/1.manifest", lance)
    binlog = b"\xbc\xfa\xff\x00" + bytes(100)
    assert "Milvus" in said("m/insert_log/1/2/3/100/44", binlog)
    dump = b"CREATE TABLE public.face_search (\n    face_id uuid NOT NULL,\n    embedding public.vector(512) NOT NULL\n);\n"
    assert "pgvector with 512 numbers" in said("dump.sql", dump)
    chroma = database(
        "CREATE TABLE embeddings_queue (seq_id INTEGER PRIMARY KEY, topic TEXT, vector BLOB, metadata TEXT)",
        ("INSERT INTO embeddings_queue (topic, vector) VALUES (?, ?)", blobs(4, 512)),
    )
    assert "4 vectors with 512" in said("c/chroma.sqlite3", chroma)


STORES = {
    "x.index": faiss_flat(vectors(5, 128)),
    "x.bin": hnsw(vectors(5, 128)),
    "x.ann": annoy(vectors(5, 128)),
    "x.npy": saved(vectors(5, 128)),
    "x.db": database("CREATE TABLE t (a TEXT, embedding BLOB)", ("INSERT INTO t VALUES (?, ?)", blobs(40, 128))),
    "x.pickle": pickle.dumps(vectors(5, 128)),
    "embeddings.json": json.dumps(vectors(2, 128).tolist()).encode(),
    "q/collections/a/config.json": b'{"params":{"vectors":{"size":128}},"a":"bbbbbbbbb"}',
    "a.lance/_versions/1.manifest": b"\x19fixed_size_list:float:128" + bytes(40),
    "x.sql": b"  embedding vector(128) -- and more than forty bytes",
}


@pytest.mark.parametrize("path", STORES)
def test_each_store_is_found_before_it_is_damaged(path: str) -> None:
    assert "128 numbers" in said(path, STORES[path])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(STORES)), st.data())
def test_a_damaged_store_never_raises_and_tells_nothing(path: str, data: st.DataObject) -> None:
    raw = bytearray(STORES[path])
    for place in data.draw(st.lists(st.integers(0, min(len(raw), 300) - 1), max_size=6)):
        raw[place] = data.draw(st.integers(0, 255))
    for one in observe(path, bytes(raw[: data.draw(st.integers(0, len(raw)))])):
        assert isinstance(one, Finding | Unread)
        assert SECRET not in repr(one)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(STORES)), st.binary(max_size=300))
def test_no_content_raises(path: str, content: bytes) -> None:
    start = STORES[path][:16]
    for one in [*observe(path, content), *observe(path, start + content)]:
        assert isinstance(one, Finding | Unread)


def test_long_blanks_are_read_once() -> None:
    assert observe("x.sql", b"\n" * 3_000_000 + b"a") == []
    wide = f"CREATE TABLE t ({'a' * 60_000} BLOB, b BLOB)"
    assert observe("x.db", database(wide)) == []


def test_names_and_numbers_from_inside_are_never_said() -> None:
    name = f"face_{SECRET}".replace("-", "_")
    rows = vectors(4, 128)
    filled = (f"INSERT INTO {name} VALUES (?)", [(row.tobytes(),) for row in rows])  # noqa: S608 - names of our own
    content = database(f"CREATE TABLE {name} ({name}_embedding BLOB)", filled)
    told = repr(observe("x.db", content))
    assert name not in told
    assert "0." not in told
    keys = pickle.dumps({SECRET: rows.astype(float).tolist()})
    assert SECRET not in repr(observe("x.pickle", keys))


def test_a_broken_or_foreign_file_says_why() -> None:
    for path, content in (
        ("x.npy", b"\x93NUMPY\x01\x00\x10\x00{'shape': (,)}  " + bytes(40)),
        ("x.db", b"SQLite format 3\0" + bytes(100)),
        ("faces.pkl", b"\x80\x04" + b"\xff" * 60),
        ("embeddings.json", b"[" * 90_000),
    ):
        (one,) = observe(path, content)
        assert isinstance(one, Unread)
        assert one.reason

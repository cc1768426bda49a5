"""Vector databases by the files that they keep: Qdrant, Chroma, LanceDB, Milvus, and dumps of PostgreSQL with pgvector."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from passerby.errors import ScanError
from passerby.scan.files import read_json, table_of, text_of
from passerby.scan.stores.vectors import NARROWEST, StoreFacts, as_finding, speaks_of_faces
from passerby.scan.values import Confidence, Evidence, Finding, FindingKind, Observation, Rating, TargetFile, Unread

QDRANT = re.compile(r"(?:^|[/!])collections/([^/]+)/config\.json$")
LANCE = re.compile(r"([^/]+)\.lance/_versions/[^/]+\.manifest$")
MILVUS = re.compile(r"(?:^|[/!])insert_log/(?:\d+/)+\d+$")
MILVUS_MAGIC = b"\xbc\xfa\xff\x00"
"""Source: Milvus developer guides, "Binlog": the 32-bit number 0xfffabc first."""
_LANCE_FIELD = re.compile(rb"(.)(fixed_size_list:(?:float|halffloat|double):\d{1,5})", re.S)
_PGVECTOR = re.compile(
    r"^[ \t]*\"?(\w{1,100})\"?[ \t]+(?:public\.)?(?:vector|halfvec)\s{0,100}\(\s{0,100}(\d{1,5})\s*\)", re.I | re.M
)
_MOST_BYTES = 4 << 20


def read_qdrant(file: TargetFile) -> Iterator[Observation]:
    """Yield the vectors that a collection of Qdrant is set up for."""
    found = QDRANT.search(file.path)
    try:
        parameters = table_of(table_of(read_json(file)).get("params"))
    except ScanError as exc:
        yield Unread(file.path, exc.message)
        return
    stated = table_of(parameters.get("vectors"))
    for one in [stated, *map(table_of, stated.values())]:
        size = one.get("size")
        if isinstance(size, int):
            faces = bool(found and speaks_of_faces(found[1]))
            yield from as_finding(
                file,
                StoreFacts("a collection of Qdrant", size, metric=_word(text_of(one.get("distance"))), faces=faces),
            )


def _word(text: str) -> str:
    return text.lower() if re.fullmatch(r"[A-Za-z]{1,20}", text) else ""


def read_lance(file: TargetFile) -> Iterator[Observation]:
    """Yield the widths of vectors that a version file of a LanceDB table states in its schema."""
    found = LANCE.search(file.path)
    faces = bool(found and speaks_of_faces(found[1]))
    # the byte before a text of a protocol buffer is its length: digits after it belong to the next field
    stated = {text[: length[0]].rpartition(b":")[2] for length, text in _LANCE_FIELD.findall(file.head(1 << 20))}
    for width in sorted(int(one) for one in stated if one.isdigit()):
        yield from as_finding(file, StoreFacts("a table of LanceDB", width, faces=faces))


def read_milvus(file: TargetFile) -> Iterator[Observation]:
    """Yield that a log of Milvus is there; how wide its vectors are is not read."""
    yield Finding(
        FindingKind.STORE,
        file.path,
        "Vectors that may be templates (log of Milvus)",
        rating=Rating.CAN,
        confidence=Confidence.MAY_BE,
        evidence=(Evidence(file.path, "is a log of inserted rows of Milvus, a database of vectors"),),
        note="may be a store of templates; what is in it was not opened",
    )


def read_dump(file: TargetFile) -> Iterator[Observation]:
    """Yield the columns of pgvector that the first 4 MiB of an SQL file declare."""
    text = file.head(_MOST_BYTES).decode("utf-8", "replace")
    for found in itertools.islice(_PGVECTOR.finditer(text), 50):
        if int(found[2]) >= NARROWEST:
            yield from as_finding(
                file,
                StoreFacts("an SQL schema with a column of pgvector", int(found[2]), faces=speaks_of_faces(found[1])),
            )

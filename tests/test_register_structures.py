"""Logs that are right but for one thing, by whoever has the key: readers name it, or read on, and none falls.

Values are bent, not bytes: entries of each kind, checkpoints, policies, proofs and cosignatures are made well, then one value is
another of its kind or of none, and all is hashed and signed again.
"""

from __future__ import annotations

import copy
import json
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerby.errors import PasserbyError
from passerby.register import FileSigner, LogReader, Policy, Proof, decode_entry, require, verify, watch
from passerby.register.notes.note import COSIGNATURE, Signature, cosigned_message, encode_base64, sign_note
from passerby.register.tiles.growth import Edge, grow
from passerby.register.tiles.merkle import Frontier, tree_hash
from passerby.web.register.follow import LogFollower

ORIGIN = "cameras.example.org/log"
KEY = FileSigner(ORIGIN, 1, b"k" * 32)
NEXT = FileSigner(ORIGIN, 1, b"n" * 32)
WITNESSES = [FileSigner(f"w{i}.example", COSIGNATURE, bytes([i + 1]) * 32) for i in range(3)]
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SAMPLES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "entries.json").read_text())

EDGES = [0, 1, -1, 255, 256, 2**31, 2**53 - 1, 2**53, 2**62, 2**63 - 1, 2**63, 2**64, -(2**63), 10**18, 10**400]
TIMES = [
    0,
    1,
    1_672_531_199,
    1_796_000_000,
    253_402_300_799,
    253_402_300_800,
    2**40,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 1,
]
INSTANTS = [
    "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "9998-12-31T23:59:59Z",
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "10000-01-01T00:00:00Z",
    "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2026-11-30T23:59:60Z", "2026-11-30T24:00:00Z", "2026-11-30T12:00:00+23:59",
    "2026-11-30T12:00:00", "2026-11-30", "-2026-11-30T12:00:00Z", "2099-01-01T00:00:00Z", "1796000000", "",
]  # fmt: skip
TEXTS = [
    "", " ", "\n", "\x00", "\x1b[2J", "\u202egnp.exe", "\u2066", "\ud800", "\U0010ffff", "a" * 201, "a" * 40_000, "<script>",
    "{{7*7}}",
    "http://x", "https://[", "javascript:alert(1)", "tel:+1", "../../etc/passwd", "%s%n", "sha256:" + "0" * 64, "f" * 32,
    f"{KEY.key}", "x+00000000+", "null",
]  # fmt: skip


def nested(depth: int) -> list[object]:
    found: list[object] = []
    for _ in range(depth):
        found = [found]
    return found


ODD = st.one_of(
    st.sampled_from(
        [*EDGES, *INSTANTS, *TEXTS, None, True, 0.5, 1e308, [], {}, nested(50), {"en": "x"}, {"xx": "y" * 3000}]
    ),
    st.integers(),
    st.text(max_size=50),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """A good entry of any kind; in most, one value is another, there or gone, or there is one more."""
    entry: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(SAMPLES))))
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2]))):
        at: dict[str, Any] = entry
        inner = [value for value in entry.values() if isinstance(value, dict) and value]
        deeper = draw(st.booleans())
        if inner and deeper:
            at = draw(st.sampled_from(inner))
        name = draw(st.sampled_from([*at, "more"]))
        if draw(st.integers(0, 9)) == 0:
            at.pop(name, None)
        else:
            at[name] = copy.deepcopy(draw(ODD))
    return entry


def spell(entry: object) -> bytes:
    text = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")[:65_535]


@st.composite
def notes(draw: st.DrawFn, size: int, root: bytes) -> bytes:
    """A signed checkpoint; its size, root, lines, and its witnesses' times are as they should be, or one of them is not."""
    odd = draw(
        st.sampled_from(["nothing", "nothing", "size", "root", "origin", "lines", "times", "times", "signatures"])
    )
    stated = draw(st.sampled_from([*map(str, EDGES), "0600", "", "\u0663", "1e3"])) if odd == "size" else str(size)
    hashed = draw(st.binary(max_size=40)) if odd == "root" else root
    origin = draw(st.sampled_from([*filter(None, TEXTS), "other.example/log"])) if odd == "origin" else ORIGIN
    more = draw(st.lists(st.sampled_from(TEXTS), max_size=3)) if odd == "lines" else []
    text = "\n".join([origin, stated, encode_base64(hashed), *more, ""])
    try:
        raw = sign_note(text, [KEY])
    except (PasserbyError, UnicodeEncodeError):
        return text.encode("utf-8", "replace")
    for witness in WITNESSES[: draw(st.integers(0, 3))]:
        time_s = draw(st.sampled_from(TIMES)) if odd == "times" else int(NOW.timestamp())
        value = struct.pack(">Q", time_s) + witness.sign(cosigned_message(text.encode(), time_s))
        raw += Signature(witness.key.name, witness.key.key_id, value).to_line().encode()
    if odd == "signatures":
        count, length = draw(st.sampled_from([1, 20, 97, 200])), draw(st.sampled_from([1, 64, 72, 4900]))
        raw += b"".join(Signature(f"u{i}", b"abcd", b"x" * length).to_line().encode() for i in range(count))
    return raw


@st.composite
def policies(draw: st.DrawFn) -> str:
    """A policy; one number, name or key in it may be another."""
    lines = [f"log {KEY.key}", *(f"witness w{i} {w.key} https://w{i}.example" for i, w in enumerate(WITNESSES))]
    lines += ["group g 2 w0 w1 w2", "quorum g", ""]
    if draw(st.booleans()):
        at = draw(st.integers(0, len(lines) - 2))
        words = lines[at].split(" ")
        odd = st.sampled_from([*map(str, EDGES), *TEXTS, "all", "any", "none", "g", "w0"])
        words[draw(st.integers(0, len(words) - 1))] = draw(odd)
        lines[at] = " ".join(words)
    return "\n".join(lines)


@st.composite
def logs(draw: st.DrawFn) -> dict[str, bytes]:
    """The files of a log that its key signed whole, whatever it holds."""
    held = [spell(entry) for entry in draw(st.lists(entries(), max_size=6))]
    if draw(st.integers(0, 9)) == 0:
        held += [b"", b"[" * 30_000, b'{"a":' * 10_000, b"\xff", spell(10**4000), b'{"at":1e999}'][
            : draw(st.integers(1, 6))
        ]
    growth = grow(Edge(Frontier()), held)
    root = growth.edge.frontier.root()
    files = dict(growth.files) | {"vkey": f"{KEY.key}\n".encode(), "checkpoint": draw(notes(len(held), root))}
    files["policy"] = draw(policies()).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        entry = draw(entries()) | {"kind": "key.added", "use": "log", "replaces": str(KEY.key), "key": str(NEXT.key)}
        path = tuple(draw(st.lists(st.just(tree_hash([])), max_size=3)))
        index = draw(st.sampled_from([0, 1, *(edge for edge in EDGES if edge >= 0)]))
        proof = Proof(index, path, files["checkpoint"], spell(entry))
        with suppress(UnicodeDecodeError):
            files["rotation/0.tlog-proof"] = proof.to_text().encode()
    if draw(st.integers(0, 5)) == 0:
        files.pop(draw(st.sampled_from(sorted(files))))
    return files


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())
    try:
        yield path
    finally:
        shutil.rmtree(path)


def lay(public: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (public / name).parent.mkdir(parents=True, exist_ok=True)
        (public / name).write_bytes(data)


def read_whole(public: Path) -> None:
    """All that a reader does with a log: each line either goes well or raises the package's own error."""
    with suppress(PasserbyError):
        verify(LogReader.open(public, vkey=KEY.key, bridged=False), now=NOW)
    with suppress(PasserbyError):
        reader = LogReader.open(public)
        for index in range(min(reader.size, 8)):
            with suppress(PasserbyError):
                proof = reader.prove(index)
                again = Proof.parse(proof.to_text().encode())
                require(again, again.extra or b"", Policy(logs=(KEY.key,)), now=NOW)
                decode_entry(again.extra or b"")
    with suppress(PasserbyError):
        follower = LogFollower(LogReader.open(public))
        for page in ("index.html", "feed.atom", "status.json", "cameras.json"):
            for language in ("en", "fr"):
                follower.document(page, language, NOW)
        for camera in list(follower.state.cameras)[:3]:
            follower.document(f"c/{camera}/", "en", NOW)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(logs(), logs())
def test_nothing_but_the_package_s_own_error_leaves_a_reader(first: dict[str, bytes], second: dict[str, bytes]) -> None:
    with folder() as path:
        lay(path / "public", first)
        read_whole(path / "public")
        for files in (first, second, first):
            lay(path / "public", files)
            with suppress(PasserbyError):
                watch(path / "public", path / "state", vkey=KEY.key, now=NOW)

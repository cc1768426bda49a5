"""Writes proofs.json: inclusion and consistency proofs over the reference tree of eight leaves, good ones and bent ones.

The bends are those that published proof vectors use (wrong index, sizes, roots; hashes cut, added, swapped, bent). Roots and
good proofs come from RFC 6962's recursive definitions, written out here and not taken from the code under test.
Usage: python tests/vectors/make_proofs.py > tests/vectors/proofs.json
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

LEAVES = [
    b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43", bytes(range(0x50, 0x58)), bytes(range(0x60, 0x70)),
]  # fmt: skip
GARBAGE = hashlib.sha256(b"garbage").digest()


def split(count: int) -> int:
    """Return the largest power of two below a count."""
    k = 1
    while 2 * k < count:
        k *= 2
    return k


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\x00" + leaves[0] if leaves else b"").digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    return [*path(m, leaves[:k]), mth(leaves[k:])] if m < k else [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 6962, section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*proof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*proof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def bends(hashes: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Name every way to bend a list of hashes."""
    yield "trailing garbage", [*hashes, GARBAGE]
    yield "preceding garbage", [GARBAGE, *hashes]
    yield "trailing short hash", [*hashes, b"\x00" * 31]
    if hashes:
        yield "empty proof", []
        yield "truncated proof", hashes[:-1]
        yield "beheaded proof", hashes[1:]
    for at, value in enumerate(hashes):
        bent = bytes([value[0], value[1] ^ 16, *value[2:]])
        yield f"bent hash {at}", [*hashes[:at], bent, *hashes[at + 1 :]]
    if len(hashes) > 1:
        yield "swapped hashes", [hashes[1], hashes[0], *hashes[2:]]


def text(value: bytes) -> str:
    """Return base64."""
    return base64.b64encode(value).decode()


def inclusion(index: int, size: int) -> Iterator[dict[str, Any]]:
    """Yield the cases of one leaf."""
    leaves = LEAVES[:size]
    good = {
        "index": index,
        "size": size,
        "leaf": mth([leaves[index]]),
        "root": mth(leaves),
        "path": path(index, leaves),
    }
    yield {**good, "case": "good", "ok": True}
    for case, hashes in bends(good["path"]):  # type: ignore[arg-type]
        yield {**good, "path": hashes, "case": case, "ok": False}
    changes: dict[str, dict[str, Any]] = {
        "index plus one": {"index": index + 1}, "index minus one": {"index": index - 1}, "index twice": {"index": 2 * index + 2},
        "size twice": {"size": 2 * size}, "size zero": {"size": 0}, "another leaf": {"leaf": GARBAGE},
        "another root": {"root": GARBAGE}, "empty root": {"root": b""}, "short root": {"root": mth(leaves)[:31]},
    }  # fmt: skip
    for case, change in changes.items():
        yield {**good, **change, "case": case, "ok": False}


def consistency(old: int, new: int) -> Iterator[dict[str, Any]]:
    """Yield the cases of two sizes."""
    leaves = LEAVES[:new]
    good = {"old": old, "new": new, "old_root": mth(leaves[:old]), "new_root": mth(leaves), "path": proof(old, leaves)}
    yield {**good, "case": "good", "ok": True}
    for case, hashes in bends(good["path"]):  # type: ignore[arg-type]
        yield {**good, "path": hashes, "case": case, "ok": False}
    changes: dict[str, dict[str, Any]] = {
        "another old root": {"old_root": GARBAGE}, "another new root": {"new_root": GARBAGE},
        "sizes swapped": {"old": new, "new": old}, "old size zero": {"old": 0},
    }  # fmt: skip
    if old != new:
        swapped = {"old_root": good["new_root"], "new_root": good["old_root"]}
        changes |= {
            "roots swapped": swapped,
            "old size minus one": {"old": old - 1},
            "old size plus one": {"old": old + 1},
        }
    for case, change in changes.items():
        if case != "sizes swapped" or old != new:
            yield {**good, **change, "case": case, "ok": False}


def make() -> str:
    """Return the file's text."""
    sizes = [(0, 1), (0, 8), (5, 8), (2, 3), (1, 5), (6, 7), (7, 8)]
    pairs = [(1, 1), (1, 8), (6, 8), (2, 5), (6, 7), (4, 8), (8, 8)]
    groups = {
        "inclusion": [case for size in sizes for case in inclusion(*size)],
        "consistency": [case for pair in pairs for case in consistency(*pair)],
    }
    return json.dumps(groups, indent=1, default=text) + "\n"


if __name__ == "__main__":
    print(make(), end="")  # noqa: T201

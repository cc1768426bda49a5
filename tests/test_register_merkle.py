"""The tree against RFC 6962's definition, the reference tree of Certificate Transparency, and proofs bent in every way."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from base64 import b64decode
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.errors import UsageError, VerificationError
from passerby.register.tiles import merkle

VECTORS = Path(__file__).parent / "vectors"

# the eight leaves and roots that Certificate Transparency's implementations share (google/certificate-transparency,
# cpp/merkletree/merkle_tree_test.cc and its ports); the roots are recomputed below from RFC 6962's own definition
CT_LEAVES = [
    b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43", bytes(range(0x50, 0x58)), bytes(range(0x60, 0x70)),
]  # fmt: skip
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path_of(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m < k:
        return [*path_of(m, leaves[:k]), mth(leaves[k:])]
    return [*path_of(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    """RFC 6962, section 2.1.2, word for word."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def nodes_of(leaves: list[bytes]) -> merkle.Node:
    return lambda level, index: mth(leaves[index << level : (index + 1) << level])


def numbered(count: int) -> list[bytes]:
    return [str(i).encode() for i in range(count)]


@pytest.mark.parametrize("size", range(1, 9))
def test_reference_tree_has_its_known_roots(size: int) -> None:
    leaves = CT_LEAVES[:size]
    assert mth(leaves).hex() == CT_ROOTS[size - 1]
    assert merkle.tree_root(size, nodes_of(leaves)).hex() == CT_ROOTS[size - 1]
    edge = merkle.Frontier()
    for leaf in leaves:
        edge.add(merkle.leaf_hash(leaf))
    assert edge.root().hex() == CT_ROOTS[size - 1]


def test_rfc_6962_example_proofs_of_seven_leaves() -> None:
    """Section 2.1.3 names the nodes of each proof; a to l are its letters."""
    leaves = numbered(7)
    a, b, c, d, e, f, j = (merkle.leaf_hash(leaf) for leaf in leaves)
    g, h, i = merkle.node_hash(a, b), merkle.node_hash(c, d), merkle.node_hash(e, f)
    k = merkle.node_hash(g, h)
    l_ = merkle.node_hash(i, j)
    node = nodes_of(leaves)
    assert merkle.prove_inclusion(0, 7, node) == [b, h, l_]
    assert merkle.prove_inclusion(3, 7, node) == [c, g, l_]
    assert merkle.prove_inclusion(4, 7, node) == [f, j, k]
    assert merkle.prove_inclusion(6, 7, node) == [i, k]
    assert merkle.prove_consistency(3, 7, node) == [c, d, g, l_]
    assert merkle.prove_consistency(4, 7, node) == [l_]
    assert merkle.prove_consistency(6, 7, node) == [i, j, k]


@pytest.mark.parametrize("size", [*range(1, 35), 63, 64, 65])
def test_every_proof_is_the_rfcs_and_verifies(size: int) -> None:
    leaves = numbered(size)
    node, top = nodes_of(leaves), mth(leaves)
    for index in range(size):
        path = merkle.prove_inclusion(index, size, node)
        assert path == path_of(index, leaves)
        merkle.verify_inclusion(index, size, merkle.leaf_hash(leaves[index]), path, top)
    for old in range(1, size + 1):
        path = merkle.prove_consistency(old, size, node)
        assert path == (subproof(old, leaves, whole=True) if old < size else [])
        merkle.verify_consistency(old, size, path, mth(leaves[:old]), top)


@given(st.data())
def test_bent_inclusion_proof_never_verifies(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    index = data.draw(st.integers(0, size - 1))
    leaves = numbered(size)
    leaf, top = merkle.leaf_hash(leaves[index]), mth(leaves)
    path = path_of(index, leaves)
    other = data.draw(st.binary(min_size=32, max_size=32))
    bent: list[tuple[int, int, bytes, list[bytes], bytes]] = [
        (index, size, leaf, [*path, other], top),
        (index, size, leaf, [other, *path], top),
        (index, size, other, path, top),
        (index, size, leaf, path, other),
        (index, size, leaf, path, b""),
        (index, size, leaf[:31], path, top),
        (size, size, leaf, path, top),
        (-1, size, leaf, path, top),
    ]
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        bent += [
            (index, size, leaf, path[:-1], top),
            (index, size, leaf, path[1:], top),
            (index, size, leaf, [*path[:at], other, *path[at + 1 :]], top),
            (index, size, leaf, [*path[:at], path[at][:31], *path[at + 1 :]], top),
            (index ^ 1, size, leaf, path, top),
        ]
    for case in bent:
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(*case)


@given(st.data())
def test_bent_consistency_proof_never_verifies(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 40))
    old = data.draw(st.integers(1, new - 1))
    leaves = numbered(new)
    before, after, path = mth(leaves[:old]), mth(leaves), subproof(old, leaves, whole=True)
    other = data.draw(st.binary(min_size=32, max_size=32))
    at = data.draw(st.integers(0, len(path) - 1))
    for case in (
        (old, new, [*path, other], before, after),
        (old, new, [other, *path], before, after),
        (old, new, path[:-1], before, after),
        (old, new, path[1:], before, after),
        (old, new, [], before, after),
        (old, new, [*path[:at], other, *path[at + 1 :]], before, after),
        (old, new, [*path[:at], b"short", *path[at + 1 :]], before, after),
        (old, new, path, other, after),
        (old, new, path, before, other),
        (old, new, path, after, before),
        (new, old, path, before, after),
        (0, new, path, before, after),
        (old, old, path, before, after),
        (-1, new, path, before, after),
    ):
        with pytest.raises(VerificationError):
            merkle.verify_consistency(*case)


def test_empty_tree_is_the_start_of_every_tree() -> None:
    top = mth(numbered(5))
    merkle.verify_consistency(0, 5, [], merkle.EMPTY_ROOT, top)
    merkle.verify_consistency(0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)
    with pytest.raises(VerificationError, match="empty proof"):
        merkle.verify_consistency(0, 5, [], top, top)


@given(st.integers(0, 300), st.integers(0, 300))
def test_full_nodes_tile_a_span(start: int, count: int) -> None:
    spans = [(index << level, (index + 1) << level) for level, index in merkle.full_nodes(start, start + count)]
    assert [at for span in spans for at in range(*span)] == list(range(start, start + count))


@given(st.integers(0, 700))
def test_edge_can_be_taken_up_at_any_size(size: int) -> None:
    leaves = numbered(size + 3)
    node = nodes_of(leaves)
    edge = merkle.Frontier(size, [node(level, index) for level, index in merkle.full_nodes(0, size)])
    assert edge.root() == mth(leaves[:size])
    for leaf in leaves[size:]:
        edge.add(merkle.leaf_hash(leaf))
    assert edge.root() == mth(leaves)


def test_edge_takes_full_nodes_only_where_they_fit() -> None:
    leaves = numbered(24)
    edge = merkle.Frontier()
    edge.add_full(4, mth(leaves[:16]))
    edge.add_full(3, mth(leaves[16:]))
    assert edge.root() == mth(leaves)
    with pytest.raises(UsageError, match="cannot follow size 24"):
        edge.add_full(4, merkle.EMPTY_ROOT)
    with pytest.raises(UsageError, match="has 2 full nodes"):
        merkle.Frontier(24, [])


def test_makers_refuse_what_is_not_in_the_tree() -> None:
    node = nodes_of(numbered(4))
    with pytest.raises(UsageError, match="below the size 4, got 4"):
        merkle.prove_inclusion(4, 4, node)
    with pytest.raises(UsageError, match="from 0 to 4, got 5"):
        merkle.prove_consistency(5, 4, node)


def load_maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_proofs", VECTORS / "make_proofs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_vectors_are_what_their_script_makes() -> None:
    assert (VECTORS / "proofs.json").read_text() == load_maker().make()


@pytest.mark.parametrize(
    "vector", json.loads((VECTORS / "proofs.json").read_text())["inclusion"], ids=lambda v: v["case"]
)
def test_inclusion_vector(vector: dict[str, Any]) -> None:
    leaf, top = b64decode(vector["leaf"]), b64decode(vector["root"])
    path = [b64decode(value) for value in vector["path"]]
    if vector["ok"]:
        merkle.verify_inclusion(vector["index"], vector["size"], leaf, path, top)
        return
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(vector["index"], vector["size"], leaf, path, top)


@pytest.mark.parametrize(
    "vector", json.loads((VECTORS / "proofs.json").read_text())["consistency"], ids=lambda v: v["case"]
)
def test_consistency_vector(vector: dict[str, Any]) -> None:
    old, new = b64decode(vector["old_root"]), b64decode(vector["new_root"])
    path = [b64decode(value) for value in vector["path"]]
    if vector["ok"]:
        merkle.verify_consistency(vector["old"], vector["new"], path, old, new)
        return
    with pytest.raises(VerificationError):
        merkle.verify_consistency(vector["old"], vector["new"], path, old, new)


PUBLISHED = os.environ.get("PASSERBY_MERKLE_VECTORS")
"""A checkout of ``testdata`` of github.com/transparency-dev/merkle, where there is one."""


def accepts(kind: str, case: dict[str, Any]) -> bool:
    path = [b64decode(value) for value in case["proof"] or []]
    try:
        if kind == "inclusion":
            leaf, top = b64decode(case["leafHash"] or ""), b64decode(case["root"] or "")
            merkle.verify_inclusion(case["leafIdx"], case["treeSize"], leaf, path, top)
        else:
            old, new = b64decode(case["root1"] or ""), b64decode(case["root2"] or "")
            merkle.verify_consistency(case["size1"], case["size2"], path, old, new)
    except VerificationError:
        return False
    return True


@pytest.mark.skipif(not PUBLISHED, reason="PASSERBY_MERKLE_VECTORS names no copy of transparency-dev/merkle's testdata")
@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_published_vectors(kind: str) -> None:
    files = sorted((Path(PUBLISHED or "") / kind).rglob("*.json"))
    assert len(files) >= 90
    for file in files:
        case = json.loads(file.read_text())
        # theirs takes roots of any length where the sizes are equal; ours never does
        short = any(len(b64decode(case.get(name) or "")) not in {0, merkle.HASH_BYTES} for name in ("root1", "root2"))
        assert accepts(kind, case) == (not case["wantErr"] and not short), file

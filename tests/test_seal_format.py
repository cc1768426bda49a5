"""A pack is read back by enough authorities together, through the custodian's key, and says what stands in it."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.seal_tools import CAMERA, HOUR, ORIGIN, Memory, holders, parcel_of, read, sealed

import passerby
from passerby import sealing
from passerby.register import verify_inclusion
from passerby_seal.keys import read_policy
from passerby_seal.pieces import BucketContext, Pack, PackBytes, SealBucket, combine, open_piece
from passerby_seal.pieces.opening import custody_boxes

PIECES = (b"", b"one", b"x" * 16_384, b"y" * 40_000)


@pytest.mark.parametrize(("needed", "count"), [(2, 2), (2, 3), (3, 5), (4, 7), (7, 7)])
def test_any_m_of_n_open_what_was_sealed(needed: int, count: int) -> None:
    who = holders(needed, count)
    pack = read(sealed(who, *PIECES))
    boxes = custody_boxes(pack, who.custodian)
    parcels = [parcel_of(pack, who, boxes, authority, 1, 3) for authority in range(1, count + 1)]
    for some in list(combinations(parcels, needed))[:10]:
        keys = combine(some, who.requester, pack)
        opened = {number: open_piece(pack, number, key) for number, key in keys.items()}
        assert {number: one.data for number, one in opened.items()} == {1: PIECES[1], 3: PIECES[3]}
        assert opened[3].meta == {"codec": "test", "length": 40_000}


def test_every_piece_leads_to_a_root_that_goes_on_record() -> None:
    pack = read(sealed(holders(), *PIECES))
    for number, piece in pack.pieces.items():
        path = pack.path(number)
        verify_inclusion(path.index, len(path.tree.leaves), piece.leaf, path.path, path.tree.root)


def test_a_piece_knows_its_tree_among_many() -> None:
    who, memory = holders(), Memory()
    bucket = SealBucket(BucketContext(ORIGIN, CAMERA, HOUR), who.policy, who.custodian.public, memory)
    for number in range(9):
        bucket.open_piece().close({"number": number})
        if number in {1, 2, 6}:
            bucket.take_tree()
    pack = Pack.read(PackBytes(bytes(memory)), unfinished=True)
    trees = [pack.tree_of(number) for number in range(9)]
    assert [tree and tree.number for tree in trees] == [0, 0, 1, 2, 2, 2, 2, None, None]
    assert all(tree is None or pack.pieces[number].leaf in tree.leaves for number, tree in enumerate(trees))


@given(st.lists(st.binary(max_size=50_000), max_size=5))
def test_data_comes_back_however_it_was_cut(parts: list[bytes]) -> None:
    who = holders()
    whole = b"".join(parts)
    pack = read(sealed(who, whole))
    boxes = custody_boxes(pack, who.custodian)
    keys = combine([parcel_of(pack, who, boxes, authority, 0) for authority in (1, 3)], who.requester, pack)
    assert open_piece(pack, 0, keys[0]).data == whole


def test_without_the_distribution_nothing_can_be_sealed(tmp_path: Path) -> None:
    (tmp_path / "passerby").symlink_to(Path(passerby.__file__).parent, target_is_directory=True)
    script = "from passerby import sealing; print(sealing.installed()); sealing.load('files')"
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", script],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "False\n"
    assert "UsageError: sealing must be installed to be used" in done.stderr
    assert sealing.installed()
    assert sealing.load("keys").read_policy is read_policy

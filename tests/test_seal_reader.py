"""A second reader, in JavaScript and written from docs/seal-format.md alone, reads and refuses what this one does."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.needs import node_tools
from tests.seal_tools import CAMERA, HOUR, ORIGIN, Holders, Memory, holders, parcel_of, read, sealed

from passerby.errors import SealError
from passerby_seal.keys import CustodyKey, RequesterKey
from passerby_seal.pieces import (
    BucketContext,
    Pack,
    PackBytes,
    SealBucket,
    ShareParcel,
    combine,
    open_piece,
)
from passerby_seal.pieces.opening import custody_boxes

VECTORS = Path(__file__).parent / "vectors" / "seal.json"


def asked(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the other reader answers."""
    node, folder = node_tools("@noble/post-quantum", "@noble/curves", "@noble/ciphers", "@noble/hashes")
    done = subprocess.run(
        [node, str(folder / "seal_reader.mjs")], input=json.dumps(questions), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def question(who: Holders, data: bytes, authorities: tuple[int, ...], **more: object) -> dict[str, Any]:
    return {
        "pack": base64.b64encode(data).decode(),
        "custodian": who.custodian.seed.hex(),
        "authorities": {str(number): who.authorities[number - 1].seed.hex() for number in authorities},
        **more,
    }


def test_it_opens_what_is_sealed_here() -> None:
    contents = (b"", b"one", b"x" * 50_000)
    who, others = holders(3, 5), holders(2, 2)
    data = sealed(who, *contents)
    pack = read(data)
    boxes = custody_boxes(pack, who.custodian)
    parcels = [parcel_of(pack, who, boxes, authority, 0, 2).to_json().decode() for authority in (5, 1, 2)]
    by_parcels = {"pack": base64.b64encode(data).decode(), "requester": who.requester.seed.hex(), "parcels": parcels}
    told = asked([
        question(who, data, (1, 3, 4)),
        question(others, sealed(others, b"two of two"), (1, 2)),
        by_parcels,
        question(who, data, (2, 4)),
        question(who, data, ()),
        by_parcels | {"requester": others.requester.seed.hex()},
        question(who, data, (1, 3, 4), custodian=others.custodian.seed.hex()),
    ])  # fmt: skip
    assert {number: one["data"] for number, one in told[0]["pieces"].items()} == {
        str(number): hashlib.sha256(content).hexdigest() for number, content in enumerate(contents)
    }
    assert told[0]["roots"] == [tree.root.hex() for tree in pack.trees]
    assert {one["digest"] for one in told[0]["pieces"].values()} == {one.digest for one in pack.pieces.values()}
    assert told[0]["pieces"]["2"]["meta"] == {"codec": "test", "length": 50_000}
    assert told[1]["pieces"]["0"]["data"] == hashlib.sha256(b"two of two").hexdigest()
    assert sorted(told[2]["pieces"]) == ["0", "2"]
    assert [one.get("refused") for one in told[3:]] == ["few", "few", "foreign", "altered"]


def test_both_read_and_refuse_the_same_packs() -> None:
    """Damaged at random, by a fixed seed: what one reader refuses the other does, and what both read is the same."""
    who = holders()
    memory = Memory()
    with SealBucket(BucketContext(ORIGIN, CAMERA, HOUR), who.policy, who.custodian.public, memory) as bucket:
        writers = [bucket.open_piece() for _ in range(4)]
        for writer in reversed(writers):
            writer.write(b"data of a piece")
        for writer in writers[:3]:
            writer.close({"codec": "test", "number": writer.number})
            bucket.take_tree()
    good = bytes(memory)
    drawn = random.Random(19)
    damaged = [good, *(_damaged(good, drawn) for _ in range(120))]
    ours = [_read_here(data, who, unfinished=bool(index % 2)) for index, data in enumerate(damaged)]
    theirs = asked([question(who, data, (1, 2), unfinished=bool(index % 2)) for index, data in enumerate(damaged)])
    for index, (here, there) in enumerate(zip(ours, theirs, strict=True)):
        found = {int(number): one["data"] for number, one in there["pieces"].items()} if "pieces" in there else None
        assert found == here, f"pack {index}: {there}"
    assert sum(one is not None for one in ours) > 10
    assert sum(one is None for one in ours) > 70


def test_both_read_the_vectors() -> None:
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    data = base64.b64decode(vectors["pack"])
    pack = read(data)
    assert pack.binding.digest.hex() == vectors["context_digest"]
    assert [tree.root.hex() for tree in pack.trees] == vectors["roots"]
    requester = RequesterKey(bytearray.fromhex(vectors["requester"]), {"name": "requester"})
    for some in ((0, 1), (0, 2), (1, 2), (0, 1, 2)):
        parcels = [ShareParcel.from_json(vectors["parcels"][index].encode()) for index in some]
        for number, key in combine(parcels, requester, pack).items():
            expected = vectors["pieces"][str(number)]
            assert (key.commitment.hex(), key.stream.hex()) == (expected["commitment"], expected["stream_key"])
            opened = open_piece(pack, number, key)
            assert (hashlib.sha256(opened.data).hexdigest(), opened.meta) == (expected["data"], expected["meta"])
    damaged = [data[:end] for end in vectors["refused_when_cut_to"]]
    flips = vectors["refused_when_flipped"]
    damaged += [data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in flips]
    by_parcels = {"requester": vectors["requester"], "parcels": vectors["parcels"][1:]}
    two = {"1": vectors["authorities"][0], "3": vectors["authorities"][2]}
    told = asked([
        {"pack": vectors["pack"], "custodian": vectors["custodian"], "authorities": two},
        *({"pack": base64.b64encode(one).decode(), **by_parcels} for one in (data, *damaged)),
    ])  # fmt: skip
    for one in told[:2]:
        assert (one["C"], one["roots"]) == (vectors["context_digest"], vectors["roots"])
        for number, expected in vectors["pieces"].items():
            assert one["pieces"][number] == {name: value for name, value in expected.items() if name != "stream_key"}
    assert all("refused" in one for one in told[2:])
    for wrong in damaged:
        with pytest.raises(SealError):
            _open_all(wrong, vectors)


def _open_all(data: bytes, vectors: dict[str, Any]) -> None:
    pack = read(data)
    custodian = CustodyKey(bytearray.fromhex(vectors["custodian"]), {"camera": CAMERA, "hour": HOUR})
    custody_boxes(pack, custodian)
    pack.check()


def _damaged(good: bytes, drawn: random.Random) -> bytes:
    header = 16 + 5 + int.from_bytes(good[17:21], "big")
    at = drawn.randrange(header, len(good)) if drawn.random() < 0.9 else drawn.randrange(header)
    data = bytearray(good)
    match drawn.randrange(4):
        case 0:
            data[at] ^= 1 << drawn.randrange(8)
        case 1:
            del data[at:]
        case 2:
            records = _records(good)
            one, other = drawn.randrange(len(records)), drawn.randrange(len(records))
            records[one], records[other] = records[other], records[one]
            return good[:16] + b"".join(records)
        case _:
            records = _records(good)
            records.insert(drawn.randrange(1, len(records) + 1), records[drawn.randrange(len(records))])
            return good[:16] + b"".join(records)
    return bytes(data)


def _records(data: bytes) -> list[bytes]:
    found, at = [], 16
    while at < len(data):
        end = at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
        found.append(data[at:end])
        at = end
    return found


def _read_here(data: bytes, who: Holders, *, unfinished: bool) -> dict[int, str] | None:
    try:
        pack = Pack.read(PackBytes(data), unfinished=unfinished)
        if not pack.pieces:
            return {}
        boxes = custody_boxes(pack, who.custodian)
        keys = combine([parcel_of(pack, who, boxes, number, *pack.pieces) for number in (1, 2)], who.requester, pack)
        return {number: hashlib.sha256(open_piece(pack, number, key).data).hexdigest() for number, key in keys.items()}
    except SealError:
        return None

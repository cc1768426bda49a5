"""Makes seal.json: one pack of passerby-seal/1 with every private key, what stands in it, and damage that must be refused.

    python tests/vectors/make_seal.py > tests/vectors/seal.json

Boxes and keys are drawn at random, so that each run makes other vectors; what they show is the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.seal_tools import CAMERA, HOUR, ORIGIN, Holders, Memory, holders, parcel_of, read

from passerby_seal.pieces import BucketContext, SealBucket, combine, open_piece
from passerby_seal.pieces.context import FORMAT
from passerby_seal.pieces.opening import custody_boxes
from passerby_seal.pieces.shares import seeds_of

LONG = bytes(range(256)) * 80


def pack_of(who: Holders) -> bytes:
    """Return a pack of four pieces: one in several chunks, one given up, one without data, one short."""
    memory = Memory()
    with SealBucket(BucketContext(ORIGIN, CAMERA, HOUR), who.policy, who.custodian.public, memory) as bucket:
        long, left, empty, short = (bucket.open_piece() for _ in range(4))
        left.write(LONG)
        long.write(LONG)
        empty.close({"codec": "none"})
        bucket.take_tree()
        short.write(b"short")
        short.close({"codec": "none", "ümlaut": [1, None, True]})
        long.close({"codec": "none"})
    return bytes(memory)


def edges(data: bytes) -> list[int]:
    """Return where records begin."""
    found = [16]
    while found[-1] < len(data):
        found.append(found[-1] + 5 + int.from_bytes(data[found[-1] + 1 : found[-1] + 5], "big"))
    return found[:-1]


def main() -> None:
    """Write the vectors."""
    who = holders(2, 3)
    data = pack_of(who)
    pack = read(data)
    boxes = custody_boxes(pack, who.custodian)
    parcels = [parcel_of(pack, who, boxes, number, *sorted(pack.pieces)) for number in (1, 2, 3)]
    seeds: dict[int, str] = {}
    for index, key in enumerate(who.authorities):
        opened = (
            key.open(boxes.boxes[index], pack.binding.info(f"{FORMAT} authority") + bytes([index + 1])) or bytearray()
        )
        for place, number in enumerate(seeds_of(index + 1, 3, 2)):
            seeds[number] = opened[32 * place : 32 * place + 32].hex()
    keys = combine(parcels[:2], who.requester, pack)
    pieces = {}
    for number, piece_key in keys.items():
        found = open_piece(pack, number, piece_key)
        pieces[number] = {
            "commitment": piece_key.commitment.hex(),
            "data": hashlib.sha256(found.data).hexdigest(),
            "digest": pack.pieces[number].digest,
            "meta": found.meta,
            "stream_key": piece_key.stream.hex(),
        }
    begins = edges(data)
    told = json.dumps({
        "authorities": [key.seed.hex() for key in who.authorities],
        "context_digest": pack.binding.digest.hex(),
        "custodian": who.custodian.seed.hex(),
        "pack": base64.b64encode(data).decode(),
        "parcels": [parcel.to_json().decode() for parcel in parcels],
        "pieces": pieces,
        "refused_when_cut_to": [*begins, *(begin + 1 for begin in begins), len(data) - 1],
        "refused_when_flipped": [0, 16, *(begin + 6 for begin in begins), len(data) - 1],
        "requester": who.requester.seed.hex(),
        "roots": [tree.root.hex() for tree in pack.trees],
        "seeds": [seeds[number] for number in sorted(seeds)],
    }, indent=1, ensure_ascii=False)  # fmt: skip
    sys.stdout.write(told + "\n")


if __name__ == "__main__":
    main()

"""A pack that was damaged or made up is refused by its own error, within bounds of memory, and gives nothing out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.seal_tools import CAMERA, HOUR, ORIGIN, Memory, holders, parcel_of, read

from passerby.errors import SealError
from passerby_seal.keys import prefixed
from passerby_seal.pieces import (
    BucketContext,
    Pack,
    PackBytes,
    PieceKey,
    SealBucket,
    combine,
    open_piece,
)
from passerby_seal.pieces.context import Binding
from passerby_seal.pieces.layout import (
    HEAD_BYTES,
    MAGIC,
    MOST_BYTES,
    RecordKind,
    close_message,
    end_message,
    header_message,
    record,
    tree_message,
    u32,
)
from passerby_seal.pieces.opening import custody_boxes
from passerby_seal.refusals import (
    BucketClosedError,
    SealAlteredError,
    SealCutError,
    SealFormatError,
    SealOrderError,
)

WHO = holders()
CONTENT = {0: b"zero" * 5000, 1: b"one" * 9000, 3: b"three"}
"""Piece 2 is given up."""


def interleaved() -> bytes:
    memory = Memory()
    with SealBucket(BucketContext(ORIGIN, CAMERA, HOUR), WHO.policy, WHO.custodian.public, memory) as bucket:
        writers = [bucket.open_piece() for _ in range(3)]
        for begin in range(0, 27_000, 9000):
            writers[1].write(CONTENT[1][begin : begin + 9000])
            writers[0].write(CONTENT[0][begin : begin + 9000])
            writers[2].write(b"given up" * 1500)
        writers[2].write(b"given up" * 200)
        writers[1].close({"codec": "test"})
        bucket.take_tree()
        writers.append(bucket.open_piece())
        writers[3].write(CONTENT[3])
        writers[3].close({"codec": "test", "one": 1})
        writers[0].close({"codec": "test"})
    return bytes(memory)


@dataclass
class Cut:
    """A pack as its records, to be put together otherwise."""

    records: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, data: bytes) -> Cut:
        records, at = [], len(MAGIC)
        while at < len(data):
            length = HEAD_BYTES + int.from_bytes(data[at + 1 : at + HEAD_BYTES], "big")
            records.append(data[at : at + length])
            at += length
        return cls(records)

    def whole(self) -> bytes:
        return MAGIC + b"".join(self.records)

    def kind(self, index: int) -> RecordKind:
        return RecordKind(self.records[index][0])

    def of_kind(self, kind: RecordKind, piece: int | None = None) -> list[int]:
        return [
            index
            for index, raw in enumerate(self.records)
            if raw[0] == kind and piece in (None, int.from_bytes(raw[5:9], "big"))
        ]


GOOD = interleaved()
CUT = Cut.of(GOOD)
PACK = read(GOOD)


def made_keys() -> dict[int, PieceKey]:
    boxes = custody_boxes(PACK, WHO.custodian)
    return combine([parcel_of(PACK, WHO, boxes, authority, *CONTENT) for authority in (1, 2)], WHO.requester, PACK)


KEYS = made_keys()


def opened(data: bytes, *, unfinished: bool = False) -> Iterator[tuple[int, bytes]]:
    """Read a pack and open all that it holds with keys that are right."""
    pack = Pack.read(PackBytes(data), unfinished=unfinished)
    for number in pack.pieces:
        yield number, open_piece(pack, number, KEYS[number]).data


def refusal(data: bytes) -> type[SealError]:
    """Return by which error a pack is refused; whatever was given out before must be what was sealed."""
    try:
        for number, content in opened(data):
            assert content == CONTENT[number]
    except SealError as exc:
        return type(exc)
    pytest.fail("it was read")


def test_the_pack_is_right_before_it_is_damaged() -> None:
    assert dict(opened(GOOD)) == CONTENT
    assert PACK.unended == 1
    assert PACK.closed
    assert len(PACK.trees) == 2
    assert ONE[0] < ZERO[0], "pieces begin in the order of their first bytes, not of their numbers"
    PACK.check()


@given(st.integers(0, 8 * len(GOOD) - 1))
@settings(max_examples=300)
def test_a_flipped_bit_is_seen_wherever_it_is(bit: int) -> None:
    _assert_flip_is_seen(bit)


def test_a_flipped_bit_is_seen_in_every_byte_of_the_structure() -> None:
    at = len(MAGIC)
    for raw in CUT.records:
        kind = raw[0]
        structure = 46 if kind == RecordKind.CHUNK else 60 if kind == RecordKind.HEADER else len(raw)
        for byte in range(0, structure, 1 if kind != RecordKind.CHUNK else 3):
            _assert_flip_is_seen(8 * (at + byte) + byte % 8)
        at += len(raw)


def _assert_flip_is_seen(bit: int) -> None:
    data = bytearray(GOOD)
    data[bit // 8] ^= 1 << bit % 8
    at = len(MAGIC)
    for raw in CUT.records:
        inside = bit // 8 - at
        if raw[0] == RecordKind.CHUNK and raw[5:9] == u32(2) and HEAD_BYTES + 8 < inside < len(raw):
            assert dict(opened(bytes(data))) == CONTENT, "the piece was given up and is never read"
            return
        at += len(raw)
    assert issubclass(refusal(bytes(data)), SealFormatError | SealCutError | SealOrderError | SealAlteredError)


def test_a_pack_that_was_cut_off_is_refused_at_every_edge() -> None:
    edges = [len(MAGIC)]
    for raw in CUT.records:
        edges.append(edges[-1] + len(raw))
    for edge in edges[:-1]:
        for end in (edge - 1, edge, edge + 1, edge + HEAD_BYTES, edge + HEAD_BYTES + 9):
            assert refusal(GOOD[:end]) is SealCutError, end
    assert refusal(b"") is SealCutError
    assert refusal(GOOD + b"\0") is SealCutError
    assert refusal(GOOD[:-1]) is SealCutError


def test_an_unfinished_pack_gives_its_ended_pieces_and_no_other() -> None:
    edge = len(MAGIC) + sum(map(len, CUT.records[: CUT.of_kind(RecordKind.TREE)[0] + 1]))
    for end in (edge, edge + 3, edge + 40):
        assert dict(opened(GOOD[:end], unfinished=True)) == {1: CONTENT[1]}
    for end in range(len(MAGIC)):
        with pytest.raises(SealCutError):
            Pack.read(PackBytes(GOOD[:end]), unfinished=True)


def moved(change: Callable[[list[bytes]], None]) -> bytes:
    cut = Cut(list(CUT.records))
    change(cut.records)
    return cut.whole()


def renumbered(raw: bytes, piece: int | None = None, sequence: int | None = None) -> bytes:
    raw = raw if piece is None else raw[:5] + u32(piece) + raw[9:]
    return raw if sequence is None else raw[:9] + u32(sequence) + raw[13:]


ZERO, ONE = CUT.of_kind(RecordKind.CHUNK, 0), CUT.of_kind(RecordKind.CHUNK, 1)
ENDS, TREES = CUT.of_kind(RecordKind.END), CUT.of_kind(RecordKind.TREE)
FIRST = HEAD_BYTES + 9
"""Of a piece's first chunk: where the commitment stands."""


def swap(records: list[bytes], one: int, other: int) -> None:
    records[one], records[other] = records[other], records[one]


def swap_ciphertexts(records: list[bytes]) -> None:
    """Exchange what two chunks hold, under the heads that were there."""
    one, other = records[ONE[0]], records[ZERO[0]]
    size = min(len(one), len(other))
    assert len(one) == len(other) == size
    records[ONE[0]], records[ZERO[0]] = one[:FIRST] + other[FIRST:], other[:FIRST] + one[FIRST:]


def move_patch(records: list[bytes]) -> None:
    """Put a chunk of another piece in the place of one."""
    records[ONE[1]] = renumbered(records[ZERO[1]], piece=1)


def swap_pieces(records: list[bytes]) -> None:
    """Renumber two pieces as one another, ends included."""
    for index, raw in enumerate(records):
        if raw[0] in (RecordKind.CHUNK, RecordKind.END) and raw[5:9] in (u32(0), u32(1)):
            records[index] = renumbered(raw, piece=1 - int.from_bytes(raw[5:9], "big"))
    swap(records, ZERO[0], ONE[0])


def inject_piece(records: list[bytes]) -> None:
    """Add a whole piece of another pack that the same people hold."""
    records[-2:-2] = [
        renumbered(records[index], piece=4)
        for index in (*CUT.of_kind(RecordKind.CHUNK, 3), *CUT.of_kind(RecordKind.END, 3))
    ]


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (lambda r: swap(r, ONE[0], ONE[1]), SealOrderError),
        (lambda r: swap(r, ONE[1], ENDS[0]), SealOrderError),
        (lambda r: swap(r, ENDS[0], TREES[0]), SealOrderError),
        (lambda r: swap(r, ENDS[1], ENDS[2]), SealOrderError),
        (lambda r: swap(r, 0, 1), SealOrderError),
        (lambda r: swap(r, -1, -2), SealOrderError),
        (lambda r: r.insert(ONE[1], r[ONE[0]]), SealOrderError),
        (lambda r: r.insert(ENDS[0] + 1, r[ENDS[0]]), SealOrderError),
        (lambda r: r.insert(ENDS[0] + 1, renumbered(r[ONE[1]], sequence=len(ONE))), SealOrderError),
        (lambda r: r.insert(ENDS[0], renumbered(r[ONE[1]], sequence=len(ONE))), SealOrderError),
        (lambda r: r.insert(1, r[0]), SealOrderError),
        (lambda r: r.append(r[-1]), SealOrderError),
        (lambda r: r.append(r[ONE[0]]), SealOrderError),
        (lambda r: r.pop(ONE[0]), SealOrderError),
        (lambda r: r.pop(ONE[1]), SealOrderError),
        (lambda r: r.pop(ENDS[0]), SealOrderError),
        (lambda r: r.pop(TREES[1]), SealOrderError),
        (lambda r: r.pop(0), SealOrderError),
        (lambda r: r.pop(-1), SealCutError),
        (swap_ciphertexts, SealAlteredError),
        (move_patch, SealAlteredError),
        (swap_pieces, SealAlteredError),
        (inject_piece, SealOrderError),
    ],
)
def test_records_in_another_order_are_refused(change: Callable[[list[bytes]], None], refused: type[SealError]) -> None:
    assert refusal(moved(change)) is refused


RECORDS = st.one_of(
    st.builds(record, st.sampled_from(RecordKind), st.binary(max_size=200)),
    st.sampled_from(CUT.records),
    st.builds(
        renumbered,
        st.sampled_from([CUT.records[index] for index in (*ZERO, *ONE)]),
        st.integers(0, 4),
        st.integers(0, 4),
    ),
    st.binary(max_size=40),
)


@given(st.lists(RECORDS, max_size=12), st.integers(0, len(CUT.records)))
def test_no_other_row_of_records_gives_anything_else(made: list[bytes], kept: int) -> None:
    data = Cut([*CUT.records[:kept], *made]).whole()
    try:
        for number, content in opened(data, unfinished=True):
            assert content == CONTENT[number]
    except SealError:
        return


class Forger:
    """Writes packs of any structure under a signing key of its own: whoever makes a whole pack up has one."""

    def __init__(self) -> None:
        self.signer = Ed25519PrivateKey.generate()
        context = BucketContext(ORIGIN, CAMERA, HOUR)
        raw = self.signer.public_key().public_bytes_raw()
        self.binding = Binding(context, WHO.policy.digest, WHO.custodian.public.digest, raw)
        policy, outer = WHO.policy.to_json(), bytes(1136)
        signature = self.signer.sign(header_message(self.binding, policy, outer))
        self.header = record(RecordKind.HEADER, prefixed(self.binding.json, policy, outer) + signature)

    def write(self, step: tuple[str, int, int, int]) -> bytes:
        kind, one, two, size = step
        if kind == "chunk":
            return record(RecordKind.CHUNK, u32(one, two) + bytes([size % 2]) + bytes(32 * (not two) + 16 + size))
        if kind == "close":
            signature = self.signer.sign(close_message(self.binding, one, two, size))
            return record(RecordKind.CLOSE, u32(one, two, size) + signature)
        if kind == "end":
            signature = self.signer.sign(end_message(self.binding, one, two, bytes(32)))
            return record(RecordKind.END, u32(one, two) + bytes(32) + signature)
        signature = self.signer.sign(tree_message(self.binding, one, two, bytes(32)))
        return record(RecordKind.TREE, u32(one, two) + bytes(32) + signature)


FORGER = Forger()
STEPS = st.tuples(
    st.sampled_from(["chunk", "chunk", "chunk", "end", "end", "tree", "close"]),
    st.integers(0, 2), st.integers(0, 2), st.integers(0, 3),
)  # fmt: skip


def follows(steps: list[tuple[str, int, int, int]]) -> set[int] | None:
    """Return which pieces a row of steps ends, or None where it does not follow the format; written anew, from its page."""
    chunks: dict[int, int] = {}
    last: set[int] = set()
    ended: set[int] = set()
    for place, (kind, one, two, size) in enumerate(steps):
        if kind == "chunk":
            if chunks.get(one, 0) != two or one in last or not size:
                return None
            chunks[one] = two + 1
            last |= {one} if size % 2 else set()
        elif kind == "end":
            if one not in last - ended or chunks[one] != two:
                return None
            ended.add(one)
        elif kind == "tree":
            return None  # its root is not over what stands before it
        else:
            right = one > max(chunks, default=-1) and (two, size) == (len(ended), 0)
            return ended if right and place == len(steps) - 1 else None
    return ended


@given(st.lists(STEPS, max_size=8))
@settings(max_examples=300)
def test_a_pack_that_was_made_up_is_read_only_where_it_follows(steps: list[tuple[str, int, int, int]]) -> None:
    data = MAGIC + FORGER.header + b"".join(map(FORGER.write, steps))
    expected = follows(steps)
    try:
        pack = Pack.read(PackBytes(data), unfinished=True)
    except SealError:
        assert expected is None
        return
    assert set(pack.pieces) == expected
    for number in pack.pieces:  # its digest is made up as well
        with pytest.raises(SealAlteredError):
            pack.check_piece(number)


@dataclass
class Counted:
    """A pack that says how much of it was read, and at most how much at once."""

    data: bytes
    size: int
    read: int = 0
    most: int = 0

    def read_at(self, offset: int, length: int) -> bytes:
        self.read += length
        self.most = max(self.most, length)
        return self.data[offset : offset + length].ljust(min(length, max(0, self.size - offset)), b"\0")


@pytest.mark.parametrize(
    ("after", "refused"),
    [
        (bytes([RecordKind.CHUNK]) + u32(0xFFFFFFFF), SealFormatError),
        (bytes([RecordKind.CHUNK]) + u32(65_600), SealFormatError),
        (bytes([RecordKind.HEADER]) + u32(65_537), SealFormatError),
        (bytes([RecordKind.END]) + u32(105), SealFormatError),
        (record(RecordKind.CHUNK, u32(1 << 18, 0) + bytes(100)), SealFormatError),
        (record(RecordKind.CHUNK, u32(0, 4096) + bytes(100)), SealFormatError),
        (record(RecordKind.CHUNK, u32(0, 0) + b"\2" + bytes(100)), SealFormatError),
        (record(RecordKind.CHUNK, u32(0, 0) + bytes(1 + 32 + 16)), SealFormatError),
        (bytes([6]) + u32(1) + b"x", SealFormatError),
        (bytes([0]) + u32(0), SealFormatError),
    ],
)
def test_bounds_are_held_before_memory_is_taken(after: bytes, refused: type[SealError]) -> None:
    start = MAGIC + CUT.records[0] + after
    source = Counted(start, MOST_BYTES)
    with pytest.raises(refused):
        Pack.read(source)
    assert source.most <= 65_536
    assert source.read < 100_000
    with pytest.raises(SealFormatError, match="at most"):
        Pack.read(Counted(start, MOST_BYTES + 1))


def test_a_header_beyond_its_parts_is_refused() -> None:
    for body in (b"", u32(0xFFFFFFFF) * 30, u32(0) * 3 + bytes(64), bytes(64), bytes(65_536)):
        data = MAGIC + record(RecordKind.HEADER, body)
        with pytest.raises(SealFormatError):
            read(data)


class Failing(Memory):
    """A store that fails from a byte on."""

    room = 0

    def append(self, data: bytes) -> None:  # type: ignore[override]  # a sink takes bytes
        if len(self) + len(data) > self.room:
            raise OSError(28, "No space left on device")
        super().append(data)


def test_a_store_that_fails_ends_the_bucket_and_leaves_no_key() -> None:
    sink = Failing()
    sink.room = 40_000
    bucket = SealBucket(BucketContext(ORIGIN, CAMERA, HOUR), WHO.policy, WHO.custodian.public, sink)
    writers = [bucket.open_piece() for _ in range(3)]
    writers[0].write(b"x" * 5000)
    with pytest.raises(OSError, match="No space"):
        writers[1].write(b"x" * 50_000)
    assert bucket.closed
    assert all(writer.closed for writer in writers)
    for call in (bucket.open_piece, bucket.take_tree, lambda: writers[0].write(b"x"), lambda: writers[2].close({})):
        with pytest.raises(BucketClosedError):
            call()
    assert bucket.close() is None
    assert dict(Pack.read(PackBytes(bytes(sink)), unfinished=True).pieces) == {}

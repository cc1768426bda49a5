"""Whatever bytes come from outside, a parser answers or raises its one error; and what it reads, it writes the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from passerby.errors import EntryError, FormatError
from passerby.register import FileSigner, Policy, Proof, VerifierKey, decode_entry, encode_entry
from passerby.register.notes.checkpoint import Checkpoint, cosign
from passerby.register.notes.note import COSIGNATURE, sign_note, split_note
from passerby.register.tiles.tiles import WIDTH, pack_bundle, tile_path, unpack_bundle
from passerby.register.witness.witness import CosignRequest

LOG = FileSigner("example.com/log", 1, b"l" * 32)
WITNESS = FileSigner("w.example", COSIGNATURE, b"w" * 32)
TEXT = Checkpoint("example.com/log", 5, b"r" * 32).to_text()
NOTE = sign_note(TEXT, [LOG]) + cosign(TEXT, WITNESS, 7).to_line().encode()
PROOF = Proof(3, (b"a" * 32, b"b" * 32), NOTE, b"entry").to_text().encode()
POLICY = f"log {LOG.key}\nwitness w {WITNESS.key} https://w.example\ngroup g 1 w\nquorum g\n".encode()
REQUEST = b"old 3\n" + b"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\n\n" + NOTE
KEY_FILE = b"PRIVATE+KEY+example.com/log+87ed5b3b+AWxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxs\n"
ENTRY = b'{"at":"2026-11-23T16:30:00Z","kind":"remark","text":"caf\xc3\xa9","v":1}'


@st.composite
def mangled(draw: st.DrawFn, seed: bytes) -> bytes:
    """A good input with a few bytes cut, put in, or changed: it comes much further than noise does."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        what = draw(st.sampled_from(["cut", "put", "set", "repeat"]))
        if what == "cut":
            del data[at : at + draw(st.integers(1, 40))]
        elif what == "put":
            data[at:at] = draw(
                st.binary(max_size=8) | st.sampled_from([b"\n", b"\n\n", b" ", b"+", b"0", b"\x00", b"=", b"-"])
            )
        elif what == "set" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        else:
            data[at:at] = data[max(0, at - 30) : at]
    return bytes(data)


@given(st.binary(max_size=300) | mangled(NOTE))
def test_note(raw: bytes) -> None:
    try:
        text, signatures = split_note(raw)
    except FormatError:
        return
    assert f"{text}\n{''.join(s.to_line() for s in signatures)}".encode() == raw


@given(st.binary(max_size=300) | mangled(TEXT.encode()))
def test_checkpoint(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    try:
        assert Checkpoint.parse(text).to_text() == text
    except FormatError:
        return


@given(st.binary(max_size=300) | mangled(str(LOG.key).encode()))
def test_verifier_key(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    try:
        assert str(VerifierKey.parse(text)) == text
    except FormatError:
        return


@given(st.binary(max_size=300) | mangled(KEY_FILE))
@example(b"PRIVATE+KEY+x+00000000+AQ==")
def test_key_file(raw: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "key"
        path.write_bytes(raw)
        path.chmod(0o600)
        try:
            signer = FileSigner.load(path)
        except FormatError:
            return
        signer.save(Path(folder) / "again")
        assert raw in {(again := (Path(folder) / "again").read_bytes()), again[:-1]}


@given(st.binary(max_size=300) | mangled(PROOF))
def test_proof(raw: bytes) -> None:
    try:
        assert Proof.parse(raw).to_text().encode() == raw
    except FormatError:
        return


@given(st.binary(max_size=300) | mangled(POLICY))
def test_policy(raw: bytes) -> None:
    try:
        found = Policy.parse(raw.decode("utf-8", "replace"))
    except FormatError:
        return
    assert Policy.parse(found.to_text()) == Policy(found.logs, found.witnesses, found.groups, found.quorum)


@given(st.binary(max_size=300) | mangled(REQUEST))
def test_witness_request(raw: bytes) -> None:
    try:
        request = CosignRequest.parse(raw)
    except FormatError:
        return
    assert raw.startswith(f"old {request.old}\n".encode())
    assert raw.endswith(b"\n\n" + request.note)


@given(st.binary(max_size=300) | mangled(ENTRY))
def test_entry(raw: bytes) -> None:
    try:
        entry = decode_entry(raw)
    except EntryError:
        return
    assert encode_entry(entry) == raw


@given(st.lists(st.binary(max_size=300), max_size=WIDTH))
def test_bundle_reads_back(entries: list[bytes]) -> None:
    data = pack_bundle(entries)
    assert unpack_bundle(data, len(entries)) == entries
    for wrong in (data + b"\x00", data[:-1]) if data else (b"\x00",):
        with pytest.raises(FormatError, match="entry bundle must hold"):
            unpack_bundle(wrong, len(entries))


@given(st.binary(max_size=300), st.integers(0, WIDTH))
def test_bundle(raw: bytes, count: int) -> None:
    try:
        assert pack_bundle(unpack_bundle(raw, count)) == raw
    except FormatError:
        return


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 10**12), st.integers(1, WIDTH))
def test_tile_path_has_its_parts(level: int | None, index: int, width: int) -> None:
    parts = tile_path(level, index, width).split("/")
    assert parts[:2] == ["tile", "entries" if level is None else str(level)]
    digits = "".join(part.lstrip("x").removesuffix(".p") for part in (parts[2:] if width == WIDTH else parts[2:-1]))
    assert int(digits) == index
    assert width == WIDTH or parts[-1] == str(width)

"""The index of a recording: locked as it is made, read for one camera, one request in the log and ten minutes, gone in time."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.seal_tools import CAMERA, HOUR, ORIGIN

from passerby.gateway.stream.recording_files import add_part, delete_recording, file_name, index_of
from passerby.register import (
    Commitment,
    Entry,
    FileSigner,
    Policy,
    Proof,
    ProvenEntry,
    Remark,
    RequestReceived,
    encode_entry,
    require,
)
from passerby.register.notes.checkpoint import Checkpoint, cosign
from passerby.register.notes.note import COSIGNATURE, sign_note
from passerby.register.tiles.merkle import leaf_hash
from passerby.sealing import IndexPart
from passerby_seal import pointing
from passerby_seal.keys import CustodyKey
from passerby_seal.pointing import (
    INDEX_FORMAT,
    AskedSpan,
    IndexWriter,
    PartHeader,
    PointedFace,
    pieces_at,
    read_index,
)
from passerby_seal.pointing.index_part import PART_NS, parse_part
from passerby_seal.refusals import (
    IndexSpanError,
    NotOnRecordError,
    SealAlteredError,
    SealFormatError,
    WrongCameraError,
    WrongCustodyKeyError,
)

BEGIN = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
BEGIN_NS = int(BEGIN.timestamp()) * 10**9
S = 10**9
KEY, OTHER_KEY = (CustodyKey.make(camera=CAMERA, hour=HOUR) for _ in range(2))
BUCKET = "ab" * 16
WITNESS = FileSigner("w.example", COSIGNATURE, b"w" * 32)
LEFT, RIGHT = (0.1, 0.2, 0.3, 0.4), (0.6, 0.2, 0.8, 0.4)


def proven(entry: Entry, *, origin: str = ORIGIN, witnessed: bool = True) -> ProvenEntry:
    """Return an entry as a log with one witness proves it."""
    log, data = FileSigner(origin, 1, b"l" * 32), encode_entry(entry)
    text = Checkpoint(origin, 1, leaf_hash(data)).to_text()
    note = sign_note(text, [log])
    seen_s = int(BEGIN.timestamp())
    if witnessed:
        note += cosign(text, WITNESS, seen_s).to_line().encode()
    quorum = f"witness w {WITNESS.key}\nquorum w\n" if witnessed else "quorum none\n"
    policy = Policy.parse(f"log {log.key}\n{quorum}")
    return require(Proof(0, (), note, None), data, policy, now=BEGIN + timedelta(minutes=1))


def request(camera: str | None = CAMERA) -> RequestReceived:
    details = Commitment(digest="sha256:" + "0" * 64, reveal_by=BEGIN + timedelta(days=30))
    return RequestReceived(at=BEGIN, case="1" * 32, position="act-2024", details=details, camera=camera)


REQUEST = proven(request())


def header(number: int, begin_ms: int, end_ms: int) -> PartHeader:
    return PartHeader(begin_ms, end_ms, BUCKET, CAMERA, KEY.public.digest, INDEX_FORMAT, HOUR, number, ORIGIN)


def parts(seconds: int, *, every_s: float = 0.08) -> list[IndexPart]:
    """Return the index of two faces that stand still for a time, in a new piece every minute."""
    writer, made = IndexWriter(header, KEY.public), []
    for step in range(int(seconds / every_s)):
        now_ns = BEGIN_NS + round(step * every_s * S)
        minute = int(step * every_s // 60)
        writer.note(now_ns, LEFT, 2 * minute)
        writer.note(now_ns, RIGHT, 2 * minute + 1)
        made.append(writer.due(now_ns))
    return [part for part in (*made, writer.close()) if part is not None]


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A camera's folder with two recordings of ten minutes each and the index of the first fifteen."""
    for at_s in (0, 600):
        (tmp_path / file_name(BEGIN_NS + at_s * S)).write_bytes(b"veiled")
    for part in parts(900):
        assert add_part(tmp_path, part)
    return tmp_path


def asked(begin_s: float, end_s: float) -> AskedSpan:
    return AskedSpan(BEGIN + timedelta(seconds=begin_s), BEGIN + timedelta(seconds=end_s))


def rows(folder: Path, span: AskedSpan, entry: ProvenEntry = REQUEST, key: CustodyKey = KEY) -> list[PointedFace]:
    return read_index(folder, entry, span, lambda _: key)


def test_a_figure_in_a_frame_leads_to_its_piece(recordings: Path) -> None:
    found = rows(recordings, asked(0, 600))
    for at_s, minute in ((0.3, 0), (59.0, 0), (61.0, 1), (599.0, 9)):
        at = BEGIN + timedelta(seconds=at_s)
        assert pieces_at(found, at, 0.2, 0.3) == {(BUCKET, 2 * minute)}
        assert pieces_at(found, at, 0.7, 0.3) == {(BUCKET, 2 * minute + 1)}
        assert pieces_at(found, at, 0.5, 0.3) == set()


def test_nothing_outside_what_was_asked_for_is_given_out(recordings: Path) -> None:
    begin_ms = BEGIN_NS // 10**6
    found = rows(recordings, asked(590, 650))
    assert {row.piece // 2 for row in found} == {9, 10}
    assert all(begin_ms + 590_000 <= row.at_ms <= begin_ms + 650_000 for row in found)
    assert rows(recordings, asked(2000, 2100)) == []


def test_at_rest_it_tells_of_nobody(recordings: Path) -> None:
    data = b"".join(index_of(path).read_bytes() for path in recordings.glob("*.mp4"))
    assert len(parts(900)) >= 15, "no part holds more than a minute"
    assert data.count(b'"begin_ms"') == len(parts(900))
    assert b"piece" not in data
    first = parse_part(base64.b64decode(parts(60)[0].data))
    assert first[0].end_ms - first[0].begin_ms <= PART_NS // 10**6
    # where nobody walks the rows would repeat each other; locked they do not
    blocks = [first[1][at : at + 16] for at in range(0, len(first[1]), 16)]
    assert len(set(blocks)) == len(blocks)


@pytest.mark.parametrize(("begin_s", "end_s"), [(0, 600.001), (0, 86_400), (5, 5), (9, 3)])
def test_more_than_ten_minutes_are_refused(begin_s: float, end_s: float) -> None:
    with pytest.raises(IndexSpanError, match="up to 10 minutes at once"):
        asked(begin_s, end_s)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (proven(Remark(at=BEGIN, text="a remark")), "by a request in the log that names its camera, got remark"),
        (proven(request(None)), "names its camera"),
        (proven(request(), witnessed=False), "seen by witnesses"),
    ],
)
def test_without_a_request_in_the_log_it_stays_locked(recordings: Path, entry: ProvenEntry, words: str) -> None:
    with pytest.raises(NotOnRecordError, match=words):
        rows(recordings, asked(0, 60), entry)


@pytest.mark.parametrize("entry", [proven(request("2" * 32)), proven(request(), origin="other.example/log")])
def test_a_request_for_another_camera_or_in_another_log_opens_nothing(recordings: Path, entry: ProvenEntry) -> None:
    with pytest.raises(WrongCameraError, match="must be of camera"):
        rows(recordings, asked(0, 60), entry)


def test_another_key_opens_nothing(recordings: Path) -> None:
    with pytest.raises(WrongCustodyKeyError, match=HOUR):
        rows(recordings, asked(0, 60), key=OTHER_KEY)


def test_a_part_that_was_moved_to_another_recording_is_refused(recordings: Path) -> None:
    first, second = (index_of(path) for path in sorted(recordings.glob("*.mp4")))
    first.write_bytes(second.read_bytes())
    with pytest.raises(SealAlteredError, match="what begins in its recording"):
        rows(recordings, asked(600, 660))


@settings(max_examples=60)
@given(st.data())
def test_a_bit_that_was_flipped_or_a_byte_that_is_missing_is_refused(data: st.DataObject) -> None:
    whole = base64.b64decode(parts(30)[0].data)
    at = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    altered = (
        whole[:at] if cut else whole[:at] + bytes([whole[at] ^ 1 << data.draw(st.integers(0, 7))]) + whole[at + 1 :]
    )
    try:
        found, box = parse_part(altered)
    except SealFormatError:
        return
    assert KEY.open(box, found.info) is None


def test_a_header_bound_to_other_words_opens_nothing() -> None:
    found, box = parse_part(base64.b64decode(parts(30)[0].data))
    assert KEY.open(box, found.info) is not None
    for other in (
        replace(found, camera="3" * 32),
        replace(found, hour="2026-11-30T11"),
        replace(found, origin="other.example/log"),
        replace(found, number=7),
        replace(found, begin_ms=found.begin_ms + 1),
        replace(found, bucket="cd" * 16),
    ):
        assert KEY.open(box, other.info) is None


def test_an_index_that_is_cut_off_is_refused(recordings: Path) -> None:
    index = index_of(min(recordings.glob("*.mp4")))
    data = index.read_bytes()
    for cut in (2, 5, len(data) - 1):
        index.write_bytes(data[:cut])
        with pytest.raises(SealFormatError, match="is cut off"):
            rows(recordings, asked(0, 60))


def test_it_is_gone_with_the_recording_and_one_without_a_recording_is_none(recordings: Path) -> None:
    first = min(recordings.glob("*.mp4"))
    delete_recording(first)
    assert not index_of(first).exists()
    assert rows(recordings, asked(0, 599)) == []
    assert rows(recordings, asked(600, 700))
    second = min(recordings.glob("*.mp4"))
    second.unlink()
    assert rows(recordings, asked(600, 900)) == []


def test_there_is_no_way_to_read_a_whole_index_or_to_follow_a_figure() -> None:
    assert sorted(pointing.__all__) == [
        "AskedSpan",
        "INDEX_FORMAT",
        "IndexWriter",
        "MakeHeader",
        "PartHeader",
        "PointedFace",
        "pieces_at",
        "read_index",
    ]
    assert {"track", "dwell", "path"}.isdisjoint(PointedFace.__slots__)

"""The index of a recording: locked as it is made, read for one camera, one request in the log and ten minutes, gone in time."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.seal_tools import CAMERA, HOUR, ORIGIN, Memory, holders

from passerby.cli import main
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
    commit,
    decode_entry,
    encode_entry,
    entry_from_fields,
    require,
)
from passerby.register.notes.checkpoint import Checkpoint, cosign
from passerby.register.notes.note import COSIGNATURE, sign_note
from passerby.register.tiles.merkle import leaf_hash
from passerby.sealing import IndexPart
from passerby_seal import pointing
from passerby_seal.keys import CustodyKey
from passerby_seal.pieces import BucketContext, Pack, PackBytes, SealBucket, index_message
from passerby_seal.pointing import (
    INDEX_FORMAT,
    IndexWriter,
    PartHeader,
    PointedFace,
    RequestDetails,
    pieces_at,
    read_index,
)
from passerby_seal.pointing.index_part import MOST_ROWS, ROOM, parse_part
from passerby_seal.pointing.reading import AskedSpan
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
BUCKET, OTHER_BUCKET = "ab" * 16, "cd" * 16
SALT = "5a" * 32
MINUTE_0 = BEGIN_NS // (60 * S)
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


def request(details: RequestDetails, camera: str | None = CAMERA) -> RequestReceived:
    fixed = Commitment(digest=commit(details.value, details.salt), reveal_by=BEGIN + timedelta(days=30))
    return RequestReceived(at=BEGIN, case="1" * 32, position="act-2024", details=fixed, camera=camera)


def bucket_of(identifier: str) -> tuple[SealBucket, Pack]:
    """Return a bucket of the camera and its pack, as far as it is written."""
    memory = Memory()
    context = BucketContext(ORIGIN, CAMERA, HOUR, bytes.fromhex(identifier))
    bucket = SealBucket(context, holders().policy, KEY.public, memory)
    return bucket, Pack.read(PackBytes(bytes(memory)), unfinished=True)


(SEALING, PACK), (FOREIGN, FOREIGN_PACK) = bucket_of(BUCKET), bucket_of(OTHER_BUCKET)
PACKS = {BUCKET: PACK, OTHER_BUCKET: FOREIGN_PACK}


def header(number: int, minute: int) -> PartHeader:
    return PartHeader(BUCKET, CAMERA, KEY.public.digest, INDEX_FORMAT, HOUR, minute, number, ORIGIN)


def writer_of(bucket: SealBucket = SEALING) -> IndexWriter:
    return IndexWriter(header, KEY.public, bucket.sign_index, range(MINUTE_0, MINUTE_0 + 60))


def parts(seconds: int, *, every_s: float = 0.08, bucket: SealBucket = SEALING) -> list[IndexPart]:
    """Return the index of two faces that stand still for a time, in a new piece every minute."""
    writer, made = writer_of(bucket), []
    for step in range(int(seconds / every_s)):
        now_ns = BEGIN_NS + round(step * every_s * S)
        minute = int(step * every_s // 60)
        writer.note(now_ns, LEFT, 2 * minute)
        writer.note(now_ns, RIGHT, 2 * minute + 1)
        made += writer.due(now_ns)
    return made + writer.close()


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A camera's folder with two recordings of ten minutes each and the index of the first fifteen."""
    for at_s in (0, 600):
        (tmp_path / file_name(BEGIN_NS + at_s * S)).write_bytes(b"veiled")
    for part in parts(900):
        assert add_part(tmp_path, part)
    return tmp_path


def asked(begin_s: float, end_s: float, camera: str = CAMERA) -> RequestDetails:
    begin, end = ((BEGIN + timedelta(seconds=at_s)).isoformat() for at_s in (begin_s, end_s))
    return RequestDetails(json.dumps({"begin": begin, "camera": camera, "end": end, "why": "a child"}), SALT)


MINUTE = asked(0, 60)


def rows(
    folder: Path, details: RequestDetails, entry: ProvenEntry | None = None, key: CustodyKey = KEY
) -> list[PointedFace]:
    entry = entry or proven(request(details))
    return read_index(folder, entry, details, lambda _: key, lambda said: PACKS[said.bucket])


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
    assert data.count(b'"minute"') == len(parts(900))
    assert b"piece" not in data
    assert b"_ms" not in data
    first = parse_part(base64.b64decode(parts(60)[0].data))
    assert first.header.end_ms - first.header.begin_ms == 60_000
    # where nobody walks the rows would repeat each other; locked they do not
    blocks = [first.box[at : at + 16] for at in range(0, len(first.box), 16)]
    assert len(set(blocks)) == len(blocks)


def made_by(*notes: tuple[float, int], until_s: float = 200.0) -> list[IndexPart]:
    """Return the parts of a bucket that begins at 0 and ends at a time, with notes of pieces at times."""
    writer, made = writer_of(), []
    for at_s, piece in notes:
        made += writer.due(BEGIN_NS + round(at_s * S))
        writer.note(BEGIN_NS + round(at_s * S), LEFT, piece)
    made += writer.due(BEGIN_NS + round(until_s * S))
    return made + writer.close()


@given(st.lists(st.tuples(st.floats(0, 199), st.integers(0, 9)), max_size=40))
def test_from_outside_nobody_sees_whether_or_when_somebody_passed(notes: list[tuple[float, int]]) -> None:
    quiet, busy = made_by(), made_by(*sorted(notes))
    assert len(quiet) == len(busy) == 4
    for one, other in zip(quiet, busy, strict=True):
        assert one.begin_ns == other.begin_ns
        first, second = (parse_part(base64.b64decode(part.data)) for part in (one, other))
        assert first.header == second.header
        assert len(first.box) == len(second.box)


def test_a_part_has_room_in_steps(tmp_path: Path) -> None:
    sizes = set()
    for count in (0, 1, ROOM, ROOM + 1, 2 * ROOM, 2 * ROOM + 1):
        (part,) = made_by(*((5.0, piece) for piece in range(count)), until_s=6.0)
        sizes.add(len(base64.b64decode(part.data)))
        (tmp_path / file_name(BEGIN_NS)).write_bytes(b"veiled")
        assert add_part(tmp_path, part)
        assert len(rows(tmp_path, MINUTE)) == count
        index_of(tmp_path / file_name(BEGIN_NS)).unlink()
    assert len(sizes) == 3
    (full,) = made_by(*((5.0, piece) for piece in range(MOST_ROWS + 5)), until_s=6.0)
    assert len(base64.b64decode(full.data)) < 17 * MOST_ROWS


def test_what_comes_after_its_minute_is_made_is_left_out() -> None:
    writer = writer_of()
    assert writer.due(BEGIN_NS + 74 * S) == []
    assert len(writer.due(BEGIN_NS + 75 * S)) == 1
    writer.note(BEGIN_NS + 59 * S, LEFT, 1)
    assert writer.due(BEGIN_NS + 76 * S) == []
    assert len(writer.due(BEGIN_NS + 3700 * S)) == 59
    assert writer.due(BEGIN_NS + 9000 * S) == writer.close() == [], "the hour is over"


def test_the_first_minute_lies_beside_the_recording_that_begins_within_it(tmp_path: Path) -> None:
    (tmp_path / file_name(BEGIN_NS + 20 * S)).write_bytes(b"veiled")
    for part in parts(90):
        assert add_part(tmp_path, part)
    assert {row.piece for row in rows(tmp_path, asked(20, 90))} == {0, 1, 2, 3}


def test_a_part_that_another_process_made_is_refused(recordings: Path) -> None:
    """Whoever has the custodian's public key can lock rows to it, which lead to another person's piece."""
    (forged,) = parts(30, bucket=FOREIGN)
    index = index_of(min(recordings.glob("*.mp4")))
    index.unlink()
    assert add_part(recordings, forged)
    with pytest.raises(SealAlteredError, match="signature does not fit"):
        rows(recordings, MINUTE)


def test_a_part_is_taken_only_with_the_pack_of_its_bucket(recordings: Path) -> None:
    entry = proven(request(MINUTE))
    with pytest.raises(SealAlteredError, match="of the bucket cdcd"):
        read_index(recordings, entry, MINUTE, lambda _: KEY, lambda _: FOREIGN_PACK)


@pytest.mark.parametrize(("begin_s", "end_s"), [(0, 600.001), (0, 86_400), (5, 5), (9, 3)])
def test_more_than_ten_minutes_are_refused(recordings: Path, begin_s: float, end_s: float) -> None:
    with pytest.raises(IndexSpanError, match="up to 10 minutes at once"):
        AskedSpan(BEGIN + timedelta(seconds=begin_s), BEGIN + timedelta(seconds=end_s))
    with pytest.raises(IndexSpanError, match="up to 10 minutes at once"):
        rows(recordings, asked(begin_s, end_s))


def test_one_request_leads_to_the_minutes_that_it_fixed_and_to_no_others(recordings: Path) -> None:
    entry = proven(request(MINUTE))
    assert rows(recordings, MINUTE, entry)
    for other in (asked(60, 120), asked(0, 61), replace(MINUTE, salt="00" * 32)):
        with pytest.raises(NotOnRecordError, match="that the request in the log fixed"):
            rows(recordings, other, entry)


@pytest.mark.parametrize(
    "value", ["", "[]", "{}", '{"begin":5,"camera":"x","end":6}', '{"begin":"x","camera":"x","end":"x"}']
)
def test_a_request_that_fixes_no_minutes_leads_to_nothing(recordings: Path, value: str) -> None:
    with pytest.raises(NotOnRecordError, match="must be JSON and name camera, begin and end"):
        rows(recordings, RequestDetails(value, SALT))


def test_details_of_another_camera_than_the_request_names_lead_to_nothing(recordings: Path) -> None:
    with pytest.raises(WrongCameraError, match="which the request names"):
        rows(recordings, asked(0, 60, camera="7" * 32))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (proven(Remark(at=BEGIN, text="a remark")), "by a request in the log that names its camera, got remark"),
        (proven(request(MINUTE, None)), "names its camera"),
        (proven(request(MINUTE), witnessed=False), "seen by witnesses"),
    ],
)
def test_without_a_request_in_the_log_it_stays_locked(recordings: Path, entry: ProvenEntry, words: str) -> None:
    with pytest.raises(NotOnRecordError, match=words):
        rows(recordings, asked(0, 60), entry)


@pytest.mark.parametrize(
    "entry", [proven(request(asked(0, 60, "2" * 32), "2" * 32)), proven(request(MINUTE), origin="other.example/log")]
)
def test_a_request_for_another_camera_or_in_another_log_opens_nothing(recordings: Path, entry: ProvenEntry) -> None:
    named = decode_entry(entry.entry)
    assert isinstance(named, RequestReceived)
    with pytest.raises(WrongCameraError, match="must be of camera"):
        rows(recordings, asked(0, 60, named.camera or ""), entry)


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
        found = parse_part(altered)
    except SealFormatError:
        return
    with pytest.raises(SealAlteredError, match="signature does not fit"):
        PACK.verify(found.signature, index_message(PACK.binding, found.signed), "part")


def test_a_header_bound_to_other_words_opens_nothing() -> None:
    part = parse_part(base64.b64decode(parts(30)[0].data))
    found, box = part.header, part.box
    assert KEY.open(box, found.info) is not None
    for other in (
        replace(found, camera="3" * 32),
        replace(found, hour="2026-11-30T11"),
        replace(found, origin="other.example/log"),
        replace(found, number=7),
        replace(found, minute=found.minute + 1),
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
        "INDEX_FORMAT",
        "IndexWriter",
        "MakeHeader",
        "PartHeader",
        "PointedFace",
        "RequestDetails",
        "pieces_at",
        "read_index",
    ]
    assert {"track", "dwell", "path"}.isdisjoint(PointedFace.__slots__)


class Custodian:
    """Files as a custodian has them who points for a request; ``said`` is what the last command told."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys, self.said = folder, capsys, ""
        for name in ("keys", "store"):
            (folder / name / CAMERA).mkdir(parents=True)
        KEY.save(folder / "keys" / CAMERA / f"{HOUR}.key")
        memory = Memory()
        context = BucketContext(ORIGIN, CAMERA, HOUR, bytes.fromhex(BUCKET))
        bucket = SealBucket(context, holders().policy, KEY.public, memory)
        self.recordings = folder / "recordings"
        self.recordings.mkdir()
        (self.recordings / file_name(BEGIN_NS)).write_bytes(b"veiled")
        for part in parts(300, bucket=bucket):
            assert add_part(self.recordings, part)
        (folder / "store" / CAMERA / f"{HOUR}-{BUCKET}.seal.part").write_bytes(memory)

    def run(self, *words: object) -> int:
        with pytest.raises(SystemExit) as caught:
            main(["seal", "point", *[str(word) for word in words]])
        self.said = "".join(self._capsys.readouterr())
        return int(caught.value.code or 0)

    def prove(self, entry: Entry) -> None:
        log, data = FileSigner(ORIGIN, 1, b"l" * 32), encode_entry(entry)
        text = Checkpoint(ORIGIN, 1, leaf_hash(data)).to_text()
        note = sign_note(text, [log]) + cosign(text, WITNESS, int(BEGIN.timestamp())).to_line().encode()
        (self.folder / "proof").write_text(Proof(0, (), note, data).to_text())
        (self.folder / "witnesses").write_text(f"log {log.key}\nwitness w {WITNESS.key}\nquorum w\n")

    def at(self, seconds: int, x: float, y: float) -> int:
        folder = self.folder
        return self.run(
            "at", self.recordings, "--store", folder / "store", "--keys", folder / "keys", "--proof", folder / "proof",
            "--witnesses", folder / "witnesses", "--details", folder / "details.json",
            "--at", f"{BEGIN + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}", "--x", x, "--y", y,
        )  # fmt: skip


def test_a_custodian_points_from_the_request_to_the_piece(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hands = Custodian(tmp_path, capsys)
    asked_for = (
        "ask", "--camera", CAMERA, "--begin", f"{BEGIN + timedelta(seconds=60):%Y-%m-%dT%H:%M:%S}", "--seconds", 60,
        "--position", "act-2024", "-o", tmp_path / "details.json",
    )  # fmt: skip
    assert hands.run(*asked_for) == 0
    said = hands.said[: hands.said.rindex("]") + 1]
    hands.prove(entry_from_fields(json.loads(said)[0]))
    assert hands.at(90, 0.2, 0.3) == 0, hands.said
    assert f"piece 2 of the pack that ends in -{BUCKET}.seal" in hands.said
    assert "piece 3" not in hands.said
    assert hands.at(90, 0.95, 0.9) == 1
    assert "no piece holds a figure there" in hands.said
    assert hands.at(200, 0.2, 0.3) == 1, "beyond the minutes that were fixed"
    hands.prove(Remark(at=BEGIN, text="nothing is asked"))
    assert hands.at(90, 0.2, 0.3) == 1
    assert "must be asked for by a request in the log" in hands.said

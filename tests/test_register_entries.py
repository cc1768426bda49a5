"""Every kind of entry: its form, its one spelling, its published schema; commitments and the salts behind them."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from passerby import register
from passerby.errors import EntryError, FormatError, StorageError
from passerby.register import (
    CommitmentSalts,
    commit,
    decode_entry,
    encode_entry,
    entry_from_fields,
    entry_kinds,
    entry_schema,
    new_salt,
)
from passerby.register.codec import MAX_ENTRY_BYTES

HERE = Path(__file__).parent
SAMPLES: list[dict[str, Any]] = json.loads((HERE / "vectors" / "entries.json").read_text())
PUBLISHED = HERE.parent / "src" / "passerby" / "register" / "schemas"
NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)


def test_there_is_a_sample_of_every_kind() -> None:
    assert sorted(sample["kind"] for sample in SAMPLES) == sorted(entry_kinds())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s["kind"])
def test_sample_has_one_spelling_and_fits_its_published_schema(sample: dict[str, Any]) -> None:
    entry = entry_from_fields(sample)
    raw = encode_entry(entry)
    assert raw == rfc8785.dumps(sample), "the reference implementation spells it the same"
    assert decode_entry(raw) == entry
    published = json.loads((PUBLISHED / f"{sample['kind']}.json").read_text())
    checker = jsonschema.Draft202012Validator(published)
    checker.validate(sample)
    for name in sample:
        if name in published["required"]:
            with pytest.raises(jsonschema.ValidationError):
                checker.validate({key: value for key, value in sample.items() if key != name})
            with pytest.raises(EntryError):
                decode_entry(rfc8785.dumps({key: value for key, value in sample.items() if key != name}))
    with pytest.raises(jsonschema.ValidationError):
        checker.validate({**sample, "face": "x"})
    with pytest.raises(EntryError, match="Extra inputs are not permitted"):
        entry_from_fields({**sample, "face": "x"})


@pytest.mark.parametrize("kind", entry_kinds())
def test_published_schema_is_the_code_s(kind: str) -> None:
    assert json.loads((PUBLISHED / f"{kind}.json").read_text()) == entry_schema(kind), (
        f"run: passerby register schema {kind} > src/passerby/register/schemas/{kind}.json"
    )
    jsonschema.Draft202012Validator.check_schema(entry_schema(kind))


@pytest.mark.parametrize("kind", ["camera.registered", "camera.changed"])
def test_what_a_camera_recognises_by_itself_may_be_left_out_and_old_entries_stay_the_same(kind: str) -> None:
    sample = next(one for one in SAMPLES if one["kind"] == kind)
    assert b"recognises" not in encode_entry(entry_from_fields(sample))
    for names in ([], ["FaceRecognition"], ["RuleEngine/Recognition/Face", "own-rule"]):
        raw = encode_entry(entry_from_fields({**sample, "recognises": names}))
        assert raw == rfc8785.dumps({**sample, "recognises": names})
        assert encode_entry(decode_entry(raw)) == raw
    for wrong in (["Somebody Else"], ["x" * 64], ["a"] * 9, [""], [3]):
        with pytest.raises(EntryError, match="recognises"):
            entry_from_fields({**sample, "recognises": wrong})


def test_what_was_sealed_may_be_left_out_of_a_heartbeat_and_old_ones_stay_the_same() -> None:
    sample = next(one for one in SAMPLES if one["kind"] == "heartbeat")
    assert b"sealed_roots" not in encode_entry(entry_from_fields(sample))
    counted: dict[str, Any] = {"sealed_roots": ["ab" * 32, "cd" * 32], "pieces_sealed": 10, "unsealed_faces": 0}
    raw = encode_entry(entry_from_fields({**sample, **counted}))
    assert raw == rfc8785.dumps({**sample, **counted})
    assert encode_entry(decode_entry(raw)) == raw
    for wrong in ([], ["ab" * 31], ["AB" * 32], ["ab" * 32] * 65):
        with pytest.raises(EntryError, match="sealed_roots"):
            entry_from_fields({**sample, "sealed_roots": wrong})


def test_no_schema_is_left_over() -> None:
    assert sorted(path.stem for path in PUBLISHED.iterdir()) == sorted(entry_kinds())
    with pytest.raises(EntryError, match="kind must be one of"):
        entry_schema("face.matched")


@pytest.mark.parametrize(
    "spelling",
    [
        lambda raw: raw.replace(b'":', b'": ', 1),
        lambda raw: b" " + raw,
        lambda raw: raw + b"\n",
        lambda raw: raw.replace(b'"v":1', b'"v":1.0'),
        lambda raw: raw.replace(b'"v":1', b'"v":1,"v":1'),
        lambda raw: raw.replace(b"00:00Z", b"00:00.0Z"),
        lambda raw: raw.replace(b"00:00Z", b"00:00+00:00"),
        lambda raw: raw.replace(b"T", b" ", 1),
        lambda raw: raw.replace(b"hello", b"\\u0068ello"),
        lambda raw: raw.replace(b'"v":1', b'"entry":null,"v":1'),
        lambda raw: b"{" + raw[-6:-1] + b"," + raw[1:-7] + b"}",
    ],
)
def test_another_spelling_is_refused(spelling: Callable[[bytes], bytes]) -> None:
    raw = encode_entry(register.Remark(at=datetime(2026, 1, 1, tzinfo=UTC), text="hello"))
    assert spelling(raw) != raw
    with pytest.raises(EntryError):
        decode_entry(spelling(raw))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"camera": "0F" * 16}, "camera"),
        ({"camera": "quai-3"}, "camera"),
        ({"frames": -1}, "greater than or equal to 0"),
        ({"frames": 2**53}, "less than or equal"),
        ({"frames": 1.5}, "integer"),
        ({"frames": "5"}, "integer"),
        ({"frames": True}, "integer"),
        ({"at": "2026-11-23T16:30:00"}, "timezone"),
        ({"at": "2026-02-30T16:30:00Z"}, "day value"),
        ({"at": 0}, "at"),
        ({"end": "2026-11-23T14:00:00Z"}, "end must not be before begin"),
        ({"v": 2}, "v"),
        ({"kind": "face.matched"}, "does not match any of the expected tags"),
    ],
)
def test_wrong_value_is_refused_with_its_field(change: dict[str, Any], words: str) -> None:
    sample = next(s for s in SAMPLES if s["kind"] == "heartbeat")
    with pytest.raises(EntryError, match=words):
        entry_from_fields({**sample, **change})


def test_entry_of_more_than_64_kb_is_refused() -> None:
    words = {f"{a}{b}": "é" * 2000 for a in "abc" for b in "abcdefghij"}
    entry = register.CameraRegistered(
        at=NOW, camera="0f" * 16, label="x", purpose=words, legal_basis={"en": "x"}, position="act-2024", retention_h=1
    )
    with pytest.raises(EntryError, match="at most 65535 bytes, got 12"):
        encode_entry(entry)
    with pytest.raises(EntryError, match="at most 65535 bytes"):
        decode_entry(b" " * (MAX_ENTRY_BYTES + 1))


def test_instants_become_utc_to_the_second() -> None:
    local = datetime(2026, 11, 23, 18, 30, 5, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert b'"at":"2026-11-23T16:30:05Z"' in encode_entry(register.Remark(at=local, text="x"))


@given(st.text(min_size=1, max_size=200))
def test_any_text_is_spelled_as_rfc_8785_does(text: str) -> None:
    try:
        entry = entry_from_fields({"kind": "remark", "v": 1, "at": "2026-01-01T00:00:00Z", "text": text})
    except EntryError:
        assert any("\ud800" <= c <= "\udfff" for c in text), "only halves of characters are refused"
        return
    raw = encode_entry(entry)
    assert raw == rfc8785.dumps({"kind": "remark", "v": 1, "at": "2026-01-01T00:00:00Z", "text": text})
    assert decode_entry(raw) == entry


def test_commitment_hides_and_binds() -> None:
    salt = new_salt()
    assert commit("value", salt) == commit("value", salt)
    assert len({commit("value", salt), commit("valuE", salt), commit("value", new_salt())}) == 3
    known = commit('{"camera":"x"}', "00" * 32)
    assert known == "sha256:" + hashlib.sha256(b"passerby commitment v1\n" + bytes(32) + b'{"camera":"x"}').hexdigest()
    for wrong in ("", "00", "zz" * 32, "00" * 33):
        with pytest.raises(EntryError, match="salt must be"):
            commit("value", wrong)


def test_salt_is_kept_apart_then_revealed_then_shredded(tmp_path: Path) -> None:
    salts = CommitmentSalts(tmp_path / "salts")
    promise = salts.commit('{"camera":"x"}', NOW)
    assert stat.S_IMODE((tmp_path / "salts").stat().st_mode) == 0o700
    (file,) = (tmp_path / "salts").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    revealed = salts.reveal(13, promise)
    assert (revealed.entry, commit(revealed.value, revealed.salt)) == (13, promise.digest)
    salts.shred(promise)
    salts.shred(promise)
    assert list((tmp_path / "salts").iterdir()) == []
    with pytest.raises(EntryError, match="shredded, or made elsewhere"):
        salts.reveal(13, promise)


def test_salt_that_cannot_be_kept_commits_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be made"):
        CommitmentSalts(tmp_path / "file" / "salts").commit("value", NOW)
    salts = CommitmentSalts(tmp_path / "salts")
    promise = salts.commit("value", NOW)
    next((tmp_path / "salts").iterdir()).write_text("{}")
    with pytest.raises(FormatError, match="salt and a value"):
        salts.reveal(0, promise)

"""Objects of a store as files: read in ranges that stay in memory, written whole, and errors that tell what to do."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.exceptions import PermissionDeniedError
from obstore.store import MemoryStore

from passerby.errors import UnreadableError, UsageError
from passerby.objects import StoredPath, is_address, place_named, refusal_of
from passerby.objects.backend import connect
from passerby.objects.bucket import Bucket
from passerby.objects.reading import BLOCK_BYTES, Blocks, KeptBlocks, RangeFile
from passerby.values import digest_bytes

DATA = bytes(range(256)) * 40


class Asked:
    """Counts what is fetched of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.ranges: list[tuple[int, int]] = []

    def __call__(self, start: int, end: int) -> bytes:
        self.ranges.append((start, end))
        return self.data[start:end]


@given(st.lists(st.tuples(st.integers(0, 11_000), st.integers(0, 3_000)), max_size=12))
def test_ranges_are_what_a_file_would_give(reads: list[tuple[int, int]]) -> None:
    file = RangeFile(Blocks(len(DATA), Asked(DATA), KeptBlocks()), "s3://b/k")
    for place, count in reads:
        file.seek(place)
        assert file.read(count) == DATA[place : place + count]
    file.seek(-5, os.SEEK_END)
    assert (file.read(), file.tell()) == (DATA[-5:], len(DATA))


def test_what_fits_is_fetched_once_and_what_comes_next_is_fetched_ahead() -> None:
    data = bytes(BLOCK_BYTES) * 3 + b"end"
    asked = Asked(data)
    blocks = Blocks(len(data), asked, KeptBlocks())
    for _ in range(3):
        assert RangeFile(blocks, "s3://b/k").read() == data
    assert sorted(asked.ranges) == [(k * BLOCK_BYTES, min((k + 1) * BLOCK_BYTES, len(data))) for k in range(4)]


def test_no_more_is_kept_than_is_allowed() -> None:
    data = bytes(BLOCK_BYTES) * 9
    asked = Asked(data)
    kept = KeptBlocks(most_bytes=4 * BLOCK_BYTES)
    for _ in range(2):
        assert len(RangeFile(Blocks(len(data), asked, kept), "s3://b/k").read()) == len(data)
    assert len(kept.held) == 4


def test_a_block_that_failed_is_asked_for_anew() -> None:
    fails = [True]

    def fetch(start: int, end: int) -> bytes:
        if fails.pop() if fails else False:
            raise UnreadableError("gone")
        return DATA[start:end]

    file = RangeFile(Blocks(len(DATA), fetch, KeptBlocks()), "s3://b/k")
    with pytest.raises(UnreadableError, match="gone"):
        file.read(10)
    assert file.read(10) == DATA[:10]


def test_an_address_is_a_path_that_no_call_takes_for_a_file_of_this_machine() -> None:
    path = place_named("S3://bucket/a b/c#1?.mp4")
    assert isinstance(path, StoredPath)
    assert (str(path), path.key, path.name) == ("s3://bucket/a b/c#1?.mp4", "a b/c#1?.mp4", "c#1?.mp4")
    assert str(path.with_name("d.mp4").parent / "e") == "s3://bucket/a b/e"
    assert pickle.loads(pickle.dumps(path)) == path  # noqa: S301 - our own bytes
    assert str(place_named("s3://bucket")) == "s3://bucket"
    with pytest.raises(TypeError, match="no file of this machine"):
        os.stat(path)  # noqa: PTH116 - what a careless caller would do
    assert not isinstance(place_named("folder/a.mp4"), StoredPath)
    assert not is_address("rtsp://camera/1")


@pytest.mark.parametrize("text", ["s3://", "s3:///a", "s3://b/a//c", "gs://b/../c", "az://b/./c"])
def test_an_address_that_no_object_has_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="without empty parts"):
        place_named(text)


def test_a_key_in_an_address_or_an_endpoint_is_refused_and_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="must hold no key and no password, got one of s3://") as refused:
        place_named("s3://AKIA:hush@bucket/a.mp4")
    monkeypatch.setenv("AWS_ENDPOINT", "https://AKIA:hush@s3.example.org")
    with pytest.raises(UsageError, match="AWS_ENDPOINT must be an address like") as also:
        connect("s3://bucket")
    assert all("hush" not in f"{one.value.message}{one.value.hint}" for one in (refused, also))


def test_objects_are_written_whole_with_their_digest(tmp_path: Path) -> None:
    bucket = Bucket("s3://b", MemoryStore())
    bucket.write("a/one", b"first", overwrite=False)
    bucket.write("a/one", b"first", overwrite=False)  # as where an answer was lost and the request was sent again
    with pytest.raises(FileExistsError):
        bucket.write("a/one", b"second", overwrite=False)
    assert bucket.known("a/one").digest == digest_bytes(b"first")
    large = tmp_path / "large"
    large.write_bytes(bytes(33 << 20))
    with pytest.raises(FileExistsError):
        bucket.write("a/one", large, overwrite=False)
    bucket.write("a/two", large, overwrite=False)
    bucket.write("a/one", b"second", overwrite=True)
    assert list(bucket.keys_below("a/")) == [("a/one", 6), ("a/two", 33 << 20)]
    assert bucket.file("a/one").read() == b"second"
    assert bucket.first_bytes("a/two", 7) == bytes(7)
    with pytest.raises(FileNotFoundError):
        bucket.known("a/three")


def test_an_object_that_changes_while_it_is_read_is_named() -> None:
    store = MemoryStore()
    bucket = Bucket("s3://b", store)
    obstore.put(store, "k", b"first")
    file = bucket.file("k")
    obstore.put(store, "k", b"other")
    with pytest.raises(UnreadableError, match="s3://b/k was changed while it was read"):
        file.read()
    assert bucket.file("k").read() == b"other"


def test_refusals_tell_what_to_do() -> None:
    denied = PermissionDeniedError("Generic S3 error: no in 3.1ms <Error><Message>Access Denied</Message></Error>")
    assert refusal_of(denied)[0].endswith("(Access Denied)")
    assert "give credentials" in refusal_of(denied)[1]
    assert "archive" in refusal_of(PermissionDeniedError("InvalidObjectState"))[1]
    assert refusal_of(OSError("404 The specified bucket does not exist"))[1] == "make the bucket first"

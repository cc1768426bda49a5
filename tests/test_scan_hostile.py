"""One hostile archive of each kind: what is planted in it is found, or what was not read is said. Nothing hangs or raises."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import struct
import tarfile
import zlib
from collections.abc import Callable

import pytest
from tests.test_scan_archives import COMPRESS, PLANTED, opened, tarred, zipped

from passerby.scan.files import Budget, BytesFile, ScanLimits, unpacked
from passerby.scan.values import Unread

SMALL = ScanLimits(free_bytes=4 << 20, ratio=10)
ZEROS = bytes(32 << 20)


def local(name: bytes, data: bytes, **more: int) -> bytes:
    told = {"flags": 0, "method": 0, "crc": zlib.crc32(data), "packed": len(data), "size": len(data)} | more
    return (
        struct.pack("<IHHHIIIIHH", 0x04034B50, 20, told["flags"], told["method"], 0, told["crc"], told["packed"], told["size"],
                    len(name), 0) + name + data
    )  # fmt: skip


def central(name: bytes, data: bytes, place: int, **more: int) -> bytes:
    told = {"flags": 0, "method": 0, "crc": zlib.crc32(data), "packed": len(data), "size": len(data)} | more
    return struct.pack(
        "<IHHHHIIIIHHHHHII", 0x02014B50, 20, 20, told["flags"], told["method"], 0, told["crc"], told["packed"], told["size"],
        len(name), 0, 0, 0, 0, 0, place,
    ) + name  # fmt: skip


def with_end(body: bytes, directory: bytes, count: int = 1) -> bytes:
    return body + directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(directory), len(body), 0)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def said(unread: list[Unread], words: str, *, hides: bool) -> bool:
    return any(words in one.reason and one.hides is hides for one in unread)


def overlapping() -> bytes:
    """Many names for the bytes of one member, as in David Fifield, "A better zip bomb" (2019)."""
    data = deflated(ZEROS)
    body = local(b"a", data, method=8, size=len(ZEROS), crc=zlib.crc32(ZEROS))
    crc = zlib.crc32(ZEROS)
    entry = [central(b"%d" % n, data, 0, method=8, size=len(ZEROS), crc=crc) for n in range(500)]
    planted = local(b"p", PLANTED)
    return with_end(body + planted, b"".join([*entry, central(b"p", PLANTED, len(body))]), 501)


def nested_bombs() -> bytes:
    inner = zipped(("0", ZEROS))
    for _ in range(5):
        inner = zipped(*[(str(n), inner) for n in range(16)])
    return zipped(("bomb.zip", inner), ("p", PLANTED))


def sparse_without_end() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("hole")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**62)}
        data = b"1\n0\n4\n".ljust(512, b"\0") + b"abcd"
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue() + tarred(("p", PLANTED))


BOMBS: dict[str, Callable[[], bytes]] = {
    "zip": lambda: zipped(("0", ZEROS), ("p", PLANTED)),
    "many in one zip": lambda: zipped(*[(str(n), ZEROS) for n in range(8)], ("p", PLANTED)),
    "zip in zip": nested_bombs,
    "members overlap": overlapping,
    "tar.gz": lambda: gzip.compress(tarred(("0", ZEROS), ("p", PLANTED))),
    **{suffix: lambda pack=pack: zipped(("b", pack(ZEROS)), ("p", PLANTED)) for suffix, pack in COMPRESS.items()},  # type: ignore[misc]
    "sparse": sparse_without_end,
    "lzma that wants 4 GB": lambda: zipped(("b", b"\x5d\0\0\0\x80" + b"\xff" * 8 + bytes(100)), ("p", PLANTED)),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_named_and_hides_nothing_unsaid(kind: str) -> None:
    found, unread = opened(BOMBS[kind](), limits=SMALL)
    assert sum(map(len, found.values())) < 200 << 20
    assert any(one.hides for one in unread), "it says what was not read"
    assert PLANTED in found.values() or kind == "tar.gz", "small members are read although others are bombs"


def test_small_members_come_first_where_not_all_may_be_unpacked() -> None:
    found, unread = opened(zipped(*[(str(n), ZEROS) for n in range(3)], ("p", PLANTED)), limits=SMALL)
    assert found["a!/p"] == PLANTED
    assert said(unread, "it unpacks to more", hides=True)


def test_a_zip_of_too_many_members_is_named() -> None:
    found, unread = opened(zipped(*[(str(n), b"") for n in range(200)]), limits=ScanLimits(members=100))
    assert said(unread, "too many files are packed in it: the rest was not read", hides=True)
    assert len(found) <= 101


def test_time_for_one_archive_is_bounded() -> None:
    seconds = iter(range(10**9))
    data = gzip.compress(ZEROS)
    budget = Budget(ScanLimits(seconds=20), len(data), lambda: float(next(seconds)))
    told = [one.reason for one in unpacked(BytesFile(data, "a"), budget) if isinstance(one, Unread)]
    assert told == ["reading it took too long: the rest was not read"]
    assert budget.late


def test_members_out_of_the_archive_are_read_under_the_name_they_bear() -> None:
    found, _ = opened(zipped(("../../etc/p", PLANTED), ("/abs/p", PLANTED), ("a\x1b[2J\n\u202e.bin", PLANTED)))
    assert {path for path, data in found.items() if data == PLANTED} == {
        "a!/../../etc/p",
        "a!//abs/p",
        "a!/a\\x1b[2J\\n\\u202e.bin",
    }


def test_each_of_several_members_with_one_name_is_read() -> None:
    members = ((b"n", b"first"), (b"n", PLANTED), (b"n", b"last"))
    body, directory = b"", b""
    for name, data in members:
        directory += central(name, data, len(body))
        body += local(name, data)
    for archive in (with_end(body, directory, 3), tarred(*[(name.decode(), data) for name, data in members])):
        given = list(unpacked(BytesFile(archive, "a"), Budget(ScanLimits(), len(archive))))
        assert [one.read(1000) for one in given[1:] if not isinstance(one, Unread)] == [b"first", PLANTED, b"last"]


def test_two_headers_that_differ_are_both_believed_and_the_difference_is_named() -> None:
    body = local(b"harmless.txt", PLANTED)
    found, unread = opened(with_end(body, central(b"model.onnx", PLANTED, 0)))
    assert found["a!/harmless.txt"] == found["a!/model.onnx"] == PLANTED
    assert said(unread, "the zip names it otherwise in another place: harmless.txt", hides=False)
    data = deflated(PLANTED)
    body = local(b"m", data, method=8, size=len(PLANTED), crc=zlib.crc32(PLANTED))
    found, unread = opened(with_end(body, central(b"m", data, 0)))
    assert PLANTED in found.values(), "one says stored, the other deflated"
    assert said(unread, "the zip states two ways of compression", hides=False)


@pytest.mark.parametrize("packed", [0, 3, 10**6])
@pytest.mark.parametrize("size", [0, 5, 2**31])
def test_a_wrong_length_in_both_headers_hides_nothing(packed: int, size: int) -> None:
    data = deflated(PLANTED)
    told = {"method": 8, "packed": packed, "size": size, "crc": zlib.crc32(PLANTED)}
    found, unread = opened(with_end(local(b"m", data, **told), central(b"m", data, 0, **told)))
    assert PLANTED in found.values()
    assert said(unread, f"the zip states {size} bytes, and it has {len(PLANTED)}", hides=False)


def test_what_is_called_encrypted_or_compressed_in_an_unknown_way_is_read_where_it_is_not() -> None:
    """Android's installer takes no notice of either, so that apps hide behind them."""
    data = deflated(PLANTED)
    for odd in ({"flags": 1}, {"method": 77}, {"flags": 1, "method": 77}):
        told = {"method": 8, "size": len(PLANTED), "crc": zlib.crc32(PLANTED)} | odd
        found, unread = opened(with_end(local(b"m", data, **told), central(b"m", data, 0, **told)))
        assert found["a!/m"] == PLANTED
        assert said(unread, "and it can be read", hides=False)
    told = {"flags": 1, "crc": zlib.crc32(PLANTED)}
    found, _ = opened(with_end(local(b"m", PLANTED, **told), central(b"m", PLANTED, 0, **told)))
    assert found["a!/m"] == PLANTED
    junk = random.Random(1).randbytes(200)
    for method, words in ((0, "it is encrypted"), (8, "it is encrypted"), (99, "it is encrypted")):
        told = {"flags": 1, "method": method, "crc": 5}
        found, unread = opened(with_end(local(b"m", junk, **told), central(b"m", junk, 0, **told)))
        assert "a!/m" not in found
        assert said(unread, words, hides=True)
    told = {"method": 77, "crc": 5}
    _, unread = opened(with_end(local(b"m", junk, **told), central(b"m", junk, 0, **told)))
    assert said(unread, "compression method 77 is not read", hides=True)


def test_a_member_that_no_directory_names_is_read() -> None:
    hidden, shown = local(b"hidden.onnx", PLANTED), local(b"shown", b"x")
    found, unread = opened(with_end(hidden + shown, central(b"shown", b"x", len(hidden))))
    assert found["a!/hidden.onnx"] == PLANTED
    assert said(unread, "the zip's directory does not name it", hides=False)
    first, second = zipped(("old", PLANTED)), zipped(("new", b"y"))
    found, _ = opened(first + second)
    assert found["a!/old"] == PLANTED
    assert found["a!/new"] == b"y"


@pytest.mark.parametrize(
    "before", [b"MZ" + bytes(300), b"#!/bin/sh\nexec unzip $0\n", b"\x89PNG\r\n\x1a\n" + bytes(9000)]
)
def test_a_zip_behind_something_else_is_opened(before: bytes) -> None:
    found, unread = opened(before + zipped(("p", PLANTED)))
    assert found["a!/p"] == PLANTED
    assert unread == []


def test_a_program_that_writes_zips_is_none() -> None:
    for after in (b"%s\n\0zip error\0", b"PK\1\2", bytes(40), b"\xff" * 40):
        found, unread = opened(b"\x7fELF" + bytes(9000) + b"PK\3\4\0PK\5\6" + after + b"text" * 300)
        assert list(found) == ["a"]
        assert unread == []


@pytest.mark.parametrize("count", [22, 60, 90, 150])
def test_a_zip_that_was_cut_is_read_as_far_as_it_goes(count: int) -> None:
    whole = zipped(("p", PLANTED), ("q", random.Random(2).randbytes(400)))
    found, unread = opened(whole[:-count])
    assert found["a!/p"] == PLANTED
    assert said(unread, "the zip has no directory", hides=True)


def test_a_wrong_checksum_and_a_missing_member_are_named() -> None:
    found, unread = opened(with_end(local(b"m", PLANTED), central(b"n", PLANTED, 3)))
    assert said(unread, "nothing stands where the zip's directory says that it is", hides=True)
    assert found["a!/m"] == PLANTED
    data = deflated(PLANTED)
    told = {"method": 8, "size": len(PLANTED), "crc": 1}
    found, unread = opened(with_end(local(b"m", data, **told), central(b"m", data, 0, **told)))
    assert found["a!/m"] == PLANTED
    assert said(unread, "its checksum is another than the zip states", hides=False)


def test_long_zips_of_64_bits_are_read() -> None:
    extra = struct.pack("<HHQQQ", 1, 24, len(PLANTED), len(PLANTED), 0)
    body = local(b"m", PLANTED)
    entry = bytearray(central(b"m", PLANTED, 0, packed=0xFFFFFFFF, size=0xFFFFFFFF))
    entry[30:32], entry[42:46] = struct.pack("<H", len(extra)), b"\xff" * 4
    directory = bytes(entry) + extra
    wide = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1, 1, len(directory), len(body))
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(body) + len(directory), 1)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    found, unread = opened(body + directory + wide + locator + end)
    assert found["a!/m"] == PLANTED
    assert unread == []


def test_a_place_that_no_file_has_costs_one_member_alone() -> None:
    extra = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    far = bytearray(central(b"far", b"x", 0))
    far[30:32], far[42:46] = struct.pack("<H", len(extra)), b"\xff" * 4
    found, unread = opened(with_end(local(b"p", PLANTED), bytes(far) + extra + central(b"p", PLANTED, 0), 2))
    assert found["a!/p"] == PLANTED
    assert said(unread, "nothing stands where the zip's directory says that it is", hides=True)


def test_a_damaged_header_of_a_tar_is_passed_over_and_named() -> None:
    data = bytearray(tarred(("a", b"x" * 2000), ("b", b"y"), ("p", PLANTED)))
    data[512 * 5 + 3] ^= 1
    found, unread = opened(bytes(data))
    assert found["a!/p"] == PLANTED
    assert said(unread, "a header of the tar is damaged", hides=True)


def test_tars_that_are_joined_or_lie_about_lengths_are_read_to_their_end() -> None:
    found, unread = opened(tarred(("a", b"x")) + tarred(("p", PLANTED)))
    assert found["a!/p"] == PLANTED
    assert unread == []
    _, unread = opened(tarred(("a", b"x" * 3000))[:1200])
    assert said(unread, "the archive ends in the middle of it", hides=True)
    _, unread = opened(gzip.compress(tarred(("a", random.Random(3).randbytes(9000))))[:4000])
    assert any(one.hides for one in unread)
    liar = tarfile.TarInfo("a")
    liar.size = 8**11 - 1
    found, unread = opened(liar.tobuf() + tarred(("p", PLANTED)))
    assert said(unread, "the archive ends in the middle of it", hides=True)


def test_headers_of_a_tar_do_not_fill_the_memory() -> None:
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    _, unread = opened(gzip.compress(long.tobuf(tarfile.GNU_FORMAT) + ZEROS))
    assert said(unread, "is too long", hides=True)


def test_sparse_files_are_given_with_their_holes() -> None:
    sparse = tarfile.TarInfo("s")
    sparse.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "s",
        "GNU.sparse.realsize": "3000",
    }
    data = b"2\n1000\n4\n2990\n10\n".ljust(512, b"\0") + b"abcd" + b"e" * 10
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        sparse.size = len(data)
        archive.addfile(sparse, io.BytesIO(data))
    found, unread = opened(out.getvalue())
    assert found["a!/s"] == bytes(1000) + b"abcd" + bytes(1986) + b"e" * 10
    assert unread == []


def test_a_compressed_file_followed_by_something_else_says_so() -> None:
    found, unread = opened(lzma.compress(PLANTED) + b"hidden", "p.xz")
    assert found["p.xz!/p"] == PLANTED
    assert any(one.hides for one in unread)


def test_formats_that_are_not_read_are_named_with_what_helps() -> None:
    for data, words in (
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "7z x FILE"),
        (b"Rar!\x1a\x07\x01\0" + bytes(99), "unrar x FILE"),
        (b"hsqs" + bytes(99), "unsquashfs FILE"),
        (b"QFI\xfb" + bytes(99), "guestmount --ro"),
        (bytes(512) + b"EFI PART" + bytes(99), "losetup -rPf FILE"),
        (bytes(1080) + b"\x53\xef\x01\0" + bytes(99), "mount -o ro,loop FILE FOLDER"),
        (b"x\xda" + bytes(1 << 20) + b"koly" + bytes(508), "hdiutil attach -readonly FILE"),
        (bytes(32_769) + b"CD001" + bytes(9999), "mount -o ro,loop FILE FOLDER"),
    ):
        _, unread = opened(data)
        assert said(unread, words, hides=True), words
        assert len(unread) == 1

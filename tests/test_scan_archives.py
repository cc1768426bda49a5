from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.scan.files import Budget, BytesFile, ScanLimits, unpacked
from passerby.scan.values import Unread

PLANTED = b"planted: the one thing that every reader of an archive has to reach"


def opened(data: bytes, name: str = "a", limits: ScanLimits | None = None) -> tuple[dict[str, bytes], list[Unread]]:
    """Return what is in an archive by path (of several with one path the last), and what was not read."""
    file = BytesFile(data, name)
    found: dict[str, bytes] = {}
    unread: list[Unread] = []
    for member in unpacked(file, Budget(limits or ScanLimits(), len(data))):
        if isinstance(member, Unread):
            unread.append(member)
        else:
            with member.open() as stream:
                found[member.path] = stream.read()
            assert len(found[member.path]) == member.size_bytes
    return found, unread


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def tarred(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zst": zstd.compress,
}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_member_of_a_zip_is_given_with_its_path(method: int) -> None:
    found, unread = opened(zipped(("x/y.onnx", PLANTED), ("z", b"q" * 9000), method=method), "p/a.whl")
    assert found["p/a.whl!/x/y.onnx"] == PLANTED
    assert found["p/a.whl!/z"] == b"q" * 9000
    assert not unread


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("suffix", ["", *COMPRESS])
def test_every_member_of_a_tar_is_given_with_its_path(form: int, suffix: str) -> None:
    long = "d/" * (40 if form == tarfile.USTAR_FORMAT else 200) + "e.bin"
    data = tarred(("x/é.onnx", PLANTED), (long, b"w" * 10_000), form=form)
    found, unread = opened(COMPRESS.get(suffix, bytes)(data), "a.tar")
    assert found["a.tar!/x/é.onnx"] == PLANTED
    assert found[f"a.tar!/{long}"] == b"w" * 10_000
    assert not unread


@pytest.mark.parametrize("suffix", COMPRESS)
def test_one_compressed_file_is_given_without_its_suffix(suffix: str) -> None:
    found, unread = opened(
        COMPRESS[suffix](PLANTED) + (COMPRESS[suffix](b"more") if suffix != "lzma" else b""), f"m.{suffix}"
    )
    assert found[f"m.{suffix}!/m"] == PLANTED + (b"more" if suffix != "lzma" else b"")
    assert not unread


def test_archives_in_archives_are_opened_to_the_stated_depth() -> None:
    data = PLANTED
    for level in range(9):
        data = zipped((f"{level}", data))
    found, unread = opened(data)
    assert max(path.count("!/") for path in found) == ScanLimits().depth
    assert PLANTED not in found.values()
    assert [one.reason for one in unread] == ["it is more than 8 archives deep: not opened"]
    found, unread = opened(data, limits=ScanLimits(depth=9))
    assert PLANTED in found.values()
    assert not unread


def test_a_wide_end_record_that_nobody_needs_is_no_damage() -> None:
    """PyTorch writes one into every file."""
    data = zipped(("a/data.pkl", PLANTED))
    place = data.rindex(b"PK\x05\x06")
    count, size, offset = struct.unpack("<HII", data[place + 10 : place + 20])
    wide = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 30, 45, 0, 0, count, count, size, offset)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, place, 1)
    found, unread = opened(data[:place] + wide + locator + data[place:], "model.zip")
    assert found["model.zip!/a/data.pkl"] == PLANTED
    assert not unread


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_flipped_and_cut_archives_never_raise(data: st.DataObject) -> None:
    kinds: list[bytes] = [
        zipped(("a/b", PLANTED), ("c", bytes(3000))),
        zipped(("a/b", PLANTED), method=zipfile.ZIP_STORED),
        tarred(("a/b", PLANTED), ("c" * 150, bytes(3000)), form=tarfile.GNU_FORMAT),
        gzip.compress(tarred(("a/b", PLANTED))),
        lzma.compress(zipped(("n.zip", zipped(("a/b", PLANTED))))),
    ]
    broken = bytearray(data.draw(st.sampled_from(kinds)))
    for place in data.draw(st.lists(st.integers(0, len(broken) - 1), max_size=4)):
        broken[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(broken)))
    tail = data.draw(st.binary(max_size=40))
    limits = ScanLimits(free_bytes=1 << 22, ratio=10)
    opened(bytes(broken[:cut]) + tail, limits=limits)

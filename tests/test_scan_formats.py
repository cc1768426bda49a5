"""Formats of packages, installers and applications: each is opened, and what it holds is given."""

from __future__ import annotations

import base64
import gzip
import json
import lzma
import random
import struct
from collections.abc import Mapping

import pytest
from tests.test_scan_archives import COMPRESS, PLANTED, opened, tarred, zipped

# made by msibuild and gcab of msitools 0.101 and gcab 1.5; the cabinet holds PLANTED as planted.bin, MSZIP
CABINET = base64.b64decode(
    "TVNDRgAAAACOAAAAAAAAACwAAAAAAAAAAwEBAAEAAAAAAAAASAAAAAEAAQBDAAAAAAAAAAAAfl13WSAAcGxhbnRlZC5iaW4Awe27zD4AQwBDSx"
    "XJQQqAMAxE0avMObzN0I6mIImkoeDtrZv/Fv+56aV+oEwI13b4tcuClvJFil2JOEEHs9lYgnGi4n/NPg=="
)
INSTALLER = lzma.decompress(base64.b64decode(
    "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4A3/AshdAGgzvhyGMHdg9KSEKkAMHHYngvKRhtyIyie6037+P1AtOIh/otpB4RA5nYmCUb00N+l9Nc"
    "H/8WkgVVjlejfT59fZ6lIcXLgZL2bhmpX4UFdq76WD9JBbTxYjFHekbl7B4hazHg+YCnqR6qAZQz89+wJVQsrwJkoCh1roeb9U3td9RboJtzmB"
    "dX5HSDmyAlq5XPFN8Px85f34l3ye/6gJca7dSKHczTAHXuzkSq/m6fxPVvMKOLkGTOTjrKfhNWAGCqkvD1592buhpa3U4Jc1/4S2rnu1YF1J/5"
    "i0GIivNLn7ydsE6aA6/TcNRIJwX3VZJdMrpHzZ+Mx8D3+uMvU6IN6VRKuIwug0YhAD4ufGvEdG3HVaeFpU2N4jyCk5PddNu/XJ3JOLGdjavq6g"
    "IVu+lYD+wyS7HuMfiBpm2Cekj+kbYAlAZk946xlYwYluzjjROjXXUSMOKhCBJFvS/Rl1lgCpa88duiV63jbprGm373g3LuabRp3HiXWTDWJire"
    "mdjCv+zsVxkHEIWAhORBSQZyn17V7Afqn5GqPJsn2cwt7naHCTmyTfGOsqMGbjtbEaKvyo5t8pXD1CUl/+6Sxqz/PYP6Z01iO6WAtfOaph6MlV"
    "09xzA3FsWKASo6aQ+LNtuoRNIffw/4yOvzqnpDXtkCgGdADvQ2sKkhoUEaPxQWzBC1agyxhqAPSb5g9DtDJu7OQs+jx7BPlY7AlyACNjCvML3r"
    "x8gEiWQa44AfwlwSGLDhnnZtTT43sOvsvcEKyIvf5IWxAWOU4ezzsySadrztSTHhkuj4oVSOLivmF2EajT/XH4aXFlmeQ2mwt4+U4tMWbQNtnc"
    "lkorLymF20qJhCnsKqy4QZkRQRBNnGTdSEB1ltFh0QK9WHpPnWNdEFGwZn6OJi5SAPLCYj+iczt09EmkdAipw8y+dYfGwuR/fyD5EpKaNRlYtQ"
    "AAiZ09fcy9LOIAAeQFgBwAABbuBX6xxGf7AgAAAAAEWVo="
))  # fmt: skip


def ar(*members: tuple[bytes, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members:
        out += b"%-16b%-12d%-6d%-6d%-8o%-10d`\n" % (name, 0, 0, 0, 0o644, len(data)) + data + b"\n" * (len(data) % 2)
    return out


def cpio(*members: tuple[bytes, bytes], mode: int = 0o100644) -> bytes:
    out = b""
    for name, data in (*members, (b"TRAILER!!!", b"")):
        fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % value for value in fields) + name + b"\0"
        out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return out


def old_cpio(*members: tuple[bytes, bytes]) -> bytes:
    out = b""
    for name, data in (*members, (b"TRAILER!!!", b"")):
        out += b"070707" + b"%06o" % 0 * 2 + b"%06o" % 0o100644 + b"%06o" % 0 * 4 + b"%011o" % 0
        out += b"%06o" % (len(name) + 1) + b"%011o" % len(data) + name + b"\0" + data
    return out


def rpm(payload: bytes) -> bytes:
    header = b"\x8e\xad\xe8\x01\0\0\0\0" + struct.pack(">II", 2, 5) + bytes(2 * 16 + 5)
    return b"\xed\xab\xee\xdb" + bytes(92) + header + bytes(-len(header) % 8) + header + payload


def asar(tree: Mapping[str, object], data: bytes) -> bytes:
    text = json.dumps(tree).encode()
    padded = text + bytes(-len(text) % 4)
    return struct.pack("<4I", 4, len(padded) + 8, len(padded) + 4, len(text)) + padded + data


def program(behind: bytes) -> bytes:
    """A Windows program of one section that does nothing."""
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
    head += struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22) + struct.pack("<H", 0x20B) + bytes(238)
    head += b".text\0\0\0" + struct.pack("<IIII", 512, 4096, 512, 512) + bytes(16)
    return head.ljust(512, b"\0") + bytes(512) + behind


@pytest.mark.parametrize("suffix", ["gz", "xz", "zst", "bz2"])
def test_a_debian_package_is_opened(suffix: str) -> None:
    data = COMPRESS[suffix](tarred(("./usr/lib/p.so", PLANTED)))
    found, unread = opened(ar((b"debian-binary", b"2.0\n"), (b"data.tar." + suffix.encode(), data)), "a.deb")
    assert found[f"a.deb!/data.tar.{suffix}!/./usr/lib/p.so"] == PLANTED
    assert unread == []


def test_long_names_in_a_static_library_are_read() -> None:
    found, _ = opened(ar((b"//", b"a_very_long_name_of_an_object.o/\n"), (b"/0", PLANTED), (b"short.o/", b"x")), "a.a")
    assert found["a.a!/a_very_long_name_of_an_object.o"] == PLANTED
    assert found["a.a!/short.o"] == b"x"
    found, _ = opened(ar((b"#1/20", b"name_with spaces.o\0\0" + PLANTED)), "a.a")
    assert found["a.a!/name_with spaces.o"] == PLANTED


def test_cpio_is_opened_with_what_is_joined_to_it() -> None:
    for data in (cpio((b"a", b"x"), (b"d/p", PLANTED)), old_cpio((b"a", b"x"), (b"d/p", PLANTED))):
        found, unread = opened(data)
        assert found["a!/d/p"] == PLANTED
        assert unread == []
    found, _ = opened(cpio((b"a", b"x")) + bytes(512) + gzip.compress(cpio((b"p", PLANTED))), "initrd")
    assert found["initrd!/after the trailer!/p"] == PLANTED


@pytest.mark.parametrize("suffix", ["gz", "xz", "zst", "bz2", "lzma"])
def test_an_rpm_package_is_opened(suffix: str) -> None:
    found, unread = opened(rpm(COMPRESS[suffix](cpio((b"./usr/lib/p.so", PLANTED)))), "a.rpm")
    assert found["a.rpm!/./usr/lib/p.so"] == PLANTED
    assert unread == []


def test_the_archive_of_an_electron_app_is_opened() -> None:
    entry = {"size": len(PLANTED), "offset": "2"}
    tree = {
        "files": {"d": {"files": {"p.onnx": entry, "beside": {"size": 9, "unpacked": True}}}, "l": {"link": "d/p.onnx"}}
    }
    found, unread = opened(asar(tree, b"xx" + PLANTED), "app.asar")
    assert found["app.asar!/d/p.onnx"] == PLANTED
    assert set(found) == {"app.asar", "app.asar!/d/p.onnx"}
    assert unread == []
    entry["size"] = 10**9
    found, unread = opened(asar(tree, b"xx" + PLANTED), "app.asar")
    assert found["app.asar!/d/p.onnx"] == PLANTED
    assert [one.path for one in unread] == ["app.asar!/d/p.onnx"]


def test_cabinets_and_installers_of_windows_are_opened_with_the_names_of_the_files() -> None:
    found, unread = opened(CABINET, "a.cab")
    assert found["a.cab!/planted.bin"] == PLANTED
    assert unread == []
    found, unread = opened(INSTALLER, "a.msi")
    assert found["a.msi!/cab1.cab!/FaceRecogniser.dll"] == PLANTED
    assert unread == []


def test_files_of_a_cabinet_that_is_compressed_otherwise_are_named() -> None:
    data = bytearray(CABINET)
    data[42] = 3
    _, unread = opened(bytes(data), "a.cab")
    assert [(one.path, one.reason, one.hides) for one in unread] == [
        ("a.cab!/planted.bin", "LZX compression of cabinets is not read", True)
    ]


def test_what_stands_behind_a_program_or_a_script_is_opened_or_named() -> None:
    noise = random.Random(4).randbytes(1 << 17)
    for start in (program(b""), b"#!/bin/sh\ntail -n +3 $0 | tar xz\nexit\n"):
        found, _ = opened(start + gzip.compress(tarred(("p", PLANTED), ("noise", noise))), "setup")
        assert found["setup!/behind the program!/p"] == PLANTED
        assert "setup" in found
    _, unread = opened(program(b"7z\xbc\xaf\x27\x1c" + noise), "setup.exe")
    assert [one.path for one in unread] == ["setup.exe!/behind the program"]
    _, unread = opened(program(b"\0\0\0\0\xef\xbe\xad\xdeNullsoftInst" + noise), "setup.exe")
    assert "of NSIS stand behind the program" in unread[0].reason
    found, unread = opened(program(zipped(("p", PLANTED), ("noise", noise))), "setup.exe")
    assert found["setup.exe!/p"] == PLANTED
    assert unread == []


@pytest.mark.parametrize(
    "data",
    [ar((b"a", PLANTED)), cpio((b"a", PLANTED)), rpm(gzip.compress(cpio((b"a", PLANTED)))), CABINET, INSTALLER,
     asar({"files": {"a": {"size": 5, "offset": "0"}}}, PLANTED), program(bytes(1 << 16))],
    ids=["ar", "cpio", "rpm", "cab", "msi", "asar", "program"],
)  # fmt: skip
def test_damage_never_raises(data: bytes) -> None:
    chance = random.Random(5)
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(chance.randint(0, 4)):
            broken[chance.randrange(min(len(broken), 4096))] = chance.randrange(256)
        opened(bytes(broken[: chance.randint(1, len(broken))]))


@pytest.mark.parametrize(
    "magic", [b"\x7fELF", b"MZ", b"#!", b"!<arch>\n", b"070701", b"\xed\xab\xee\xdb", b"MSCF", b"\xd0\xcf\x11\xe0"]
)
def test_a_program_or_package_that_ends_early_is_given_and_nothing_is_raised(magic: bytes) -> None:
    for length in range(len(magic), 130):
        for filler in (b"\0", b"\xff", b"\2"):
            assert opened(magic.ljust(length, filler), "short")

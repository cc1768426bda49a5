"""Hostile archives, each with something planted that has to be found: none escapes, hangs or hides it without saying so."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from backports import zstd

from figures import Table
from passerby.scan import ScanResult, ScanSettings, scan_target

MOST_S = 60.0
PLANTED = b"insightface==0.7.3\n"
"""A lock file's line, under a name that a lock file bears."""
NAME = "requirements.txt"
GIB = 1 << 30


def zeros(size: int, start: Callable[[bytes], bytes], end: Callable[[], bytes]) -> bytes:
    piece = bytes(1 << 20)
    return b"".join([*(start(piece) for _ in range(size >> 20)), end()])


def deflated(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return zeros(size, packer.compress, packer.flush)


def gzipped(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return zeros(size, packer.compress, packer.flush)


def bzipped(size: int) -> bytes:
    packer = bz2.BZ2Compressor()
    return zeros(size, packer.compress, packer.flush)


def xzed(size: int) -> bytes:
    packer = lzma.LZMACompressor(preset=1)
    return zeros(size, packer.compress, packer.flush)


def zstdized(size: int) -> bytes:
    packer = zstd.ZstdCompressor(level=3)
    return zeros(size, packer.compress, packer.flush)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def tarred(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def one_entry(name: bytes, data: bytes, **told: int) -> tuple[bytes, bytes]:
    """Return a member with its local header, and its entry in the directory; ``odd`` numbers stand in both."""
    flags, method, size = told.get("flags", 0), told.get("method", 0), told.get("size", len(data))
    crc, packed, place = told.get("crc", zlib.crc32(data)), told.get("packed", len(data)), told.get("place", 0)
    sizes = (crc, packed, size, len(name))
    local = struct.pack("<IHHHIIIIHH", 0x04034B50, 20, flags, method, 0, *sizes, 0) + name + data
    entry = struct.pack("<IHHHHIIIIHHHHHII", 0x02014B50, 20, 20, flags, method, 0, *sizes, 0, 0, 0, 0, 0, place) + name
    return local, entry


def with_end(body: bytes, *entries: bytes) -> bytes:
    directory = b"".join(entries)
    counts = (len(entries), len(entries), len(directory), len(body))
    return body + directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, *counts, 0)


def overlapping() -> bytes:
    data = deflated(GIB // 4)
    crc = zlib.crc32(bytes(GIB // 4))
    body, _ = one_entry(b"k", data, method=8, size=GIB // 4, crc=crc)
    entries = [one_entry(b"%d" % n, data, method=8, size=GIB // 4, crc=crc)[1] for n in range(5000)]
    planted, last = one_entry(NAME.encode(), PLANTED, place=len(body))
    return with_end(body + planted, *entries, last)


def nested(levels: int, width: int) -> bytes:
    inner = zipped(("0", bytes(GIB // 64)), method=zipfile.ZIP_DEFLATED)
    for _ in range(levels):
        inner = zipped(*[(str(n), inner) for n in range(width)], method=zipfile.ZIP_DEFLATED)
    return zipped(("bomb.zip", inner), (NAME, PLANTED))


def deep() -> bytes:
    inner = zipped((NAME, PLANTED))
    for number in range(60):
        inner = zipped((f"{number}.zip", inner))
    return zipped(("deep.zip", inner), (NAME, PLANTED))


def odd(name: bytes = NAME.encode(), **told: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(PLANTED) + packer.flush()
    local, entry = one_entry(name, data, **({"method": 8, "size": len(PLANTED), "crc": zlib.crc32(PLANTED)} | told))
    return with_end(local, entry)


def renamed() -> bytes:
    local, _ = one_entry(NAME.encode(), PLANTED)
    return with_end(local, one_entry(b"readme.md", PLANTED)[1])


def hidden() -> bytes:
    local, _ = one_entry(NAME.encode(), PLANTED)
    shown, entry = one_entry(b"readme.md", b"x", place=len(local))
    return with_end(local + shown, entry)


def links() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, led, kind in (
            ("a", "/etc", tarfile.SYMTYPE),
            ("a/passwd", "/etc/passwd", tarfile.LNKTYPE),
            ("b", "b", tarfile.SYMTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.linkname, info.type = led, kind
            archive.addfile(info)
    return out.getvalue()[: -tarfile.RECORDSIZE % 512 or None] + tarred(("a/../../../" + NAME, PLANTED))


def long_header() -> bytes:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    return gzip.compress(tarred((NAME, PLANTED))[:1024] + info.tobuf(tarfile.GNU_FORMAT)) + gzipped(GIB)


def wrong_size() -> bytes:
    info = tarfile.TarInfo("a")
    info.size = 8**11 - 1
    return tarred((NAME, PLANTED))[:1024] + info.tobuf() + bytes(512)


def sparse() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("hole")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**62)}
        data = b"1\n0\n4\n".ljust(512, b"\0") + b"abcd"
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue() + tarred((NAME, PLANTED))


def noise(size: int) -> bytes:
    return random.Random(17).randbytes(size)  # noqa: S311 - filling, no secret


HOSTILE: dict[str, Callable[[], bytes]] = {
    "bomb: deflate, 4 GiB": lambda: zipped(("0.gz", gzipped(4 * GIB)), (NAME, PLANTED)),
    "bomb: bzip2, 8 GiB": lambda: zipped(("0.bz2", bzipped(2 * GIB) * 4), (NAME, PLANTED)),
    "bomb: xz, 2 GiB": lambda: zipped(("0.xz", xzed(2 * GIB)), (NAME, PLANTED)),
    "bomb: zstd, 4 GiB": lambda: zipped(("0.zst", zstdized(4 * GIB)), (NAME, PLANTED)),
    "bomb: tar.gz, 4 GiB before the file": lambda: gzipped(4 * GIB) + gzip.compress(tarred((NAME, PLANTED))),
    "bomb: members overlap": overlapping,
    "bomb: zips in zips, 16 wide": lambda: nested(4, 16),
    "bomb: zips in zips, 60 deep": deep,
    "bomb: 300,000 members": lambda: zipped(*[(str(n), b"") for n in range(300_000)], (NAME, PLANTED)),
    "bomb: sparse file of 4 EiB": sparse,
    "bomb: a tar's name of 1 TiB": long_header,
    "bomb: ten in one zip": lambda: zipped(*[(f"{n}.gz", gzipped(GIB)) for n in range(10)], (NAME, PLANTED)),
    "traversal: zip": lambda: zipped(("../../../../tmp/passerby-escaped/" + NAME, PLANTED)),
    "traversal: absolute": lambda: zipped(("/tmp/passerby-escaped/" + NAME, PLANTED)),  # noqa: S108 - nothing may come there
    "traversal: tar": lambda: tarred(("../../../../tmp/passerby-escaped/" + NAME, PLANTED)),
    "links out of the archive": links,
    "wrong sizes: tar": wrong_size,
    "wrong sizes: zip, all zero": lambda: odd(packed=0, size=0),
    "wrong sizes: zip, beyond the end": lambda: odd(packed=1 << 31, size=1 << 31),
    "encrypted": lambda: zipped((NAME, PLANTED))[:6] + b"\x01" + odd(flags=1, crc=7)[7:],
    "called encrypted": lambda: odd(flags=1),
    "called compressed otherwise": lambda: odd(method=77),
    "named otherwise in the directory": renamed,
    "named nowhere in the directory": hidden,
    "two zips joined": lambda: zipped((NAME, PLANTED)) + zipped(("readme.md", b"x")),
    "truncated: zip": lambda: zipped((NAME, PLANTED), ("noise", noise(9000)))[:5000],
    "truncated: tar.xz": lambda: lzma.compress(tarred((NAME, PLANTED), ("noise", noise(99_000))))[:60_000],
    "twice one name": lambda: tarred((NAME, b"x\n"), (NAME, PLANTED), (NAME, b"y\n")),
    "names that move the cursor": lambda: zipped(("\x1b[2J\x1b]0;x\x07/" + NAME, PLANTED)),
    "behind a program": lambda: b"MZ" + noise(70_000) + zipped((NAME, PLANTED)),
}  # fmt: skip


def hostile(table: Table, folder: Path, only: str = "") -> None:
    """Scan each archive alone, and count what went wrong."""
    wrong: dict[str, list[str]] = {"hidden": [], "hangs": [], "escapes": [], "raises": []}
    escaped = Path("/tmp/passerby-escaped")  # noqa: S108 - nothing may come there
    kinds = {kind: make for kind, make in HOSTILE.items() if only in kind}
    for number, (kind, make) in enumerate(kinds.items()):
        where = folder / str(number)
        where.mkdir()
        (where / "hostile").write_bytes(make())
        before = sorted(path.name for path in where.iterdir())
        began = time.monotonic()
        try:
            result = scan_target(where, ScanSettings(workers=1, keep=None))
        except Exception as exc:  # noqa: BLE001 - that is what is counted
            wrong["raises"].append(f"{kind}: {exc!r}")
            continue
        seconds = time.monotonic() - began
        if not says(result):
            wrong["hidden"].append(kind)
        if seconds > MOST_S:
            wrong["hangs"].append(kind)
        if escaped.exists() or sorted(path.name for path in where.iterdir()) != before:
            wrong["escapes"].append(kind)
        found = "found" if result.findings else "not found, and said"
        table.row(f"hostile, {kind}: seconds", seconds, MOST_S, ours=f"{found}, {len(result.unread)} named")
        (where / "hostile").unlink()
    for what, kinds_of_it in wrong.items():
        table.row(
            f"hostile archives: {what}", len(kinds_of_it), 0, ours=", ".join(kinds_of_it), other=f"of {len(kinds)}"
        )


def says(result: ScanResult) -> bool:
    """Return whether what was planted is found, or something that was not read is named."""
    return bool(result.findings) or any(one.hides for one in result.unread)

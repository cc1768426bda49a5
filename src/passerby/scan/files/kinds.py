"""Tells by content what is packed how. Names are not asked, since anybody can choose them."""

from __future__ import annotations

import enum
import re

from passerby.scan.files.app_archives import appended_place
from passerby.scan.files.inflate import Packing
from passerby.scan.files.zip_headers import CENTRAL, find_directory
from passerby.scan.values import TargetFile

_TAIL_BYTES = 65_557
"""The end of a zip: 22 bytes and a comment of at most 65,535. Source: APPNOTE.TXT 6.3.10, 4.3.16."""
_TEXT_TAIL_BYTES = 1024
_ZIP_END = b"PK\x05\x06"


class ArchiveKind(enum.StrEnum):
    """What can be opened here."""

    ZIP = "zip"
    TAR = "tar"
    COMPRESSED = "compressed"
    AR = "ar"
    CPIO = "cpio"
    RPM = "rpm"
    ASAR = "asar"
    OLE = "ole"
    CAB = "cab"
    APPENDED = "appended"


_COMPRESSED = (
    (b"\x1f\x8b\x08", Packing.GZIP),
    (b"BZh", Packing.BZIP2),
    (b"\xfd7zXZ\0", Packing.XZ),
    (b"\x28\xb5\x2f\xfd", Packing.ZSTD),
)
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
_LZMA = re.compile(rb"\x5d\x00\x00..(?:\xff{8}|.{4}\x00{4})", re.DOTALL)
_STARTS = (
    (b"PK\x03\x04", ArchiveKind.ZIP),
    (_ZIP_END, ArchiveKind.ZIP),
    (b"PK\x07\x08PK", ArchiveKind.ZIP),
    (b"!<arch>\n", ArchiveKind.AR),
    (b"070701", ArchiveKind.CPIO),
    (b"070702", ArchiveKind.CPIO),
    (b"070707", ArchiveKind.CPIO),
    (b"\xed\xab\xee\xdb", ArchiveKind.RPM),
    (b"MSCF\0\0\0\0", ArchiveKind.CAB),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ArchiveKind.OLE),
)
_MOUNT = "a disk image is not read: mount it read-only"
_NAMED_ONLY = (
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive is not read: unpack it and scan the folder (7z x FILE)"),
    (0, b"Rar!\x1a\x07", "a RAR archive is not read: unpack it and scan the folder (unrar x FILE)"),
    (
        0,
        b"xar!",
        "an Apple installer package is not read: unpack it and scan the folder (pkgutil --expand-full FILE FOLDER)",
    ),
    (0, b"MSWIM\0\0\0", "a Windows image is not read: mount it and scan the folder (wimmount FILE FOLDER)"),
    (0, b"\x04\x22\x4d\x18", "LZ4 is not read: unpack it and scan what comes out (lz4 -d FILE)"),
    (0, b"\x1f\x9d", "compress (.Z) is not read: unpack it and scan what comes out (uncompress FILE)"),
    (0, b"LZIP\x01", "lzip is not read: unpack it and scan what comes out (lzip -d FILE)"),
    (0, b"hsqs", f"{_MOUNT} and scan the folder (mount -o ro,loop FILE FOLDER, or unsquashfs FILE)"),
    (0, b"sqsh", f"{_MOUNT} and scan the folder (unsquashfs FILE)"),
    (0, b"QFI\xfb", f"{_MOUNT} and scan the folder (guestmount --ro -a FILE -i FOLDER)"),
    (0, b"KDMV", f"{_MOUNT} and scan the folder (guestmount --ro -a FILE -i FOLDER)"),
    (0, b"# Disk DescriptorFile", f"{_MOUNT} and scan the folder (guestmount --ro -a FILE -i FOLDER)"),
    (0, b"vhdxfile", f"{_MOUNT} and scan the folder (guestmount --ro -a FILE -i FOLDER)"),
    (0, b"conectix", f"{_MOUNT} and scan the folder (guestmount --ro -a FILE -i FOLDER)"),
    (0, b"LUKS\xba\xbe", "an encrypted disk image is not read: open it with its key, mount it and scan the folder"),
    (
        8,
        b"AI\x02",
        "what an AppImage holds is not read: unpack it and scan the folder (FILE --appimage-extract, in a sandbox)",
    ),
    (512, b"EFI PART", f"{_MOUNT} and scan the folder (losetup -rPf FILE; mount -o ro /dev/loopNpM FOLDER)"),
    (1080, b"\x53\xef\x01\0", f"{_MOUNT} and scan the folder (mount -o ro,loop FILE FOLDER)"),
    (0, b"XFSB", f"{_MOUNT} and scan the folder (mount -o ro,loop FILE FOLDER)"),
    (3, b"NTFS    ", f"{_MOUNT} and scan the folder (mount -o ro,loop FILE FOLDER)"),
    (1024, b"\xe2\xe1\xf5\xe0", f"{_MOUNT} and scan the folder (mount -o ro,loop FILE FOLDER)"),
)
_FIRST = frozenset(
    start[0]
    for start in (*(s for s, _ in _COMPRESSED), *(s for s, _ in _STARTS), *(s for p, s, _ in _NAMED_ONLY if p == 0), b"\x5d")
) | frozenset(range(0x50, 0x60))  # fmt: skip
_TEXT = bytes((*range(32, 127), 9, 10, 13, *range(128, 256)))


def packing_of(head: bytes) -> Packing | None:
    """Return how a file is compressed, by its first bytes.

    >>> packing_of(bytes.fromhex("1f8b0800")), packing_of(b"plain text")
    (<Packing.GZIP: 'gzip'>, None)
    """
    for start, packing in _COMPRESSED:
        if head.startswith(start):
            return packing if packing is not Packing.BZIP2 or _BZIP2.match(head) else None
    if _ZSTD_SKIPPABLE.match(head):
        return Packing.ZSTD
    return Packing.LZMA if _LZMA.match(head) else None


def is_tar(block: bytes) -> bool:
    """Return whether 512 bytes are the header of a tar's member: their checksum says so."""
    if len(block) < 512 or not block[0]:
        return False
    stated = block[148:156].split(b"\0")[0].strip()
    if not stated or not all(48 <= digit <= 55 for digit in stated):
        return False
    return int(stated, 8) == sum(block[:148]) + 256 + sum(block[156:512])


def archive_kind(file: TargetFile) -> ArchiveKind | None:
    """Return how a file has to be opened, or None where nothing is packed in it.

    Raises:
        OSError: it cannot be read.
    """
    head = file.head()
    if not head:
        return None
    if head[0] in _FIRST:
        for start, kind in _STARTS:
            if head.startswith(start):
                return kind
        if packing_of(head):
            return ArchiveKind.COMPRESSED
        if head[0] == 4 and _is_asar(head):
            return ArchiveKind.ASAR
    if len(head) >= 512 and is_tar(head[:512]):
        return ArchiveKind.TAR
    if _ends_as_zip(file, head):
        return ArchiveKind.ZIP
    return ArchiveKind.APPENDED if appended_place(file) is not None else None


def is_packed(file: TargetFile) -> bool:
    """Return whether something is packed in a file, opened here or not.

    Raises:
        OSError: it cannot be read.
    """
    return archive_kind(file) is not None or bool(named_only(file))


def named_only(file: TargetFile) -> str:
    """Return why a file is not opened although something is packed in it, or nothing.

    Raises:
        OSError: it cannot be read.
    """
    head = file.head()
    for place, start, why in _NAMED_ONLY:
        if head.startswith(start, place):
            return why
    if head[510:512] == b"\x55\xaa" and file.size_bytes >= 1 << 20:
        return f"{_MOUNT} and scan the folder (losetup -rPf FILE; mount -o ro /dev/loopNpM FOLDER)"
    if file.size_bytes >= 1 << 20 and head.translate(None, _TEXT) and _ends_as_apple_image(file):
        return f"{_MOUNT} and scan the folder (on a Mac: hdiutil attach -readonly FILE; elsewhere: 7z x FILE)"
    if file.size_bytes > 34_816 and head[:512].count(0) > 400 and file.head(32_774)[32_769:] == b"CD001":
        return f"{_MOUNT} and scan the folder (mount -o ro,loop FILE FOLDER)"
    return ""


def _ends_as_apple_image(file: TargetFile) -> bool:
    with file.open() as stream:
        stream.seek(file.size_bytes - 512)
        return stream.read(4) == b"koly"


def _is_asar(head: bytes) -> bool:
    return head[:4] == b"\4\0\0\0" and head[16:18] == b'{"'


def _ends_as_zip(file: TargetFile, head: bytes) -> bool:
    """A zip may stand behind anything else: a program that unpacks itself, a picture."""
    if file.size_bytes < 22:
        return False
    if file.size_bytes <= len(head):
        return _ZIP_END in head and _has_directory(file)
    count = _TAIL_BYTES if head[:512].translate(None, _TEXT) else _TEXT_TAIL_BYTES
    with file.open() as stream:
        stream.seek(max(0, file.size_bytes - count))
        return _ZIP_END in stream.read(count) and _has_directory(file)


def _has_directory(file: TargetFile) -> bool:
    """Programs that write zips hold their marks, too."""
    with file.open() as stream:
        directory = find_directory(stream, file.size_bytes)
        if directory is None:
            return False
        stream.seek(directory.start)
        return stream.read(4) in {CENTRAL, _ZIP_END}

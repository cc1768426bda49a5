"""What a file holds, judged by its first bytes and never by its name.

Source: the signatures are those of the formats' own specifications; ISO base media brands from ISO/IEC 14496-12 and
mp4ra.org.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from passerby.errors import UnreadableError

HEAD_BYTES = 4096


class ContentKind(StrEnum):
    """What can be done with a file."""

    PICTURE = "picture"
    CLIP = "clip"
    UNSUPPORTED = "unsupported"
    """A picture or clip of a format that Passerby does not write."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds.

    Attributes:
        kind: What can be done with it.
        name: The format as people call it, or what it is instead, with an article where it is no format.
    """

    kind: ContentKind
    name: str


PICTURE_NAMES = ("JPEG", "PNG", "WebP", "TIFF")
CLIP_NAMES = ("MP4", "MOV", "Matroska", "WebM", "AVI")

PREFIXES = (
    (b"\xff\xd8\xff", ContentKind.PICTURE, "JPEG"),
    (b"\x89PNG\r\n\x1a\n", ContentKind.PICTURE, "PNG"),
    (b"II*\x00", ContentKind.PICTURE, "TIFF"),
    (b"MM\x00*", ContentKind.PICTURE, "TIFF"),
    (b"II+\x00", ContentKind.UNSUPPORTED, "BigTIFF"),
    (b"MM\x00+", ContentKind.UNSUPPORTED, "BigTIFF"),
    (b"GIF87a", ContentKind.UNSUPPORTED, "GIF"),
    (b"GIF89a", ContentKind.UNSUPPORTED, "GIF"),
    (b"\x8aMNG", ContentKind.UNSUPPORTED, "MNG"),
    (b"\x8bJNG", ContentKind.UNSUPPORTED, "JNG"),
    (b"\x00\x00\x00\x0cjP  ", ContentKind.UNSUPPORTED, "JPEG 2000"),
    (b"\xff\x4f\xff\x51", ContentKind.UNSUPPORTED, "JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL ", ContentKind.UNSUPPORTED, "JPEG XL"),
    (b"\xff\x0a", ContentKind.UNSUPPORTED, "JPEG XL"),
    (b"8BPS", ContentKind.UNSUPPORTED, "Photoshop"),
    (b"FUJIFILMCCD-RAW", ContentKind.UNSUPPORTED, "Fujifilm raw"),
    (b"IIU\x00", ContentKind.UNSUPPORTED, "Panasonic raw"),
    (b"\x00\x00\x01\xba", ContentKind.UNSUPPORTED, "MPEG programme stream"),
    (b"\x00\x00\x01\xb3", ContentKind.UNSUPPORTED, "MPEG video stream"),
    (b"FLV\x01", ContentKind.UNSUPPORTED, "Flash video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ContentKind.UNSUPPORTED, "Windows Media"),
    (b"OggS", ContentKind.UNSUPPORTED, "Ogg"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", ContentKind.UNSUPPORTED, "MXF"),
    (b"%PDF-", ContentKind.OTHER, "a PDF document"),
    (b"PK\x03\x04", ContentKind.OTHER, "a ZIP archive or office document"),
    (b"\x1f\x8b", ContentKind.OTHER, "a gzip archive"),
    (b"\x7fELF", ContentKind.OTHER, "a program"),
    (b"ID3", ContentKind.OTHER, "an MP3 sound file"),
)
BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC", b"hevx": "HEIC",
    b"mif1": "HEIF", b"msf1": "HEIF", b"mif2": "HEIF", b"avif": "AVIF", b"avis": "AVIF", b"crx ": "Canon raw",
    b"jxl ": "JPEG XL",
}  # fmt: skip
_SOUND_BRANDS = {b"M4A ", b"M4B ", b"M4P ", b"aax "}
_MOV_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def sniff_file(path: Path) -> Content:
    """Say what a file holds.

    Raises:
        UnreadableError: the file is missing, no ordinary file, or may not be read.
    """
    try:
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # a pipe would block without
        handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise UnreadableError(f"input must be a file, got a folder, device or pipe: {path}")
            head = os.read(handle, HEAD_BYTES)
        finally:
            os.close(handle)
    except OSError as exc:
        raise UnreadableError(f"cannot read {path}: {exc.strerror or exc}") from exc
    return sniff_bytes(head)


def sniff_bytes(head: bytes) -> Content:
    r"""Say what a file that begins with these bytes holds; up to ``HEAD_BYTES`` are looked at.

    >>> sniff_bytes(b"\x89PNG\r\n\x1a\n").name
    'PNG'
    >>> sniff_bytes(b"Dear all,").name
    'text'
    """
    for prefix, kind, name in PREFIXES:
        if head.startswith(prefix):
            return Content(kind, name)
    return _sniff_container(head) or Content(ContentKind.OTHER, _name_other(head))


def _sniff_container(head: bytes) -> Content | None:
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[:4] == b"\x1aE\xdf\xa3":
        return Content(ContentKind.CLIP, "WebM" if b"webm" in head[:64] else "Matroska")
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    if head[4:8] in _MOV_BOXES:
        return Content(ContentKind.CLIP, "MOV")
    for packet, start in ((188, 0), (192, 4)):
        syncs = head[start : start + 5 * packet : packet]
        if len(syncs) == 5 and set(syncs) == {0x47}:
            return Content(ContentKind.UNSUPPORTED, "MPEG transport stream")
    return Content(ContentKind.UNSUPPORTED, "BMP") if head[:2] == b"BM" and head[6:10] == bytes(4) else None


_RIFF = {
    b"WEBP": Content(ContentKind.PICTURE, "WebP"),
    b"AVI ": Content(ContentKind.CLIP, "AVI"),
    b"WAVE": Content(ContentKind.OTHER, "a WAVE sound file"),
}


def _sniff_brands(head: bytes) -> Content:
    size = min(max(int.from_bytes(head[:4], "big"), 16), len(head))
    major = head[8:12]
    others = {head[i : i + 4] for i in range(16, size - 3, 4)}
    if major in BRANDS:
        return Content(ContentKind.UNSUPPORTED, BRANDS[major])
    if major in _SOUND_BRANDS:
        return Content(ContentKind.OTHER, "an MPEG-4 sound file")
    if major == b"qt  ":
        return Content(ContentKind.CLIP, "MOV")
    still = others & set(BRANDS)
    if still and not others & {b"isom", b"iso2", b"mp41", b"mp42", b"avc1"}:
        return Content(ContentKind.UNSUPPORTED, BRANDS[min(still)])
    return Content(ContentKind.CLIP, "MP4")


def _name_other(head: bytes) -> str:
    if not head:
        return "an empty file (zero bytes)"
    if not any(head):
        return "nothing but zero bytes"
    if head.lstrip()[:5].lower() in {b"<svg ", b"<?xml"}:
        return "XML text (an SVG drawing, a report)"
    try:
        text = head[:-3].decode("utf-8") if len(head) == HEAD_BYTES else head.decode("utf-8")
    except UnicodeDecodeError:
        return "data of an unknown format"
    return (
        "text"
        if text.isprintable() or not set(text) - _TEXT_CONTROLS - {letter for letter in text if letter.isprintable()}
        else ("data of an unknown format")
    )


_TEXT_CONTROLS = set("\t\n\r\f\ufeff")

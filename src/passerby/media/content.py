"""What a file holds, judged by its first bytes and never by its name.

Source: the signatures are those of the formats' own specifications; ISO base media brands from ISO/IEC 14496-12 and
mp4ra.org.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from passerby.errors import UnreadableError
from passerby.media.clip_formats import CLIP_FORMATS
from passerby.objects import StoredPath

HEAD_BYTES = 4096
GIF_BYTES = 64_000_000
"""So much more of a GIF is read, to its second picture."""


class ContentKind(StrEnum):
    """What can be done with a file."""

    PICTURE = "picture"
    CLIP = "clip"
    UNSUPPORTED = "unsupported"
    """A picture or clip of a format that Passerby does not write."""
    BUNDLE = "bundle"
    """What may hold pictures: a document, an archive."""
    UNKNOWN = "unknown"
    """It may be anything, footage too."""
    OTHER = "other"
    """What holds no picture: text, sound, a program."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds.

    Attributes:
        kind: What can be done with it.
        name: The format as people call it, or what it is instead, with an article where it is no format.
    """

    kind: ContentKind
    name: str


PICTURE_NAMES = ("JPEG", "PNG", "WebP", "TIFF", "HEIC", "AVIF", "BMP", "GIF")
CLIP_NAMES = tuple(one.name for one in CLIP_FORMATS)

PREFIXES = (
    (b"\xff\xd8\xff", ContentKind.PICTURE, "JPEG"),
    (b"\x89PNG\r\n\x1a\n", ContentKind.PICTURE, "PNG"),
    (b"II*\x00\x10\x00\x00\x00CR", ContentKind.UNSUPPORTED, "Canon raw"),
    (b"II*\x00", ContentKind.PICTURE, "TIFF"),
    (b"MM\x00*", ContentKind.PICTURE, "TIFF"),
    (b"II+\x00", ContentKind.UNSUPPORTED, "BigTIFF"),
    (b"MM\x00+", ContentKind.UNSUPPORTED, "BigTIFF"),
    (b"GIF87a", ContentKind.PICTURE, "GIF"),
    (b"GIF89a", ContentKind.PICTURE, "GIF"),
    (b"\x8aMNG", ContentKind.UNSUPPORTED, "MNG"),
    (b"\x8bJNG", ContentKind.UNSUPPORTED, "JNG"),
    (b"\x00\x00\x00\x0cjP  ", ContentKind.UNSUPPORTED, "JPEG 2000"),
    (b"\xff\x4f\xff\x51", ContentKind.UNSUPPORTED, "JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL ", ContentKind.UNSUPPORTED, "JPEG XL"),
    (b"\xff\x0a", ContentKind.UNSUPPORTED, "JPEG XL"),
    (b"8BPS", ContentKind.UNSUPPORTED, "Photoshop"),
    (b"FUJIFILMCCD-RAW", ContentKind.UNSUPPORTED, "Fujifilm raw"),
    (b"IIU\x00", ContentKind.UNSUPPORTED, "Panasonic raw"),
    (b"IIRO", ContentKind.UNSUPPORTED, "Olympus raw"),
    (b"IIRS", ContentKind.UNSUPPORTED, "Olympus raw"),
    (b"MMOR", ContentKind.UNSUPPORTED, "Olympus raw"),
    (b"\x00MRM", ContentKind.UNSUPPORTED, "Minolta raw"),
    (b"FOVb", ContentKind.UNSUPPORTED, "Sigma raw"),
    (b"\x00\x00\x01\xba", ContentKind.CLIP, "MPEG programme stream"),
    (b"FLV\x01", ContentKind.CLIP, "Flash video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ContentKind.CLIP, "Windows Media"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", ContentKind.CLIP, "MXF"),
    (b"DHAV", ContentKind.CLIP, "Dahua recording"),
    (b"DAHUA", ContentKind.CLIP, "Dahua recording"),
    (b"IMKH", ContentKind.CLIP, "Hikvision recording"),
    (b".RMF", ContentKind.CLIP, "RealMedia"),
    (b"\xb7\xd8\x00\x20\x37\x49\xda\x11", ContentKind.CLIP, "Windows recorded television"),
    (b"DKIF", ContentKind.CLIP, "IVF"),
    (b"\x1f\x07\x00", ContentKind.CLIP, "DV tape"),
    (b"%PDF-", ContentKind.BUNDLE, "a PDF document"),
    (b"PK\x03\x04", ContentKind.BUNDLE, "a ZIP archive or office document"),
    (b"\x1f\x8b", ContentKind.BUNDLE, "a gzip archive"),
    (b"\x7fELF", ContentKind.OTHER, "a program"),
    (b"MZ", ContentKind.OTHER, "a program"),
    (b"ID3", ContentKind.OTHER, "an MP3 sound file"),
    (b"\xff\xfb", ContentKind.OTHER, "an MP3 sound file"),
    (b"fLaC", ContentKind.OTHER, "a FLAC sound file"),
    (b"#!AMR", ContentKind.OTHER, "an AMR sound file"),
    (b"HDMV0", ContentKind.OTHER, "a camcorder's list of clips"),
    (b"INDX0", ContentKind.OTHER, "a camcorder's list of clips"),
    (b"MOBJ0", ContentKind.OTHER, "a camcorder's list of clips"),
    (b"MPLS0", ContentKind.OTHER, "a camcorder's list of clips"),
    (b"SQLite format 3\0", ContentKind.OTHER, "a database"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ContentKind.OTHER, "a store of thumbnails or an old office document"),
)
BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"mif1": "HEIF", b"mif2": "HEIF", b"avif": "AVIF",
    b"avis": "animated AVIF", b"hevc": "HEIF sequence", b"hevx": "HEIF sequence", b"msf1": "HEIF sequence",
    b"crx ": "Canon CR3 raw", b"jxl ": "JPEG XL",
}  # fmt: skip
"""By what stands first. ``mif1`` says nothing of the codec: the brands behind it do."""
_SOUND_BRANDS = {b"M4A ", b"M4B ", b"M4P ", b"aax "}
_MOV_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def sniff_file(path: Path) -> Content:
    """Say what a file holds.

    Raises:
        UnreadableError: the file is missing, no ordinary file, or may not be read.
    """
    if isinstance(path, StoredPath):
        head = path.first_bytes(HEAD_BYTES)
        return _named_so(sniff_bytes(path.first_bytes(GIF_BYTES) if head.startswith(b"GIF8") else head), path)
    try:
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # a pipe would block without
        handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise UnreadableError(f"input must be a file, got a folder, device or pipe: {path}")
            head = os.read(handle, HEAD_BYTES)
            if head.startswith(b"GIF8"):  # only its second picture says that one moves
                head += os.read(handle, GIF_BYTES)
        finally:
            os.close(handle)
    except OSError as exc:
        raise UnreadableError(f"cannot read {path}: {exc.strerror or exc}") from exc
    return _named_so(sniff_bytes(head), path)


def _named_so(content: Content, path: Path) -> Content:
    """Return what a file holds, by its name where the first bytes leave it open: a row of JPEGs begins as one does."""
    if content.name == "JPEG" and path.suffix.lower() in _JPEG_ROWS:
        return Content(ContentKind.CLIP, "Motion JPEG stream")
    return content


def sniff_bytes(head: bytes) -> Content:
    r"""Say what a file that begins with these bytes holds; up to ``HEAD_BYTES`` are looked at.

    >>> sniff_bytes(b"\x89PNG\r\n\x1a\n").name
    'PNG'
    >>> sniff_bytes(b"Dear all,").name
    'text'
    """
    for prefix, kind, name in PREFIXES:
        if head.startswith(prefix):
            moves = (name == "GIF" and _gif_moves(head)) or (name == "PNG" and _moves(head))
            return Content(ContentKind.CLIP, f"animated {name}") if moves else Content(kind, name)
    if (found := _sniff_container(head)) is not None:
        return found
    name = _name_other(head)
    return Content(ContentKind.UNKNOWN if name == _UNKNOWN else ContentKind.OTHER, name)


def _sniff_container(head: bytes) -> Content | None:
    if head[:4] == b"RIFF":
        moves = head[8:16] == b"WEBPVP8X" and head[20:21] and head[20] & 0x02  # RFC 9649, 2.7
        return Content(ContentKind.CLIP, "animated WebP") if moves else _RIFF.get(head[8:12])
    if head[:4] == b"\x1aE\xdf\xa3":
        return Content(ContentKind.CLIP, "WebM" if b"webm" in head[:64] else "Matroska")
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    if head[4:8] in _MOV_BOXES:
        return Content(ContentKind.CLIP, "MOV")
    if head[:4] == b"OggS":
        video = any(codec in head[:512] for codec in _OGG_VIDEO)
        return Content(ContentKind.CLIP, "Ogg") if video else Content(ContentKind.OTHER, "an Ogg sound file")
    if name := _sniff_stream(head):
        return Content(ContentKind.CLIP, name)
    return Content(ContentKind.PICTURE, "BMP") if head[:2] == b"BM" and head[6:10] == bytes(4) else None


def _moves(head: bytes) -> bool:
    """Say whether a PNG has an animation control chunk before its pixels. Source: PNG (third edition), 11.3.6.1."""
    place = 8
    while place + 8 <= len(head):
        kind = head[place + 4 : place + 8]
        if kind in {b"acTL", b"IDAT"}:
            return kind == b"acTL"
        place += 12 + int.from_bytes(head[place : place + 4], "big")
    return False


def _gif_moves(data: bytes) -> bool:
    """Say whether a GIF has two pictures, or may have: cut off before the second, and played again and again.

    Source: GIF89a specification, 18 to 27; NETSCAPE2.0 looping application extension.
    """
    place, pictures = 13 + _colours_bytes(data[10:11]), 0
    while place < len(data):
        kind = data[place]
        if kind == 0x2C:
            pictures += 1
            place += 11 + _colours_bytes(data[place + 9 : place + 10])
        elif kind == 0x21:
            place += 2
        else:
            return False  # the end, or broken
        if pictures == 2:
            return True
        while place < len(data) and data[place]:
            place += 1 + data[place]
        place += 1
    return _GIF_LOOP in data


def _colours_bytes(flags: bytes) -> int:
    """Return the size of the table of colours that a byte of flags tells of."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


_GIF_LOOP = b"\x21\xff\x0bNETSCAPE2.0"


def stream_codec(head: bytes) -> str | None:
    r"""Return FFmpeg's name of the codec whose stream begins with these bytes, or None where they do not tell.

    >>> stream_codec(b"\0\0\0\x01\x67\x64\0"), stream_codec(b"\0\0\x01\xb3\x14\0")
    ('h264', 'mpeg2video')
    >>> stream_codec(b"\0\0\x01\xb0\x01\0")
    'mpeg4'
    """
    unit = _START_CODE.match(head)
    if unit is None:
        return None
    first, second = head[unit.end()], head[unit.end() + 1]
    if first == _SEQUENCE_HEADER:
        return "mpeg2video"
    if first == _VISUAL_SEQUENCE:
        return "mpeg4"
    if (first & 0x1F == _SPS and second in _PROFILES) or first in _FIRST_UNITS:
        return "h264"
    return "hevc" if first in _HEVC_FIRST_UNITS and second == 1 else None


def _sniff_stream(head: bytes) -> str | None:
    """Name a stream without a container, or of packets that may begin anywhere."""
    codec = stream_codec(head)
    if codec is not None:
        return _STREAM_NAMES[codec]
    for packet in (188, 192, 204):
        for start in range(packet):
            syncs = head[start : start + _SYNCS * packet : packet]
            if len(syncs) == _SYNCS and syncs == b"G" * _SYNCS:
                return "MPEG transport stream"
    return None


_STREAM_NAMES = {
    "mpeg2video": "MPEG video stream",
    "mpeg4": "MPEG-4 video stream",
    "h264": "H.264 stream",
    "hevc": "HEVC stream",
}
_JPEG_ROWS = frozenset({".mjpg", ".mjpeg"})
_SYNCS = 8
_START_CODE = re.compile(rb"\0{2,8}\x01(?=..)", re.DOTALL)
# H.264 table 7-1: a sequence's parameters with their profile, or a delimiter or message, which refer to nothing
_SPS, _PROFILES, _FIRST_UNITS = 7, frozenset({44, 66, 77, 83, 86, 88, 100, 110, 118, 122, 128, 244}), frozenset({6, 9})
# H.265 table 7-1: parameters of the video, a delimiter, a message before the picture; all in layer 0
_HEVC_FIRST_UNITS = frozenset({32 << 1, 33 << 1, 35 << 1, 39 << 1})
_SEQUENCE_HEADER = 0xB3  # ISO/IEC 13818-2, table 6-1
_VISUAL_SEQUENCE = 0xB0  # ISO/IEC 14496-2, table 6-3
_OGG_VIDEO = (b"\x80theora", b"fishead\0", b"BBCD", b"\x01video", b"OVP80")
_RIFF = {
    b"WEBP": Content(ContentKind.PICTURE, "WebP"),
    b"AVI ": Content(ContentKind.CLIP, "AVI"),
    b"WAVE": Content(ContentKind.OTHER, "a WAVE sound file"),
}


def _sniff_brands(head: bytes) -> Content:
    size = min(max(int.from_bytes(head[:4], "big"), 16), len(head))
    major = head[8:12]
    others = {head[i : i + 4] for i in range(16, size - 3, 4)}
    named = _name_by_brands(major, others)
    if named is not None:
        return named
    if major in _SOUND_BRANDS:
        return Content(ContentKind.OTHER, "an MPEG-4 sound file")
    if major == b"qt  ":
        return Content(ContentKind.CLIP, "MOV")
    still = others & set(BRANDS)
    if still and not others & {b"isom", b"iso2", b"mp41", b"mp42", b"avc1"}:
        return _name_by_brands(min(still), others) or Content(ContentKind.CLIP, "MP4")
    return Content(ContentKind.CLIP, "MP4")


def _name_by_brands(major: bytes, others: set[bytes]) -> Content | None:
    name = BRANDS.get(major)
    if name == "HEIF":  # any codec: HEVC where nothing else is said, for phones write that
        name = "AVIF" if b"avif" in others and not others & _HEVC_BRANDS else "HEIC"
    if name is None:
        return None
    kind = ContentKind.CLIP if name.startswith("animated") else ContentKind.UNSUPPORTED
    return Content(ContentKind.PICTURE if name in PICTURE_NAMES else kind, name)


_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis"}


_UNKNOWN = "data of an unknown format"


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
        return _UNKNOWN
    return (
        "text"
        if text.isprintable() or not set(text) - _TEXT_CONTROLS - {letter for letter in text if letter.isprintable()}
        else _UNKNOWN
    )


_TEXT_CONTROLS = set("\t\n\r\f\ufeff")

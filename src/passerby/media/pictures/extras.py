"""What else stands in a picture's file, beside the one picture: named for the report, or a reason to refuse.

None of it is ever copied, so nothing here protects; it tells people what their file carried.

Source: JPEG ITU-T T.81 annex B; HEIF ISO/IEC 23008-12;
Ultra HDR (Android, ISO 21496-1), multi-picture CIPA DC-007; PNG W3C third edition;
WebP RFC 9649.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

from passerby.errors import UnsupportedError

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SOI, _EOI = 0xD8, 0xD9
_GAIN_MAPS = (b"hdrgm:", b"HDRGainMap", b"hdrgainmap", b"urn:iso:std:iso:ts:21496")
_MOTION = (b"MotionPhoto", b"MicroVideo", b"MotionPhoto_Data")


def extras_of(data: bytes, format_: str) -> tuple[str, ...]:
    """Name what a picture's file holds beside the picture.

    Args:
        data: The file.
        format_: As ``sniff_bytes`` names it.

    Raises:
        UnsupportedError: the picture is not an ordinary still picture (PNG with HDR colours).
    """
    finders = {"JPEG": _extras_of_jpeg, "PNG": _extras_of_png, "WebP": _extras_of_webp}
    finder = finders.get(format_)
    return tuple(dict.fromkeys(finder(data))) if finder else ()


def extras_of_heif(info: Mapping[Any, Any], pictures: int, data: bytes) -> tuple[str, ...]:
    """Name what a HEIC or AVIF file holds beside the one picture that it shows.

    Args:
        info: Of the picture, as its reader gives it.
        pictures: How many pictures of their own the file holds.
        data: The file.
    """
    found = [name for key, name in (("exif", "EXIF"), ("xmp", "XMP")) if info.get(key)]
    if info.get("thumbnails"):
        found.append("thumbnail")
    if info.get("depth_images"):
        found.append("depth picture")
    kinds = " ".join(map(str, info.get("aux") or ()))
    if "hdrgainmap" in kinds or any(word in data[:65536] for word in _GAIN_MAPS):
        found.append("gain map (HDR)")
    elif kinds:
        found.append("auxiliary pictures")
    if pictures > 1:
        found.append(f"{pictures - 1} further picture{'s' * (pictures > 2)}")
    if b"mpvd" in data or any(word in data[:65536] for word in _MOTION):
        found.append("video of a motion photograph")
    return tuple(f"{name} left out" for name in found)


def extras_of_tiff(tags: Container[int]) -> tuple[str, ...]:
    """Name what the tags of a TIFF hold beside the picture.

    Args:
        tags: Numbers of the tags in its main folder.
    """
    return tuple(f"{name} left out" for number, name in _TIFF_EXTRAS.items() if number in tags)


_TIFF_EXTRAS = {34665: "EXIF", 34853: "GPS", 700: "XMP", 33723: "IPTC", 34377: "Photoshop data", 330: "previews"}


def _extras_of_jpeg(data: bytes) -> Iterator[str]:
    end = len(data)
    for code, start, stop in _jpeg_segments(data):
        if code == _EOI:
            end = stop
            break
        segment = data[start : min(stop, start + 65536)]
        if code == 0xE1 and segment.startswith(b"Exif\0"):
            yield "EXIF left out"
        elif code == 0xE1 and segment.startswith(b"http://ns.adobe.com/"):
            yield "XMP left out"
        elif code == 0xE2 and segment.startswith(b"MPF\0"):
            yield "further pictures (multi-picture format) left out"
        elif code == 0xED:
            yield "IPTC left out"
        elif code == 0xFE:
            yield "comment left out"
        if 0xE1 <= code <= 0xEF and any(word in segment for word in _GAIN_MAPS):
            yield "gain map (HDR) left out"
    yield from _behind(data[end:])


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, first byte of its content, byte behind it); the end of the picture last, if there is one."""
    place = 2
    while match := _MARKER.search(data, place):
        code, place = data[match.start() + 1], match.end()
        if code in {_SOI, _EOI, 0x01}:
            yield code, place, place
            continue
        stop = place + int.from_bytes(data[place : place + 2], "big")
        yield code, place + 2, stop
        place = max(stop, place)


def _behind(tail: bytes) -> Iterator[str]:
    if not tail.strip(b"\0"):
        return
    if any(word in tail for word in _GAIN_MAPS):
        yield "gain map (HDR) left out"
    if b"ftyp" in tail or any(word in tail for word in _MOTION):
        yield "video of a motion photograph left out"
    if tail.find(b"\xff\xd8\xff") >= 0:
        yield "further pictures behind the end left out"
    yield f"{len(tail)} bytes behind the end left out"


def _extras_of_png(data: bytes) -> Iterator[str]:
    place, end = 8, len(data)
    profiled = b"iCCP" in data[:4096] or b"sRGB" in data[:4096]
    while place + 12 <= len(data):
        length, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        content = data[place + 8 : place + 8 + min(length, 64)]
        place += 12 + length
        if name == b"IEND":
            end = place
            break
        if name == b"cICP" and (
            content[:1] not in {b"\x01", b"\x02"} or content[1:2] not in {b"\x01", b"\x02", b"\x0d"}
        ):
            message = "picture must be in an ordinary colour space, got HDR or wide colour (PNG cICP)"
            raise UnsupportedError(message, hint="save it as an ordinary (SDR) PNG or JPEG first")
        if name in {b"tEXt", b"zTXt", b"iTXt"}:
            yield "text left out"
        elif name == b"eXIf":
            yield "EXIF left out"
        elif name == b"gAMA" and not profiled and not 44000 <= int.from_bytes(content[:4], "big") <= 47000:
            yield "gamma left out (colours may look lighter or darker than before)"
    yield from _behind(data[end:])


def _extras_of_webp(data: bytes) -> Iterator[str]:
    end = 8 + int.from_bytes(data[4:8], "little")
    place = 12
    while place + 8 <= min(end, len(data)):
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + length + length % 2
        if name == b"EXIF":
            yield "EXIF left out"
        elif name == b"XMP ":
            yield "XMP left out"
    yield from _behind(data[end:])

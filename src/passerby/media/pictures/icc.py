"""Colour profiles: keep the numbers that define the colours, and nothing else that a profile may carry.

A profile can hold names, dates, serial numbers and free text in private tags. The profile that is written is built
anew from the few tags of a matrix profile; a profile of another kind is not kept (its picture is converted to sRGB).

Source: ICC.1:2022 (profile version 4.4), section 7 (header, tag table), 8.4 (matrix profiles), 10.6 and 10.18
(curveType, parametricCurveType); ICC.1:2001-04 for version 2.
"""

from __future__ import annotations

import struct

MAX_BYTES = 4_000_000
"""A profile that claims more is not looked at."""
MAX_CURVE_BYTES = 12 + 2 * 4096

_MATRIX_TAGS = (b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")
_PARAMETERS = (1, 3, 4, 5, 7)


def clean_profile(profile: bytes) -> bytes | None:
    """Return a new RGB matrix profile with the same colours, or None where the given one is not such a profile.

    Args:
        profile: An ICC profile as found in a picture.
    """
    tags = _read_tags(profile)
    if tags is None or any(name.startswith((b"A2B", b"B2A", b"D2B")) for name in tags):
        return None
    kept: list[tuple[bytes, bytes]] = []
    for name in _MATRIX_TAGS:
        data = tags.get(name)
        value = (
            None if data is None else _clean_curve(data) if name.endswith(b"TRC") else _clean_numbers(data, b"XYZ ", 3)
        )
        if value is None:
            return None
        kept.append((name, value))
    adaptation = tags.get(b"chad")
    if adaptation is not None:
        value = _clean_numbers(adaptation, b"sf32", 9)
        if value is None:
            return None
        kept.append((b"chad", value))
    return _build(version=profile[8], intent=profile[67], tags=kept)


def adobe_rgb() -> bytes:
    """Return a profile of Adobe RGB (1998), for pictures that say so in EXIF alone.

    Source: Adobe RGB (1998) Color Image Encoding, section 4.3.5 (primaries adapted to D50), gamma 563/256.
    """
    colours = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, 563)
    tags = [(b"wtpt", _xyz(0.9505, 1.0, 1.0891))]
    tags += [(name, _xyz(*colour)) for name, colour in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colours, strict=True)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return _build(version=2, intent=0, tags=tags)


_WIDE = {
    # BT.2020, Display P3: red, green, blue adapted to D50
    9: ((0.67348, 0.27903, -0.00193), (0.16566, 0.67534, 0.02998), (0.12505, 0.04561, 0.79684)),
    12: ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
}


def wide_rgb(primaries: int) -> bytes | None:
    """Return a profile of wide primaries with sRGB's curve, for pictures that state code points alone; None for others.

    Args:
        primaries: ``ColourPrimaries`` of ITU-T H.273.

    Source: ITU-T H.273, table 2, adapted to D50 by Bradford's matrix; IEC 61966-2-1 for the curve.
    """
    colours = _WIDE.get(primaries)
    if colours is None:
        return None
    numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    curve = b"para" + bytes(4) + struct.pack(">HH5i", 3, 0, *(round(number * 65536) for number in numbers))
    tags = [(b"wtpt", _xyz(0.9642, 1.0, 0.8249))]
    tags += [(name, _xyz(*colour)) for name, colour in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colours, strict=True)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return _build(version=4, intent=0, tags=tags)


def _xyz(*numbers: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(number * 65536) for number in numbers))


def colour_space(profile: bytes) -> str | None:
    """Return the colour space that a profile says it is for ('RGB', 'GRAY', 'CMYK', ...), or None if it is broken."""
    if _read_tags(profile) is None:
        return None
    return profile[16:20].decode("ascii", "replace").strip()


def _read_tags(profile: bytes) -> dict[bytes, bytes] | None:
    if not 132 <= len(profile) <= MAX_BYTES or profile[36:40] != b"acsp" or profile[8] not in {2, 4}:
        return None
    size, count = int.from_bytes(profile[:4], "big"), int.from_bytes(profile[128:132], "big")
    if size > len(profile) or count > 100 or 132 + 12 * count > size:
        return None
    tags = {}
    for number in range(count):
        name, offset, length = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if offset + length > size or length < 8:
            return None
        tags[name] = profile[offset : offset + length]
    return tags


def _clean_numbers(data: bytes, kind: bytes, count: int) -> bytes | None:
    if data[:4] != kind or len(data) < 8 + 4 * count:
        return None
    return kind + bytes(4) + data[8 : 8 + 4 * count]


def _clean_curve(data: bytes) -> bytes | None:
    if data[:4] == b"curv" and len(data) >= 12:
        length = 12 + 2 * int.from_bytes(data[8:12], "big")
    elif data[:4] == b"para" and len(data) >= 12 and data[8] == 0 and data[9] < len(_PARAMETERS):
        length = 12 + 4 * _PARAMETERS[data[9]]
    else:
        return None
    if length > min(len(data), MAX_CURVE_BYTES):
        return None
    return data[:4] + bytes(4) + data[8:length]


def _build(*, version: int, intent: int, tags: list[tuple[bytes, bytes]]) -> bytes:
    texts = [(b"desc", _text("RGB", version, b"desc")), (b"cprt", _text("none", version, b"text"))]
    table, body = b"", b""
    start = 132 + 12 * (len(texts) + len(tags))
    placed: dict[bytes, int] = {}
    for name, value in texts + tags:
        if value not in placed:  # equal curves share their place, as is usual
            placed[value] = start + len(body)
            body += value + bytes(-len(value) % 4)
        table += struct.pack(">4sII", name, placed[value], len(value))
    header = bytearray(128)
    header[0:4] = struct.pack(">I", start + len(body))
    header[8:12] = bytes([version, 0x40 if version == 2 else 0x30, 0, 0])
    header[12:24] = b"mntrRGB XYZ "
    header[36:40] = b"acsp"
    header[67] = intent if intent <= 3 else 0
    header[68:80] = bytes.fromhex("0000f6d6000100000000d32d")  # D50, as every profile's header must say
    return bytes(header) + struct.pack(">I", len(texts) + len(tags)) + table + body


def _text(text: str, version: int, kind: bytes) -> bytes:
    if version == 4:
        encoded = text.encode("utf-16-be")
        return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
    ascii_text = text.encode("ascii") + b"\0"
    if kind == b"text":
        return b"text" + bytes(4) + ascii_text
    return b"desc" + bytes(4) + struct.pack(">I", len(ascii_text)) + ascii_text + bytes(4 + 4 + 2 + 1 + 67)

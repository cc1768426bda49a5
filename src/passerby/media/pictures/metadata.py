"""The few facts about a picture that may be kept when its owner asks: when, with what camera model, whose rights.

Never kept, asked or not: place, serial and unique numbers, names of people, free text other than the copyright line,
maker notes, thumbnails, XMP, IPTC. Values are read, checked and written anew, so that nothing else rides along.

Source: tags and types from CIPA DC-008-2023 (EXIF 3.0), section 4.6.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from PIL import Image, TiffImagePlugin

Kept = tuple[tuple[int, str | int | tuple[int, int]], ...]
"""Pairs of an EXIF tag and its value: text, a whole number, or a numerator and denominator."""

_EXIF_FOLDER = 0x8769
_TAKEN, _CHANGED = 0x9003, 0x0132
_MAX_TEXT = 200
_TIME = re.compile(r"\d{4}:\d{2}:\d{2} \d{2}:\d{2}:\d{2}")
_OFFSET = re.compile(r"[+-]\d{2}:\d{2}")
_TEXT = re.compile(r"[\x20-\x7e]+")
MAIN_TAGS = {0x010F: _TEXT, 0x0110: _TEXT, 0x8298: _TEXT}
"""EXIF tags of the main folder: Make, Model, Copyright."""
INSIDE_TAGS: dict[int, re.Pattern[str] | str] = {
    0x9003: _TIME,  # DateTimeOriginal
    0x9011: _OFFSET,  # OffsetTimeOriginal
    0x829A: "ratio",  # ExposureTime
    0x829D: "ratio",  # FNumber
    0x8827: "number",  # PhotographicSensitivity
    0x920A: "ratio",  # FocalLength
    0xA405: "number",  # FocalLengthIn35mmFilm
}


def kept_of(image: Image.Image) -> Kept:
    """Return the allow-listed metadata of a picture; what is malformed is left out."""
    try:
        exif = image.getexif()
        inside = exif.get_ifd(_EXIF_FOLDER)
    except (SyntaxError, ValueError, struct.error, OSError, KeyError, IndexError, TypeError):
        return ()
    found: list[tuple[int, str | int | tuple[int, int]]] = []
    for rules, values in ((MAIN_TAGS, exif), (INSIDE_TAGS, inside)):
        for tag, rule in rules.items():
            value = _checked(values.get(tag), rule)
            if value is not None:
                found.append((tag, value))
    return tuple(found)


def as_tiff_tags(kept: Kept) -> list[tuple[int, int, int, Any, bool]]:
    """Return values as further tags of a TIFF: those of its main folder, and the time as DateTime; exposure is lost.

    Args:
        kept: What to write.

    Returns:
        Number, type (2 is text), count, value, and that only the first page has it.
    """
    texts = {_CHANGED if tag == _TAKEN else tag: value for tag, value in kept if tag == _TAKEN or tag in MAIN_TAGS}
    return [(tag, 2, len(str(value)) + 1, value, True) for tag, value in sorted(texts.items())]


def as_exif(kept: Kept, *, nested: bool = True) -> bytes:
    """Return the EXIF block that holds these values and nothing else.

    Args:
        kept: What to write.
        nested: False for TIFF, where only the main folder is written: the time goes into DateTime, exposure is lost.
    """
    exif = Image.Exif()
    inside: dict[int, Any] = {}
    for tag, value in kept:
        written = TiffImagePlugin.IFDRational(*value) if isinstance(value, tuple) else value
        if tag in INSIDE_TAGS:
            inside[tag] = written
            if tag == _TAKEN and not nested:
                exif[_CHANGED] = written
        else:
            exif[tag] = written
    if inside and nested:
        exif[_EXIF_FOLDER] = inside
    return exif.tobytes()


def _checked(value: object, rule: re.Pattern[str] | str) -> str | int | tuple[int, int] | None:
    if isinstance(rule, re.Pattern):
        text = value.strip("\0 ") if isinstance(value, str) else ""
        return text if len(text) <= _MAX_TEXT and rule.fullmatch(text) else None
    if rule == "number":
        return value if isinstance(value, int) and 0 < value < 65536 else None
    top, bottom = getattr(value, "numerator", None), getattr(value, "denominator", None)
    if isinstance(top, int) and isinstance(bottom, int) and 0 <= top < 2**32 and 0 < bottom < 2**32:
        return top, bottom
    return None

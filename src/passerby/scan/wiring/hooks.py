"""Settings by lines: hooks of ZoneMinder, and services that a command starts with their face functions on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from passerby.scan.values import Rating
from passerby.scan.wiring.joints import Joint

_SEQUENCE = re.compile(
    r"^[ \t]*(?:detection_sequence|model_sequence|detection_mode_sequence)[ \t]*=[ \t]*(.*)$", re.MULTILINE
)
_KNOWN = re.compile(r"^[ \t]*(known_images_path|face_recognition_framework)[ \t]*=", re.MULTILINE)
_DEEPSTACK = re.compile(r"^(?![ \t]*#).*\bdocker\b.*\bVISION-FACE=(?:true|1)\b.*$", re.IGNORECASE | re.MULTILINE)


def hooks_in(text: str) -> Iterator[Joint]:
    """Yield what settings by lines join to cameras."""
    known = _KNOWN.search(text)
    if known is not None:
        on = any("face" in re.split(r"[\s,]+", found[1]) for found in _SEQUENCE.finditer(text))
        what = "compares faces with known pictures" if on else "could compare faces with known pictures"
        rating = Rating.IDENTIFIES if on else Rating.CAN
        yield Joint("zoneminder-hooks", "", what, None, rating, known[1])
    joined = text.replace("\\\n", "  ")
    if _DEEPSTACK.search(joined):
        yield Joint("deepstack", "", "starts DeepStack with its face functions", None, Rating.IDENTIFIES, "VISION-FACE")

"""Which properties of a face labels may name, and under which names. Nothing is ever estimated."""

from __future__ import annotations

import functools
from collections.abc import Iterable

ILLUMINATION, POSE, OCCLUSION, BLUR = "illumination", "pose", "occlusion", "blur"
SKIN, GENDER, AGE = "skin tone", "gender", "age"
PERSONAL = (SKIN, GENDER, AGE)
"""Of the person, as somebody perceived it: the same in all frames."""
LABELLED = (ILLUMINATION, POSE, OCCLUSION, BLUR, *PERSONAL)

COLUMNS = {
    "illumination": ILLUMINATION, "light": ILLUMINATION, "lighting": ILLUMINATION, "pose": POSE,
    "occlusion": OCCLUSION, "blur": BLUR,
    "skin": SKIN, "skin_tone": SKIN, "skintone": SKIN, "skin tone": SKIN, "gender": GENDER, "sex": GENDER, "age": AGE,
}  # fmt: skip
"""Names of columns and attributes, and what they mean."""
CODES = {
    BLUR: {"0": "clear", "1": "normal", "2": "heavy"},
    ILLUMINATION: {"0": "normal", "1": "extreme"},
    OCCLUSION: {"0": "none", "1": "partial", "2": "heavy"},
    POSE: {"0": "typical", "1": "atypical"},
}
"""Numbers of WIDER FACE. Source: its readme, Yang and others 2016."""
_UNSURE = frozenset({"", "not sure", "unsure", "unknown", "none given", "na", "n/a", "nan", "null"})


def labels_of(told: Iterable[tuple[str, object]]) -> tuple[tuple[str, str], ...]:
    """Return the labels among some columns or attributes; what is not known, or not sure, is left out.

    >>> labels_of([("pose", 1), ("Skin", "VI"), ("age", "Not Sure"), ("colour", "red")])
    (('pose', 'atypical'), ('skin tone', 'VI'))
    """
    found = {
        dimension: str(value).strip()
        for name, value in told
        if (dimension := COLUMNS.get(name.strip().lower())) and value is not None
    }
    return _kept(tuple(found.items()))


@functools.cache
def _kept(found: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted(
            (dimension, CODES.get(dimension, {}).get(value, value))
            for dimension, value in found
            if value.lower() not in _UNSURE
        )
    )


def visible_share(share: float) -> str:
    """Return the occlusion of a face of which a share can be seen, 0 to 1, as MOT has it. The limits are chosen.

    >>> visible_share(1.0), visible_share(0.7), visible_share(0.2)
    ('none', 'partial', 'heavy')
    """
    return "none" if share >= 0.9 else "partial" if share >= 0.5 else "heavy"

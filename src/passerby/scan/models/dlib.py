"""dlib's serialised networks: what a file was trained for stands as a word in its first bytes."""

from __future__ import annotations

import re

from passerby.scan.models.judgement import Judgement
from passerby.scan.values import Ability, Confidence, Rating

HEAD_BYTES = 4096
_LOSS = re.compile(rb"loss_([a-z_]{3,40}?)_?\d*(?=[^a-z_0-9])")
_POINTS = {136: 68, 10: 5, 162: 81, 388: 194}
"""Numbers of a shape predictor's first shape, and how many points they are."""


def judge_dlib(head: bytes) -> Judgement | None:
    """Return what a dlib file is; None where its first bytes are not dlib's.

    Source: dlib, ``dnn/loss.h`` (the words), ``serialize.h`` (numbers: a byte of length and sign, then the value),
    ``shape_predictor.h`` (version 1, then the first shape as a column).
    """
    if head[:1] not in (b"\x01", b"\x02"):
        return None
    found = _LOSS.search(head[:HEAD_BYTES])
    if found:
        loss = found[1].decode("ascii").strip("_")
        why = f"dlib's word loss_{loss} stands in its first bytes"
        if loss == "metric":
            return Judgement("face embedder", why, (Ability.EMBED,), Rating.IDENTIFIES, Confidence.LIKELY)
        if loss == "mmod":
            return Judgement("face detector", why, (Ability.DETECT,), confidence=Confidence.MAY_BE)
        if loss.startswith(("multiclass", "binary", "multimulticlass")):
            return Judgement("classifier", why, confidence=Confidence.MAY_BE)
        return Judgement("other network", why, confidence=Confidence.MAY_BE)
    if head[:3] == b"\x01\x01\x81" and head[4:6] == b"\x81\x01" and head[3] in _POINTS:
        why = f"dlib's shape predictor of {_POINTS[head[3]]} points"
        return Judgement("face landmarks", why, (Ability.LANDMARKS,), confidence=Confidence.LIKELY)
    if head[:3] == b"\x01\x01\x82" and int.from_bytes(head[3:5], "little") in _POINTS and head[5:7] == b"\x81\x01":
        points = _POINTS[int.from_bytes(head[3:5], "little")]
        return Judgement("face landmarks", f"dlib's shape predictor of {points} points", (Ability.LANDMARKS,))
    return None

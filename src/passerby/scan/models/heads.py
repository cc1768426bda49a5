"""Outputs that are no descriptors: landmarks, attributes, boxes of faces; told by their sizes and names."""

from __future__ import annotations

from collections.abc import Sequence

from passerby.scan.models.embedding import Size, ending_of
from passerby.scan.models.judgement import Judgement
from passerby.scan.models.words import ATTRIBUTES, says
from passerby.scan.networks import Network, NetworkOutput, PictureInput, Shape
from passerby.scan.values import Ability, Confidence

_LANDMARKS = {
    10: 5,
    136: 68,
    142: 71,
    146: 73,
    196: 98,
    204: 68,
    212: 106,
    213: 71,
    228: 76,
    318: 106,
    1404: 468,
    1434: 478,
    3309: 1103,
}
"""Points by numbers given: two or three a point. Source: 300-W (68), WFLW (98), JD-landmark (106), MediaPipe's face mesh (468,
with irises 478) and iris (71 of three, 76 with the iris), InsightFace's 2d106det and 1k3d68."""
_ALWAYS_POINTS = {136, 196, 204, 212, 213, 228, 1404, 1434, 3309}
_TITLES = {
    "age": "age estimator",
    "gender": "gender classifier",
    "ethnicity": "ethnicity classifier",
    "emotion": "emotion classifier",
    "liveness": "liveness check",
}
_EMOTIONS = {5, 7, 8}
"""Anger, disgust, fear, happiness, sadness, surprise, neutral, and contempt. Source: FER2013 has 7, FER+ and AffectNet 8."""
_YEARS = {101, 117}
"""A number for each year. Source: DEX counts from 0 to 100, UTKFace ends at 116."""
_ANCHORS = {(896, 16), (2304, 16)}
"""Source: MediaPipe's face detectors of short and full range."""


def landmarks(size: Size, output: NetworkOutput, names: Sequence[str]) -> Judgement | None:
    """Return what an output is as places in a face; None where it is none."""
    width = output.width or 0
    points = _LANDMARKS.get(width)
    named = any(word in name.lower() for name in names for word in ("landmark", "mesh", "kps", "iris", "pfld"))
    if (
        not points
        or ending_of(output).probabilities
        or not (named or (width in _ALWAYS_POINTS and not size.large) or width > 1400)
    ):
        return None
    why = f"{size.words}, one output of {width} numbers, as many as {points} points have"
    return Judgement(
        "face landmarks", why, (Ability.LANDMARKS,), confidence=Confidence.LIKELY if named else Confidence.MAY_BE
    )


def attributes(
    network: Network, picture: PictureInput | None, size: Size, output: NetworkOutput, names: Sequence[str]
) -> list[Judgement]:
    """Return what an output says of a person; nothing where it does not.

    Args:
        network: Whole.
        picture: What it takes.
        size: Of the picture.
        output: Judged alone.
        names: Of the output, and of the network where it has this one output.
    """
    width = output.width or 0
    if not 0 < width <= 128:
        return []
    found = [kind for kind, pattern in ATTRIBUTES.items() if any(pattern.search(name) for name in names)]
    named = bool(found)
    if not named and len(network.outputs) == 1:
        found = _by_size(picture, size, output)
    words = f"{size.words}, one output of {width} number{'s' * (width > 1)}{', named so' if named else ''}"
    confidence = Confidence.LIKELY if named else Confidence.MAY_BE
    return [Judgement(_TITLES[kind], words, (Ability(kind),), confidence=confidence) for kind in found]


def _by_size(picture: PictureInput | None, size: Size, output: NetworkOutput) -> list[str]:
    """Return what an output says of a person when only sizes speak."""
    grey = picture is not None and picture.channels == 1 and (picture.height_px or 0) in range(32, 129)
    if grey and output.width in _EMOTIONS:
        return ["emotion"]
    if size.face and output.width == 3 and not ending_of(output).probabilities:
        return ["age", "gender"]
    if size.large and output.width == 18:
        return ["age", "gender", "ethnicity"]
    return ["age"] if output.width in _YEARS else []


def face_boxes(network: Network) -> Judgement | None:
    """Return whether outputs together are boxes of faces; None where they are none."""
    shapes = [output.shape for output in network.outputs if output.shape is not None and len(output.shape) in (2, 3, 4)]
    lasts = {side for shape in shapes for side in _widths(shape)}
    named = says("faces", [*network.names, *(output.name for output in network.outputs)])
    if (len(shapes) >= 3 and {2, 10} <= lasts) or {4, 10} <= lasts:
        why = "outputs of boxes, scores and five points"
    elif any(shape[1:] in _ANCHORS for shape in shapes):
        why = "outputs of boxes and six points for each of MediaPipe's anchors"
    elif named and any(_is_row_of_boxes(shape) for shape in shapes):
        why = "outputs of boxes and scores, and its names speak of faces"
    else:
        return None
    return Judgement("face detector", why, (Ability.DETECT,), confidence=Confidence.LIKELY)


def _widths(shape: Shape) -> Shape:
    """Return how many numbers a place has, whichever side keeps them."""
    return (shape[1], shape[-1]) if len(shape) == 4 else shape[-1:]


def _is_row_of_boxes(shape: Shape) -> bool:
    """Boxes with or without a score and five points of two or three numbers."""
    return len(shape) == 4 or (len(shape) == 3 and bool({4, 5, 15, 16, 20} & set(shape[1:])))

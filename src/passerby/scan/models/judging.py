"""Says what a network is by its structure. Rules and their reasons: docs/scan-models.md."""

from __future__ import annotations

from passerby.scan.models.embedding import (
    CLASS_COUNTS,
    PEOPLE_COUNTS,
    WIDTHS,
    Size,
    ending_of,
    is_transformer,
    signs_of,
    size_of,
)
from passerby.scan.models.heads import attributes, face_boxes, landmarks
from passerby.scan.models.judgement import Judgement, Sign, face_embedder, general_embedder, person_embedder
from passerby.scan.models.states import judge_parameters
from passerby.scan.models.words import ATTRIBUTES, face_word, says
from passerby.scan.networks import Network, NetworkOutput, Op, PictureInput, picture_of
from passerby.scan.values import Confidence

_GENERAL_WIDTHS = range(128, 4097)
_SPEECH_BANDS = {24, 30, 40, 60, 64, 80, 96, 128}
"""Bands of a spectrogram that speech networks take."""


def judge(network: Network) -> list[Judgement]:
    """Return what a network is, one judgement for each thing it can do; at least one."""
    if not network.outputs:
        return judge_parameters(network)
    picture = _picture(network)
    names = (*network.names, *(output.name for output in network.outputs), *(taken.name for taken in network.inputs))
    boxes = face_boxes(network)
    if boxes is None and picture is None:
        other = _without_picture(network, names)
        if other is not None:
            return [other]
    return _judge_heads(network, picture, boxes, names)


def _judge_heads(
    network: Network, picture: PictureInput | None, boxes: Judgement | None, names: tuple[str, ...]
) -> list[Judgement]:
    size = size_of(picture)
    heads = [output for output in network.outputs if ending_of(output).vector]
    judged = heads if boxes is None else [output for output in heads if output.width in WIDTHS]
    found = [one for output in judged for one in _judge_output(network, (picture, size), output, names)]
    return _best([*([boxes] if boxes else []), *found]) or [_other(network, size, heads)]


def _picture(network: Network) -> PictureInput | None:
    """Return the picture that a network takes, one of three colours before others."""
    pictures = [picture for taken in network.inputs if (picture := picture_of(taken)) is not None]
    return next((one for one in pictures if one.channels in (3, None)), pictures[0] if pictures else None)


def _best(found: list[Judgement]) -> list[Judgement]:
    """Keep one judgement of each title, the surest."""
    order = list(Confidence)
    best: dict[str, Judgement] = {}
    for one in sorted(found, key=lambda judged: order.index(judged.confidence)):
        best.setdefault(one.title, one)
    return list(best.values())


def _without_picture(network: Network, names: tuple[str, ...]) -> Judgement | None:
    """Return what a network that takes no picture is; None where it may take one."""
    shapes = [taken.shape for taken in network.inputs if taken.shape and len(taken.shape) in (2, 3)]
    if not shapes or len(shapes) < len(network.inputs):
        return None
    if says("text", names):
        return Judgement("language network", "it takes words")
    widths = [output.width for output in network.outputs if ending_of(output).vector]
    speech = any(len(shape) == 2 or _SPEECH_BANDS & set(shape) for shape in shapes)
    if speech and any(width is None or width in WIDTHS for width in widths):
        note = "Voices identify people as well; this is about faces alone."
        why = f"it takes sound, or rows of numbers, and gives {widths[0]} numbers"
        return Judgement("speaker or sound embedder", why, confidence=Confidence.MAY_BE, note=note)
    return Judgement("other network", "it takes no picture")


def _judge_output(
    network: Network, view: tuple[PictureInput | None, Size], output: NetworkOutput, names: tuple[str, ...]
) -> list[Judgement]:
    picture, size = view
    own = names if len(network.outputs) == 1 else (output.name,)
    points = landmarks(size, output, own)
    if points:
        return [points]
    said = attributes(network, picture, size, output, own)
    if said:
        return said
    width = output.width or 0
    if width in PEOPLE_COUNTS and (picture is None or picture.channels != 1):
        why = f"{size.words}, {width} classes, as many as there are people in a training set of faces"
        return [face_embedder(why, Confidence.MAY_BE)]
    if ending_of(output).probabilities or (picture is not None and picture.channels == 1):
        return []
    if width not in _GENERAL_WIDTHS:
        return []
    if size.tall or (says("person", names) and not size.face):
        return [person_embedder(f"{size.words}, higher than wide, one output of {width} numbers")]
    return _judge_descriptor(network, size, output)


def _judge_descriptor(network: Network, size: Size, output: NetworkOutput) -> list[Judgement]:
    signs = [*signs_of(network, size, output), *_beside(network, output)]
    points = sum(sign.points for sign in signs)
    why = ", ".join(
        sign.words for sign in signs if sign.words and (sign.points >= 0 or sign.words.startswith("one output"))
    )
    least, likely = (2, 3) if size.face else (4, 7) if size.open else (3, 5)
    flat = size.face and ending_of(output).flattened
    if points >= least and (output.width in WIDTHS or flat or face_word((*network.names, output.name))):
        return [face_embedder(why, Confidence.LIKELY if points >= likely else Confidence.MAY_BE)]
    return [general_embedder(why)] if _is_general(network, output) else []


def _beside(network: Network, output: NetworkOutput) -> list[Sign]:
    """Return what the other outputs of a network say of one."""
    others = [other for other in network.outputs if other is not output]
    said = [kind for kind in ("age", "gender") if any(ATTRIBUTES[kind].search(other.name) for other in others)]
    twins = [other for other in others if (other.width, other.shape) == (output.width, output.shape)]
    return [
        *([Sign(4 if len(said) == 2 else 0, f"beside {' and '.join(said)}")] if said else []),
        *([Sign(-6, "")] if len(twins) == 1 and not ending_of(output).normalised else []),
    ]


def _is_general(network: Network, output: NetworkOutput) -> bool:
    ending = ending_of(output)
    width = output.width or 0
    if width in CLASS_COUNTS:
        return False
    return ending.pooled or ending.normalised or is_transformer(network) or width % 32 == 0


def _other(network: Network, size: Size, heads: list[NetworkOutput]) -> Judgement:
    widths = [output.width for output in heads if output.width]
    if widths:
        kind = f"classifier of {widths[0]} classes" if widths[0] > 1 else "network of one number"
        return Judgement(kind, f"{size.words}, one output of {widths[0]} numbers", confidence=Confidence.MAY_BE)
    count = network.count(Op.CONV) + network.count(Op.LINEAR) + network.count(Op.DEPTHWISE)
    return Judgement(
        "other network", f"{size.words}, {count} layers of trained numbers, no output of one row of numbers"
    )

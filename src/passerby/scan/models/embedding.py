"""What speaks for an output being a face descriptor: size of the picture, width of the output, how the network ends.

The reasons stand in docs/scan-models.md.
"""

from __future__ import annotations

from typing import NamedTuple

from passerby.scan.models.judgement import Sign
from passerby.scan.models.words import face_word
from passerby.scan.networks import Network, NetworkOutput, Op, PictureInput

WIDTHS = range(128, 1025)
"""Numbers of a face descriptor. Source: dlib and OpenFace give 128, DeepID 160, FaceNet and ArcFace 512, faceres 1024."""
_WIDE = {2048, 4096}
"""Source: VGGFace2 gives 2048, DeepFace and VGGFace 4096."""
CLASS_COUNTS = {1000, 1001}
"""Classes of ImageNet, without and with one for the ground. Source: Russakovsky and others 2015; TensorFlow's slim models."""
PEOPLE_COUNTS = {2622, 8631, 10572, 10575, 85742, 93431, 205990, 360232, 617970}
"""People in the data sets that face networks are trained on: VGGFace, VGGFace2, CASIA-WebFace, MS1MV2, MS1MV3, WebFace4M,
Glint360K, WebFace12M. Source: the papers and the training lists of InsightFace."""
PIXELS = range(96, 161)
"""Of a picture of one face."""
_DEEPID = (55, 47)
"""Source: DeepID (Sun and others 2014), the one small input that is still around."""
_GENERAL_PX = 192
_RATIO = 1.35
"""Of the sides of a picture of one face. Source: SphereFace takes 112x96, 1.17."""
TALL = 1.6
"""From which a picture is of a whole person. Source: re-identification takes 256x128, 384x128 and 160x64."""
_PRELUS = 5
_ATTENTIONS = 4


class Ending(NamedTuple):
    """How a network arrives at an output.

    Attributes:
        probabilities: It ends in softmax, sigmoid or the greatest of classes.
        vector: It gives one row of numbers for a picture.
        normalised: Its last numbers are brought to length 1.
        batch_normalised: A batch normalisation follows its last layer of trained numbers.
        flattened: Its last fully connected layer takes the whole map.
        pooled: Nothing trained follows the pooling of the map.
        headless: A transformer's last sum of two ways is the output.
        global_depthwise: A depthwise convolution over the whole map leads to it.
    """

    probabilities: bool
    vector: bool
    normalised: bool
    batch_normalised: bool
    flattened: bool
    pooled: bool
    headless: bool
    global_depthwise: bool


_SHAPING = {Op.RESHAPE, Op.FLATTEN}


def ending_of(output: NetworkOutput) -> Ending:
    """Return how a network arrives at an output."""
    tail = [op for op in output.tail if op not in (Op.OTHER, Op.ACT)]
    first = next(
        (place for place, op in enumerate(tail) if op in (Op.LINEAR, Op.CONV, Op.GLOBAL_POOL, Op.MATMUL)), len(tail)
    )
    last, before = tail[:first], tail[first + 1 :]
    trained = tail[first] if first < len(tail) else None
    shaped = any(op in _SHAPING for op in last)
    below = next((op for op in before if op not in _SHAPING), None)
    flattened = trained is Op.LINEAR and before[:1] and before[0] in _SHAPING and below is not Op.GLOBAL_POOL
    return Ending(
        probabilities=any(op in (Op.SOFTMAX, Op.SIGMOID) for op in last),
        vector=_is_vector(output, trained, shaped=shaped),
        normalised=Op.L2_NORM in last,
        batch_normalised=Op.NORM in last,
        flattened=bool(flattened),
        pooled=trained is Op.GLOBAL_POOL,
        headless=Op.ADD in last and Op.LAYER_NORM in last,
        global_depthwise=Op.GLOBAL_DEPTHWISE in tail,
    )


def _is_vector(output: NetworkOutput, trained: Op | None, *, shaped: bool) -> bool:
    shape = output.shape
    if shape is not None:
        sides = [side for side in shape[1:] if side != 1]
        return len(shape) == 1 or (len(shape) in (2, 3, 4) and len(sides) <= 1)
    return trained in (Op.LINEAR, Op.GLOBAL_POOL) or (
        trained is Op.CONV and (shaped or Op.GLOBAL_DEPTHWISE in output.tail)
    )


class Size(NamedTuple):
    """What the size of a picture says.

    Attributes:
        face: As aligned faces have it.
        tall: As pictures of whole people have it.
        large: As pictures of anything have it.
        open: The file leaves it open.
        words: For people.
    """

    face: bool
    tall: bool
    large: bool
    open: bool
    words: str


def size_of(picture: PictureInput | None) -> Size:
    """Return what the size of a picture says."""
    if picture is None or picture.height_px is None or picture.width_px is None:
        return Size(face=False, tall=False, large=False, open=True, words="an input whose size is left open")
    height, width = picture.height_px, picture.width_px
    ratio = max(height, width) / max(1, min(height, width))
    aligned = (height in PIXELS and width in PIXELS and ratio <= _RATIO) or (height, width) == _DEEPID
    face = aligned and picture.channels == 3
    large = min(height, width) >= _GENERAL_PX
    words = f"input {picture.channels or 'any'}x{height}x{width}"
    return Size(face, height >= TALL * width, large, open=False, words=words)


def is_transformer(network: Network) -> bool:
    """Return whether attention does the work."""
    return network.count(Op.MATMUL) >= _ATTENTIONS and network.count(Op.CONV) < 4 * network.count(Op.MATMUL)


def signs_of(network: Network, size: Size, output: NetworkOutput) -> list[Sign]:
    """Return everything that speaks for or against an output being a face descriptor."""
    ending = ending_of(output)
    width = output.width or 0
    prelus = network.count(Op.PRELU)
    word = face_word((*network.names, output.name))
    common = "112" in size.words and size.face
    found = [
        (size.face, Sign(3 if common else 2, size.words)),
        (size.large, Sign(-2, size.words)),
        (size.open, Sign(0, size.words)),
        (not (size.face or size.large or size.open), Sign(-1, size.words)),
        (True, Sign(_width_points(width), f"one output of {width} numbers")),
        (prelus >= _PRELUS, Sign(2, f"PReLU {prelus} times")),
        (ending.global_depthwise, Sign(2, "a depthwise convolution over the whole map")),
        (ending.flattened and ending.batch_normalised, Sign(4, "ends in Flatten-FC-BatchNorm")),
        (ending.flattened and not ending.batch_normalised, Sign(2, "ends in Flatten-FC")),
        (ending.batch_normalised and not ending.flattened, Sign(2, "ends in BatchNorm")),
        (ending.normalised, Sign(2, "brought to length 1")),
        (ending.pooled or ending.headless, Sign(-3, "ends without a layer for descriptors")),
        (is_transformer(network) and not size.face, Sign(-2, "a transformer")),
        (bool(word), Sign(6, f"names itself {word}")),
    ]
    return [sign for holds, sign in found if holds]


def _width_points(width: int) -> int:
    if width in CLASS_COUNTS:
        return -5
    if width in WIDTHS:
        return 1 if width % 32 == 0 else -2
    return -1 if width in _WIDE else -3

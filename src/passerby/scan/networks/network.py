"""What every format of models is brought to before it is judged: inputs, outputs with what leads to them, parameters, names."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Shape = tuple[int | None, ...]
"""Sides of a tensor; None where the file leaves one open. The empty shape is a single number."""

MOST_LAYERS = 200_000
"""Layers of one file that are read. Source: the largest graphs exported from language models have about 20,000."""
MOST_PARAMETERS = 200_000
"""Tensors of one file that are read."""
MOST_NAME = 300
"""Characters of a name that are kept."""


class BrokenModelError(Exception):
    """The bytes are not what the format asks for, or exceed a bound; the message is the reason that a person reads."""


class Op(enum.StrEnum):
    """What a layer does, whatever its format calls it."""

    CONV = "convolution"
    DEPTHWISE = "depthwise convolution"
    GLOBAL_DEPTHWISE = "global depthwise convolution"
    LINEAR = "fully connected"
    NORM = "batch normalisation"
    LAYER_NORM = "layer normalisation"
    PRELU = "PReLU"
    ACT = "activation"
    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    L2_NORM = "L2 normalisation"
    FLATTEN = "flatten"
    GLOBAL_POOL = "global pooling"
    POOL = "pooling"
    ADD = "add"
    MUL = "multiply"
    DIV = "divide"
    ROOT = "root"
    SUM = "sum"
    MATMUL = "product of two activations"
    RECURRENT = "recurrent"
    UPSAMPLE = "upsampling"
    CONCAT = "concatenate"
    RESHAPE = "reshape"
    PASS = "pass"  # noqa: S105 - a layer that changes nothing
    OTHER = "other"


class NetworkInput(NamedTuple):
    """Something that a network takes.

    Attributes:
        name: As the file calls it.
        shape: None where the file does not say; the batch stands first.
        channels_last: True where the format keeps colours in the last side, None where it does not say.
    """

    name: str
    shape: Shape | None
    channels_last: bool | None = None


class NetworkOutput(NamedTuple):
    """Something that a network gives.

    Attributes:
        name: As the file calls it.
        shape: With the batch; None where the file does not say.
        width: How many numbers stand in its last layer; None where that is not known.
        tail: What its last layers do, from the output backwards.
    """

    name: str
    shape: Shape | None
    width: int | None = None
    tail: tuple[Op, ...] = ()


class Parameter(NamedTuple):
    """A tensor of trained numbers, of which only name and shape are read."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """One network as its file describes it.

    Attributes:
        form: The file's format, for people.
        inputs: What it takes; empty where only parameters are known.
        outputs: What it gives; empty where only parameters are known.
        ops: How often each kind of layer stands in it.
        parameters: In the file's order.
        names: Words that say what it is for: its own name, its maker's tool, labels of layers that end in an output.
    """

    form: str
    inputs: tuple[NetworkInput, ...] = ()
    outputs: tuple[NetworkOutput, ...] = ()
    ops: Mapping[Op, int] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    names: tuple[str, ...] = ()

    def count(self, op: Op) -> int:
        """Return how often a kind of layer stands in it."""
        return self.ops.get(op, 0)


class PictureInput(NamedTuple):
    """An input that takes a picture.

    Attributes:
        channels: 1, 3 or 4; None where the file leaves it open.
        height_px: None where the file leaves it open.
        width_px: None where the file leaves it open.
    """

    channels: int | None
    height_px: int | None
    width_px: int | None


def picture_of(taken: NetworkInput) -> PictureInput | None:
    """Return an input as a picture; None where it is none.

    >>> picture_of(NetworkInput("x", (None, 3, 112, 96)))
    PictureInput(channels=3, height_px=112, width_px=96)
    >>> picture_of(NetworkInput("speech", (1, 200, 80))) is None
    True
    """
    shape = taken.shape
    if shape is None:
        return None
    if len(shape) == 5 and shape[1] == 1:
        shape = (shape[0], *shape[2:])
    if len(shape) == 3 and 3 in (shape[0], shape[2]):
        shape = (1, *shape)
    if len(shape) != 4:
        return None
    last = taken.channels_last
    if last is None:
        last = shape[3] in (1, 3, 4) and shape[1] not in (1, 3)
    channels, height, width = (shape[3], shape[1], shape[2]) if last else (shape[1], shape[2], shape[3])
    if channels not in (1, 3, 4, None):
        return None
    return PictureInput(channels, height, width)

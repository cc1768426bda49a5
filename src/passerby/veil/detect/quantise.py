"""Turns CenterFace, as OpenVINO reads it, into the same network in 8 bits: a third of the time at the same recall.

Nothing is trained. A table that ships (``calibration.json``, made by ``bench/calibrate.py``) says how large each value in the
network gets; marks (``FakeQuantize``) at these values and at the weights tell OpenVINO to compute whole numbers of 8 bits.
Two things must be right, or a pass gains little or loses faces (docs/measures.md):

1. The reader leaves a ``Reshape`` before the weights of each depthwise convolution; behind it a mark is folded back into
   floats, and all of these layers stay in float. So weights and biases first become constants of their final shape.
2. One range serves all channels of a value, but before a depthwise convolution these differ by a thousand times. So each channel
   is made larger by a power of two's fourth root before it and smaller by the same in its weights: the result stays as it was.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DetectorError
from passerby.values import Digest

CALIBRATION = Path(__file__).parent.parent / "calibration.json"
"""Ranges of the weights that ship, found on the portrait."""
LEVELS, WEIGHT_LEVELS = 256, 255
"""Steps of a value and of a weight. Source: 8 bits; weights have as many steps below zero as above."""
STEPS_PER_DOUBLING = 4
"""Channels are equalised in steps of the fourth root of two. Source: a choice; half a step changes a range by 9 %."""
FIRST_HEADROOM = 2.0
"""The first convolution's weights use half of their steps, so that sums of two products stay within 16 bits on processors
without VNNI. Source: its input alone uses all 255 steps above zero in every picture."""
CONVOLUTIONS = frozenset({"Convolution", "GroupConvolution", "ConvolutionBackpropData"})
OUTPUT_AXIS = {"Convolution": 0, "GroupConvolution": 0, "ConvolutionBackpropData": 1}
"""Axis of the weights that counts output channels. Source: OpenVINO's operation specifications."""
Model = Any
Node = Any
Output = Any
"""OpenVINO's; it has no types."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How large values get in a network.

    Attributes:
        weights: Of the network that was measured.
        channels: By the name of each depthwise convolution's input, for each channel, by how many steps of
            ``STEPS_PER_DOUBLING`` its range lies below the largest channel's.
        ranges: By name of a value, the least and greatest that it takes.
    """

    weights: Digest
    channels: Mapping[str, tuple[int, ...]]
    ranges: Mapping[str, tuple[float, float]]


def read_calibration(path: Path = CALIBRATION) -> Calibration:
    """Return the table that ships.

    Raises:
        DetectorError: the file is missing or is no such table.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return Calibration(
            Digest(table["weights"]),
            {name: tuple(map(int, steps)) for name, steps in table["channels"].items()},
            {name: (float(low), float(high)) for name, (low, high) in table["ranges"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DetectorError(f"{path.name} must be a table of ranges: {error}", hint="reinstall passerby") from error


def quantise(model: Model, calibration: Calibration, outputs: tuple[str, ...]) -> Model:
    """Return a network in 8 bits.

    Args:
        model: As OpenVINO read it, in float32; left as it is.
        calibration: Made for these weights.
        outputs: Names of those that are kept; what only serves others goes.

    Raises:
        DetectorError: the network is not the one that the table was made for.
    """
    prepared = prepare(model, outputs)
    try:
        equalise(prepared, calibration.channels)
        mark_values(prepared, calibration.ranges)
        mark_weights(prepared)
    except (KeyError, ValueError) as error:
        raise DetectorError(f"table of ranges does not fit the network: {error}", hint="reinstall passerby") from error
    prepared.validate_nodes_and_infer_types()
    return prepared


def prepare(model: Model, outputs: tuple[str, ...]) -> Model:
    """Return the network for one picture of any size, with the outputs that are kept and every weight in its final shape."""
    own = model.clone()
    own.reshape([1, 3, -1, -1])
    kept = type(own)([own.output(name) for name in outputs], own.get_parameters(), "detector")
    for node in kept.get_ordered_ops():
        source = node.input_value(0).get_node() if node.get_type_name() == "Reshape" else None
        if source is not None and source.get_type_name() == "Constant":
            shape = [length.get_length() for length in node.get_output_partial_shape(0)]
            folded = _constant(source.get_data().reshape(shape))
            for target in node.output(0).get_target_inputs():
                target.replace_source_output(folded)
    kept.validate_nodes_and_infer_types()
    return kept


def depthwise(model: Model) -> Iterator[tuple[Node, Node, Node]]:
    """Yield each convolution that a depthwise one follows, the addition of its bias, and the depthwise one."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "GroupConvolution":
            add = node.input_value(0).get_node().input_value(0).get_node()
            yield add.input_value(0).get_node(), add, node


def equalise(model: Model, channels: Mapping[str, tuple[int, ...]]) -> None:
    """Give the channels before each depthwise convolution ranges alike; in float32 the outputs stay as they are."""
    for convolution, bias, following in list(depthwise(model)):
        steps = np.asarray(channels[name_of(following.input_value(0))])
        share = (2.0 ** (-steps / STEPS_PER_DOUBLING)).astype(np.float32)
        for node, factor in ((convolution, 1 / share), (bias, 1 / share), (following, share)):
            weights: NDArray[np.float32] = node.input_value(1).get_node().get_data()
            axis = 1 if node is bias else 0
            factors = factor.reshape([-1 if at == axis else 1 for at in range(weights.ndim)])
            node.input(1).replace_source_output(_constant(weights * factors))


def marked_values(model: Model) -> list[Output]:
    """Return the values that get a range: what convolutions take. Sums of branches stay in floats (docs/measures.md)."""
    taken = [node.input_value(0) for node in model.get_ordered_ops() if node.get_type_name() in CONVOLUTIONS]
    return list({name_of(value): value for value in taken}.values())


def mark_values(model: Model, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Mark each value with its range: from 0 where it is never below, else as far below zero as above."""
    for value in marked_values(model):
        low, high = ranges[name_of(value)]
        reach = max(-low, high)
        low, high = (0.0, high) if low >= 0 else (-reach, reach * (LEVELS // 2 - 1) / (LEVELS // 2))
        targets = list(value.get_target_inputs())
        marked = _mark(value, np.float32(low), np.float32(high), LEVELS)
        for target in targets:
            target.replace_source_output(marked)


def mark_weights(model: Model) -> None:
    """Mark the weights of each convolution, with a range for each output channel."""
    headroom = FIRST_HEADROOM
    for node in model.get_ordered_ops():
        if node.get_type_name() not in CONVOLUTIONS:
            continue
        weights: NDArray[np.float32] = node.input_value(1).get_node().get_data()
        others = tuple(at for at in range(weights.ndim) if at != OUTPUT_AXIS[node.get_type_name()])
        reach = np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-9) * np.float32(headroom)
        node.input(1).replace_source_output(_mark(node.input_value(1), -reach, reach, WEIGHT_LEVELS))
        headroom = 1.0


def name_of(value: Output) -> str:
    """Return the name that the ONNX file gives a value; versions of OpenVINO number their own nodes as they like.

    Raises:
        ValueError: it has none.
    """
    names = sorted(value.get_names())
    if not names:
        raise ValueError(f"{value.get_node().get_friendly_name()} has no name in the file")
    return str(names[0])


def _mark(value: Output, low: Any, high: Any, levels: int) -> Output:  # noqa: ANN401  # a number or an array
    low, high = _constant(low), _constant(high)
    return _operations().fake_quantize(value, low, high, low, high, levels).output(0)


def _constant(value: Any) -> Output:  # noqa: ANN401  # a number or an array
    return _operations().constant(np.asarray(value, np.float32)).output(0)


def _operations() -> Any:  # noqa: ANN401  # openvino has no types
    # whoever has a model has loaded openvino, in the way that tells nobody
    return importlib.import_module("openvino.opset13")

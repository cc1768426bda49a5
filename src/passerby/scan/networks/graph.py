"""A network as layers that hand each other tensors by name, and what of it decides: the layers that lead to each output."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from passerby.scan.networks.network import (
    MOST_LAYERS,
    MOST_PARAMETERS,
    BrokenModelError,
    Network,
    NetworkInput,
    NetworkOutput,
    Op,
    Parameter,
    Shape,
)

_TAIL_LAYERS = 40
"""Layers that are followed back from an output."""
_MOST_OUTPUTS = 64
_NORM_DEPTH = 8
_GLOBAL_KERNEL = 4
"""Sides from which a depthwise kernel that no pooling follows is taken to cover the whole map. Source: MobileFaceNet
(Chen and others 2018) has 7x7; inputs of 96 to 160 pixels end in maps of 3 to 10."""
_COUNTED_SHAPES = frozenset({Op.CONV, Op.DEPTHWISE, Op.LINEAR, Op.NORM})


class Layer(NamedTuple):
    """One layer.

    Attributes:
        op: What it does.
        name: As the file calls it.
        inputs: Tensors that it takes, trained ones among them.
        outputs: Tensors that it gives.
        layout: What the sides of its first trained tensor mean, one letter each: O numbers that come out, I that go in, H and W
            of a kernel, C channels of a depthwise kernel or of a normalisation, other letters nothing.
        kernel: Sides of its window, where it has no trained tensor that says so.
        width: How many numbers come out of it, where it has no trained tensor that says so.
    """

    op: Op
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layout: str = ""
    kernel: tuple[int, ...] = ()
    width: int | None = None


@dataclass(slots=True)
class LayerGraph:
    """A graph as it is read, before anything is made of it.

    Attributes:
        form: The file's format, for people.
        inputs: Without trained tensors.
        outputs: Names and shapes.
        layers: In the file's order.
        constants: Shapes of trained tensors by name.
        names: Words that say what it is for.
    """

    form: str
    inputs: list[NetworkInput] = field(default_factory=list)
    outputs: list[tuple[str, Shape | None]] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    constants: dict[str, tuple[int, ...]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def add(self, layer: Layer) -> None:
        """Add a layer.

        Raises:
            BrokenModelError: there are too many.
        """
        if len(self.layers) >= MOST_LAYERS:
            raise BrokenModelError(f"it has more than {MOST_LAYERS:,} layers")
        self.layers.append(layer)

    def keep(self, name: str, shape: tuple[int, ...]) -> None:
        """Add a trained tensor.

        Raises:
            BrokenModelError: there are too many.
        """
        if len(self.constants) >= MOST_PARAMETERS:
            raise BrokenModelError(f"it has more than {MOST_PARAMETERS:,} tensors")
        self.constants[name] = shape

    def network(self) -> Network:
        """Return what of it is judged."""
        known = _Known(self)
        inputs = tuple(taken for taken in self.inputs if taken.name not in self.constants)
        outputs = tuple(known.output(name, shape) for name, shape in self.outputs[:_MOST_OUTPUTS])
        parameters = tuple(Parameter(name, shape) for name, shape in self.constants.items())
        ops = Counter(known.real_op(layer) for layer in self.layers)
        ops[Op.GLOBAL_DEPTHWISE] += any(Op.GLOBAL_DEPTHWISE in output.tail for output in outputs)
        return Network(self.form, inputs, outputs, ops, parameters, tuple(self.names))


class _Known:
    """Answers questions about a graph by its tensors' names."""

    def __init__(self, graph: LayerGraph) -> None:
        self._constants = graph.constants
        self._makers = {name: layer for layer in graph.layers for name in layer.outputs}

    def trained(self, name: str, depth: int = 4) -> tuple[int, ...] | None:
        """Return the shape of a trained tensor, through what only unpacks or turns it; None where it is none."""
        if name in self._constants:
            return self._constants[name]
        maker = self._makers.get(name)
        if depth and maker and maker.op in (Op.PASS, Op.RESHAPE) and maker.inputs:
            shape = self.trained(maker.inputs[0], depth - 1)
            return shape[::-1] if shape and maker.layout == "turned" else shape
        return None

    def first_trained(self, layer: Layer) -> tuple[int, ...] | None:
        shapes = (self.trained(name) for name in layer.inputs[:4])
        return next((shape for shape in shapes if shape), None)

    def side(self, layer: Layer, letters: str) -> tuple[int, ...]:
        shape = self.first_trained(layer) if layer.layout and layer.op in _COUNTED_SHAPES else None
        if shape is None or len(shape) != len(layer.layout):
            return ()
        return tuple(side for side, letter in zip(shape, layer.layout, strict=True) if letter in letters)

    def width(self, layer: Layer) -> int | None:
        sides = self.side(layer, "OC")
        return math.prod(sides) if sides else layer.width

    def kernel(self, layer: Layer) -> tuple[int, ...]:
        return self.side(layer, "HW") or layer.kernel

    def real_op(self, layer: Layer) -> Op:
        """A convolution in groups of one channel is a depthwise one; a product without trained numbers is attention."""
        if layer.op is Op.LINEAR and layer.width is None and self.first_trained(layer) is None:
            return Op.MATMUL
        if layer.op is Op.DEPTHWISE and "I" in layer.layout and self.side(layer, "I")[:1] not in ((), (1,)):
            return Op.CONV
        return layer.op

    def before(self, layer: Layer) -> Iterator[Layer]:
        for name in layer.inputs[:8]:
            maker = self._makers.get(name)
            if maker is not None and maker is not layer and self.trained(name) is None:
                yield maker

    def above(self, layer: Layer) -> set[Op]:
        """Return what leads to a layer, back to the next layers of trained numbers."""
        seen: set[Op] = set()
        rows = [layer]
        for _ in range(_NORM_DEPTH):
            rows = [one for row in rows for one in self.before(row) if one.op not in _COUNTED_SHAPES][:16]
            seen.update(one.op for one in rows)
        return seen

    def arithmetic(self, layer: Layer) -> Op:
        """What an addition, product or quotient is for: a bias is no layer, a factor for each number a normalisation."""
        trained = self.first_trained(layer)
        if trained is not None and math.prod(trained) > 1:
            if layer.op is Op.ADD:
                return Op.PASS
            return Op.LAYER_NORM if Op.ROOT in self.above(layer) else Op.NORM
        if layer.op is Op.ADD:
            return layer.op
        above = self.above(layer)
        return Op.L2_NORM if Op.L2_NORM in above or {Op.ROOT, Op.SUM} <= above else layer.op

    def last_op(self, layer: Layer, *, pooled: bool) -> Op:
        """What a layer does that leads to an output."""
        op = self.real_op(layer)
        if op in (Op.ADD, Op.MUL, Op.DIV):
            return self.arithmetic(layer)
        whole = min(self.kernel(layer), default=0) >= _GLOBAL_KERNEL
        if op is Op.DEPTHWISE and whole and not pooled:
            return Op.GLOBAL_DEPTHWISE
        return Op.GLOBAL_POOL if op is Op.POOL and whole else op

    def output(self, name: str, shape: Shape | None) -> NetworkOutput:
        tail: list[Op] = []
        width: int | None = None
        layer = self._makers.get(name)
        pooled = False
        for _ in range(_TAIL_LAYERS):
            if layer is None:
                break
            op = self.last_op(layer, pooled=pooled)
            pooled = pooled or op is Op.GLOBAL_POOL
            width = self.width(layer) if width is None else width
            if op is not Op.PASS:
                tail.append(op)
            rows = list(self.before(layer))
            layer = next(
                (one for one in rows if one.op not in (Op.ROOT, Op.L2_NORM, Op.SUM)), rows[0] if rows else None
            )
        return NetworkOutput(name, shape, _last_side(shape) or width, tuple(tail))


def _last_side(shape: Shape | None) -> int | None:
    """How many numbers one picture gives, where all sides but the batch are known."""
    if not shape or len(shape) < 2 or any(side is None for side in shape[1:]):
        return None
    return math.prod(side for side in shape[1:] if side is not None)

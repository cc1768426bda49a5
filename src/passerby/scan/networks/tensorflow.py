"""TensorFlow graphs: frozen ones, saved models, and the graph models of TensorFlow.js.

Source: graph.proto, node_def.proto, attr_value.proto, saved_model.proto and meta_graph.proto of TensorFlow, field numbers as
they stand there; TensorFlow.js writes the same in protobuf's JSON form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

from passerby.scan.networks.graph import Layer, LayerGraph
from passerby.scan.networks.jsons import inside, items_of, manifest_tensors, side_of, text_of
from passerby.scan.networks.network import BrokenModelError, Network, NetworkInput, Op, Shape
from passerby.scan.networks.wire import BYTES, VARINT, Field, WireFile, signed

_OPS = {
    "Conv2D": (Op.CONV, "HWIO"),
    "_FusedConv2D": (Op.CONV, "HWIO"),
    "DepthwiseConv2dNative": (Op.DEPTHWISE, "HWCC"),
    "FusedDepthwiseConv2dNative": (Op.DEPTHWISE, "HWCC"),
    "_FusedDepthwiseConv2dNative": (Op.DEPTHWISE, "HWCC"),
    "Conv2DBackpropInput": (Op.UPSAMPLE, ""),
    "ResizeBilinear": (Op.UPSAMPLE, ""),
    "ResizeNearestNeighbor": (Op.UPSAMPLE, ""),
    "MatMul": (Op.LINEAR, "IO"),
    "_FusedMatMul": (Op.LINEAR, "IO"),
    "BatchMatMulV2": (Op.MATMUL, ""),
    "BatchMatMul": (Op.MATMUL, ""),
    "FusedBatchNorm": (Op.NORM, "C"),
    "FusedBatchNormV2": (Op.NORM, "C"),
    "FusedBatchNormV3": (Op.NORM, "C"),
    "Prelu": (Op.PRELU, ""),
    "Relu": (Op.ACT, ""),
    "Relu6": (Op.ACT, ""),
    "LeakyRelu": (Op.ACT, ""),
    "Elu": (Op.ACT, ""),
    "Softmax": (Op.SOFTMAX, ""),
    "ArgMax": (Op.SOFTMAX, ""),
    "Sigmoid": (Op.SIGMOID, ""),
    "Mean": (Op.GLOBAL_POOL, ""),
    "AvgPool": (Op.POOL, ""),
    "MaxPool": (Op.POOL, ""),
    "Reshape": (Op.RESHAPE, ""),
    "Squeeze": (Op.RESHAPE, ""),
    "Add": (Op.ADD, ""),
    "AddV2": (Op.ADD, ""),
    "Sub": (Op.ADD, ""),
    "Mul": (Op.MUL, ""),
    "RealDiv": (Op.DIV, ""),
    "Rsqrt": (Op.ROOT, ""),
    "Sqrt": (Op.ROOT, ""),
    "Sum": (Op.SUM, ""),
    "ConcatV2": (Op.CONCAT, ""),
    "BiasAdd": (Op.PASS, ""),
    "Identity": (Op.PASS, ""),
    "Cast": (Op.PASS, ""),
    "Transpose": (Op.PASS, ""),
    "ReadVariableOp": (Op.PASS, ""),
    "Switch": (Op.PASS, ""),
    "Merge": (Op.PASS, ""),
}
_TRAINED = {"Const", "VarHandleOp", "VariableV2", "Variable"}


class _GraphNode(NamedTuple):
    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: Shape | None
    window: tuple[int, ...]
    turned: bool


def read_graph_model(topology: dict[str, Any], manifest: object, signature: object) -> Network:
    """Return the network of a TensorFlow.js graph model.

    Args:
        topology: A GraphDef in JSON.
        manifest: Names and shapes of its weights.
        signature: Its inputs and outputs, where the file says them.

    Raises:
        BrokenModelError: it exceeds a bound.
    """
    graph = LayerGraph("TensorFlow.js graph model")
    for name, shape in manifest_tensors(manifest):
        graph.keep(name, shape)
    nodes = [_json_node(one) for one in items_of(topology.get("node"))]
    stated = _json_ends(inside(signature, "inputs")), _json_ends(inside(signature, "outputs"))
    return _network(graph, nodes, stated)


def _json_ends(ends: object) -> list[tuple[str, Shape | None]]:
    if not isinstance(ends, dict):
        return []
    return [
        (text_of(inside(one, "name")).partition(":")[0] or text_of(key), _json_shape(inside(one, "tensorShape")))
        for key, one in list(ends.items())[:64]
    ]


def _json_shape(shape: object) -> Shape | None:
    sides = inside(shape, "dim")
    return tuple(side_of(inside(side, "size")) for side in items_of(sides)[:16]) if isinstance(sides, list) else None


def _json_node(node: object) -> _GraphNode:
    attributes = inside(node, "attr")
    window = [side_of(side) or 0 for side in items_of(inside(attributes, "ksize", "list", "i"))[:4]]
    shape = _json_shape(inside(attributes, "shape", "shape"))
    return _GraphNode(
        text_of(inside(node, "name")),
        text_of(inside(node, "op")),
        tuple(text_of(one) for one in items_of(inside(node, "input"))[:512]),
        shape,
        tuple(window),
        bool(inside(attributes, "transpose_b", "b")),
    )


def _network(
    graph: LayerGraph, nodes: Sequence[_GraphNode], stated: Sequence[list[tuple[str, Shape | None]]]
) -> Network:
    taken: list[NetworkInput] = []
    for node in nodes:
        inputs = _inputs(node)
        if node.kind in _TRAINED:
            graph.keep(node.name, graph.constants.get(node.name) or tuple(side or 0 for side in node.shape or ()))
        elif node.kind.startswith("Placeholder") and not inputs:
            taken.append(NetworkInput(node.name, node.shape, channels_last=True))
        else:
            graph.add(_layer(node, inputs))
    graph.inputs = _taken(taken, dict(stated[0]))
    graph.outputs = _given(graph, {name for node in nodes for name in _inputs(node)}, stated[1])
    graph.names += [name for name, _ in graph.outputs]
    return graph.network()


def _layer(node: _GraphNode, inputs: tuple[str, ...]) -> Layer:
    op, layout = _OPS.get(node.kind, (Op.OTHER, ""))
    layout = "OI" if node.turned and layout == "IO" else layout
    return Layer(op, node.name, inputs, (node.name,), layout, node.window[1:3])


def _given(graph: LayerGraph, used: set[str], stated: list[tuple[str, Shape | None]]) -> list[tuple[str, Shape | None]]:
    """Return outputs as they are stated, where layers make them; else what no layer takes."""
    made = {name for layer in graph.layers for name in layer.outputs}
    ends: list[tuple[str, Shape | None]] = [
        (layer.name, None) for layer in graph.layers if layer.name not in used and layer.op is not Op.OTHER
    ]
    return [one for one in stated if one[0] in made] or stated or ends[-64:]


def _taken(found: list[NetworkInput], stated: Mapping[str, Shape | None]) -> list[NetworkInput]:
    """Return inputs with the shapes that are stated for them, without switches."""
    found = found or [NetworkInput(name, None, channels_last=True) for name in stated]
    return [one._replace(shape=one.shape or stated.get(one.name)) for one in found if not _is_switch(one)]


def _is_switch(taken: NetworkInput) -> bool:
    """Frozen graphs take whether they train, and how many pictures come, beside the picture."""
    return taken.shape is not None and len(taken.shape) == 0


def _inputs(node: _GraphNode) -> tuple[str, ...]:
    """Return what a node takes, without what only has to come before it."""
    return tuple(name.partition(":")[0] for name in node.inputs if not name.startswith("^"))


def read_tensorflow(stream: BinaryIO, size_bytes: int) -> Network:
    """Return the network of a frozen graph or a saved model.

    Raises:
        BrokenModelError: it is neither, or exceeds a bound.
    """
    file = WireFile(stream, size_bytes)
    graph = LayerGraph("TensorFlow")
    nodes: list[_GraphNode] = []
    ends: tuple[list[tuple[str, Shape | None]], ...] = ([], [])
    for part in file.parts(Field(0, BYTES, 0, size_bytes)):
        if part.number == 1:
            nodes.append(_wire_node(file, part))
        elif part.number == 2:
            for inner in file.parts(part):
                _read_meta(file, inner, nodes, ends)
    if not nodes or not all(node.kind for node in nodes):
        raise BrokenModelError("it is no TensorFlow graph")
    return _network(graph, nodes, ends)


def _read_meta(
    file: WireFile, part: Field, nodes: list[_GraphNode], ends: Sequence[list[tuple[str, Shape | None]]]
) -> None:
    """Read a field of a saved model's graph, or a function of a frozen one, whose fields have the same place."""
    for inner in file.parts(part):
        if part.number == 2 and inner.number == 1:
            nodes.append(_wire_node(file, inner))
        elif part.number == 2 and inner.number == 2:
            _read_functions(file, inner, nodes)
        elif part.number == 5 and inner.number == 2:
            _read_signature(file, inner, ends)


def _read_functions(file: WireFile, whole: Field, nodes: list[_GraphNode]) -> None:
    for function in file.parts(whole):
        if function.number == 1:
            nodes.extend(_wire_node(file, one) for one in file.parts(function) if one.number == 3)


def _read_signature(file: WireFile, whole: Field, ends: Sequence[list[tuple[str, Shape | None]]]) -> None:
    for part in file.parts(whole):
        if part.number in (1, 2):
            name, shape = "", None
            for entry in file.parts(part):
                if entry.number == 1:
                    name = file.text(entry)
                elif entry.number == 2:
                    shape = _inner_shape(file, entry, 3)
            if name != "__saved_model_init_op":
                ends[part.number - 1].append((name, shape))


def _inner_shape(file: WireFile, whole: Field, number: int) -> Shape | None:
    shapes = [_wire_shape(file, part) for part in file.parts(whole) if part.number == number]
    return shapes[-1] if shapes else None


def _wire_shape(file: WireFile, whole: Field) -> Shape:
    sides: list[int | None] = []
    for part in file.parts(whole):
        if part.number == 2 and len(sides) < 16:
            side = None
            for one in file.fields(part.value, part.end):
                if one.number == 1 and one.wire == VARINT and signed(one.value) > 0:
                    side = one.value
            sides.append(side)
    return tuple(sides)


def _wire_node(file: WireFile, whole: Field) -> _GraphNode:
    name = kind = ""
    inputs: list[str] = []
    shape: Shape | None = None
    window: list[int] = []
    turned = False
    for part in file.parts(whole):
        if part.number == 1:
            name = file.text(part)
        elif part.number == 2:
            kind = file.text(part)
        elif part.number == 3:
            inputs.append(file.text(part))
        elif part.number == 5:
            key, value = _wire_attribute(file, part)
            if key in ("shape", "value") and isinstance(value, tuple):
                shape = value
            elif key == "ksize" and isinstance(value, list):
                window = value
            elif key == "transpose_b":
                turned = value is True
    return _GraphNode(name, kind, tuple(inputs), shape, tuple(window), turned)


def _wire_attribute(file: WireFile, whole: Field) -> tuple[str, Shape | list[int] | bool | None]:
    key = ""
    value: Shape | list[int] | bool | None = None
    for part in file.parts(whole):
        if part.number == 1:
            key = file.text(part)
        elif part.number == 2 and key in ("shape", "value", "ksize", "transpose_b"):
            for one in file.fields(part.value, part.end):
                value = _wire_value(file, one)
    return key, value


def _wire_value(file: WireFile, one: Field) -> Shape | list[int] | bool | None:
    if one.number == 5 and one.wire == VARINT:
        return one.value != 0
    if one.wire != BYTES:
        return None
    if one.number == 7:
        return _wire_shape(file, one)
    if one.number == 8:
        return _inner_shape(file, one, 2)
    if one.number == 1:
        return [n for inner in file.fields(one.value, one.end) if inner.number == 3 for n in file.numbers(inner)][:8]
    return None

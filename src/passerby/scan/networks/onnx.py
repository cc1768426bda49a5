"""ONNX: graph, inputs, outputs and names out of the file's fields; trained numbers are passed over.

Source: onnx.proto of the ONNX project, field numbers as they stand there.
"""

from __future__ import annotations

from typing import BinaryIO

from passerby.scan.networks.graph import Layer, LayerGraph
from passerby.scan.networks.network import MOST_NAME, BrokenModelError, Network, NetworkInput, Op, Shape
from passerby.scan.networks.wire import BYTES, VARINT, Field, WireFile, signed

_MOST_DEPTH = 3
"""Graphs in graphs that are read."""
_MOST_SIDES = 16

_OPS = {
    "Conv": Op.CONV,
    "ConvInteger": Op.CONV,
    "QLinearConv": Op.CONV,
    "FusedConv": Op.CONV,
    "ConvTranspose": Op.UPSAMPLE,
    "Resize": Op.UPSAMPLE,
    "Upsample": Op.UPSAMPLE,
    "DepthToSpace": Op.UPSAMPLE,
    "Gemm": Op.LINEAR,
    "QGemm": Op.LINEAR,
    "FusedGemm": Op.LINEAR,
    "MatMul": Op.LINEAR,
    "MatMulInteger": Op.LINEAR,
    "QLinearMatMul": Op.LINEAR,
    "FusedMatMul": Op.LINEAR,
    "BatchNormalization": Op.NORM,
    "LayerNormalization": Op.LAYER_NORM,
    "SkipLayerNormalization": Op.LAYER_NORM,
    "GroupNormalization": Op.LAYER_NORM,
    "InstanceNormalization": Op.LAYER_NORM,
    "RMSNormalization": Op.LAYER_NORM,
    "LpNormalization": Op.L2_NORM,
    "ReduceL2": Op.L2_NORM,
    "PRelu": Op.PRELU,
    "Softmax": Op.SOFTMAX,
    "LogSoftmax": Op.SOFTMAX,
    "ArgMax": Op.SOFTMAX,
    "Sigmoid": Op.SIGMOID,
    "HardSigmoid": Op.SIGMOID,
    "Flatten": Op.FLATTEN,
    "Reshape": Op.RESHAPE,
    "Squeeze": Op.RESHAPE,
    "Unsqueeze": Op.RESHAPE,
    "GlobalAveragePool": Op.GLOBAL_POOL,
    "GlobalMaxPool": Op.GLOBAL_POOL,
    "QLinearGlobalAveragePool": Op.GLOBAL_POOL,
    "ReduceMean": Op.GLOBAL_POOL,
    "AveragePool": Op.POOL,
    "MaxPool": Op.POOL,
    "Add": Op.ADD,
    "Mul": Op.MUL,
    "Div": Op.DIV,
    "Sqrt": Op.ROOT,
    "ReduceSum": Op.SUM,
    "ReduceSumSquare": Op.SUM,
    "LSTM": Op.RECURRENT,
    "GRU": Op.RECURRENT,
    "RNN": Op.RECURRENT,
    "Attention": Op.MATMUL,
    "MultiHeadAttention": Op.MATMUL,
    "Concat": Op.CONCAT,
}
_PASSING = {
    "Identity",
    "Dropout",
    "Cast",
    "DequantizeLinear",
    "QuantizeLinear",
    "DynamicQuantizeLinear",
    "Transpose",
    "Clip",
}
_ACTING = {"Relu", "LeakyRelu", "Elu", "Selu", "HardSwish", "Gelu", "Tanh", "Softplus", "Erf", "Mish", "Swish"}


def read_onnx(stream: BinaryIO, size_bytes: int) -> Network:
    """Return the network of an ONNX file.

    Raises:
        BrokenModelError: it is none, or exceeds a bound.
    """
    file = WireFile(stream, size_bytes)
    graph = LayerGraph("ONNX")
    found = False
    for part in file.fields(0, size_bytes):
        if part.number == 2 and part.wire == BYTES:
            graph.names.append(file.text(part))
        elif part.number == 7 and part.wire == BYTES:
            _read_graph(file, part, graph)
            found = True
        elif part.number == 25 and part.wire == BYTES:
            _read_function(file, part, graph)
    if not found:
        raise BrokenModelError("it has no graph")
    return graph.network()


def _read_graph(file: WireFile, whole: Field, graph: LayerGraph) -> None:
    for part in file.fields(whole.value, whole.end):
        if part.wire != BYTES:
            continue
        match part.number:
            case 1:
                _read_layer(file, part, graph, 0)
            case 2:
                graph.names.append(file.text(part))
            case 5:
                name, shape = _tensor(file, part)
                graph.keep(name, shape)
            case 11:
                name, sides = _value(file, part)
                graph.inputs.append(NetworkInput(name, sides))
            case 12:
                graph.outputs.append(_value(file, part))


def _read_function(file: WireFile, whole: Field, graph: LayerGraph) -> None:
    for part in file.fields(whole.value, whole.end):
        if part.number == 7 and part.wire == BYTES:
            _read_layer(file, part, graph, 1)


def _read_layer(file: WireFile, whole: Field, graph: LayerGraph, depth: int) -> None:
    inputs: list[str] = []
    outputs: list[str] = []
    name = kind = ""
    numbers: dict[str, list[int]] = {}
    for part in file.fields(whole.value, whole.end):
        if part.wire != BYTES:
            continue
        match part.number:
            case 1:
                inputs.append(file.text(part))
            case 2:
                outputs.append(file.text(part))
            case 3:
                name = file.text(part)
            case 4:
                kind = file.text(part)
            case 5:
                key, values = _attribute(file, part, graph, depth)
                numbers[key] = values
    if kind == "Constant":
        for output in outputs[:1]:
            graph.keep(output, tuple(numbers.get("value", ())))
        return
    graph.add(_layer(kind, name, (tuple(inputs), tuple(outputs)), numbers))


def _layer(kind: str, name: str, ends: tuple[tuple[str, ...], tuple[str, ...]], numbers: dict[str, list[int]]) -> Layer:
    inputs, outputs = ends
    op = _OPS.get(kind, Op.PASS if kind in _PASSING else Op.ACT if kind in _ACTING else Op.OTHER)
    layout = ""
    if op is Op.CONV:
        op = Op.DEPTHWISE if _first(numbers, "group") > 1 else op
        layout = "OIHW"
    elif op is Op.LINEAR:
        layout = "OI" if _first(numbers, "transB") else "IO"
    elif op is Op.NORM:
        layout = "C"
    elif kind == "Transpose":
        layout = "turned"
    return Layer(op, name, inputs, outputs, layout, tuple(numbers.get("kernel_shape", ())))


def _first(numbers: dict[str, list[int]], key: str) -> int:
    return next(iter(numbers.get(key, ())), 0)


def _attribute(file: WireFile, whole: Field, graph: LayerGraph, depth: int) -> tuple[str, list[int]]:
    """Return an attribute's name with its whole numbers, or with the shape of its tensor."""
    name = ""
    values: list[int] = []
    for part in file.fields(whole.value, whole.end):
        if part.number == 1 and part.wire == BYTES:
            name = file.text(part)[:MOST_NAME]
        elif part.number == 3 and part.wire == VARINT:
            values.append(signed(part.value))
        elif part.number == 8 and len(values) < _MOST_SIDES:
            values += file.numbers(part, _MOST_SIDES)
        elif part.number == 5 and part.wire == BYTES:
            values = list(_tensor(file, part)[1])
        elif part.number == 6 and part.wire == BYTES and depth < _MOST_DEPTH:
            _read_inner(file, part, graph, depth + 1)
    return name, values


def _read_inner(file: WireFile, whole: Field, graph: LayerGraph, depth: int) -> None:
    for inner in file.parts(whole):
        if inner.number == 1:
            _read_layer(file, inner, graph, depth)


def _tensor(file: WireFile, whole: Field) -> tuple[str, tuple[int, ...]]:
    name = ""
    shape: list[int] = []
    for part in file.fields(whole.value, whole.end):
        if part.number == 1 and len(shape) < _MOST_SIDES:
            shape += file.numbers(part, _MOST_SIDES)
        elif part.number == 8 and part.wire == BYTES:
            name = file.text(part)
    return name, tuple(max(side, 0) for side in shape)


def _value(file: WireFile, whole: Field) -> tuple[str, Shape | None]:
    name = ""
    shape: Shape | None = None
    for part in file.fields(whole.value, whole.end):
        if part.number == 1 and part.wire == BYTES:
            name = file.text(part)
        elif part.number == 2 and part.wire == BYTES:
            for kind in file.fields(part.value, part.end):
                if kind.number == 1 and kind.wire == BYTES:
                    shape = _tensor_shape(file, kind)
    return name, shape


def _tensor_shape(file: WireFile, whole: Field) -> Shape | None:
    shape: Shape | None = None
    for part in file.fields(whole.value, whole.end):
        if part.number == 2 and part.wire == BYTES:
            shape = tuple(_side(file, one) for one in file.fields(part.value, part.end) if one.number == 1)[
                :_MOST_SIDES
            ]
    return shape


def _side(file: WireFile, whole: Field) -> int | None:
    if whole.wire != BYTES:
        return None
    for part in file.fields(whole.value, whole.end):
        if part.number == 1 and part.wire == VARINT and signed(part.value) > 0:
            return part.value
    return None

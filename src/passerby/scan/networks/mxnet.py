"""MXNet's symbol files: layers as JSON. The numbers beside them (``.params``) are not read."""

from __future__ import annotations

from typing import Any

from passerby.scan.networks.graph import Layer, LayerGraph
from passerby.scan.networks.jsons import inside, items_of, shape_of, text_of
from passerby.scan.networks.network import BrokenModelError, Network, NetworkInput, Op

_OPS = {
    "Convolution": Op.CONV,
    "Deconvolution": Op.UPSAMPLE,
    "UpSampling": Op.UPSAMPLE,
    "FullyConnected": Op.LINEAR,
    "BatchNorm": Op.NORM,
    "LayerNorm": Op.LAYER_NORM,
    "L2Normalization": Op.L2_NORM,
    "Flatten": Op.FLATTEN,
    "Reshape": Op.RESHAPE,
    "reshape": Op.RESHAPE,
    "SoftmaxOutput": Op.SOFTMAX,
    "SoftmaxActivation": Op.SOFTMAX,
    "softmax": Op.SOFTMAX,
    "sigmoid": Op.SIGMOID,
    "Activation": Op.ACT,
    "relu": Op.ACT,
    "Dropout": Op.PASS,
    "Concat": Op.CONCAT,
    "elemwise_add": Op.ADD,
    "_plus": Op.ADD,
    "_Plus": Op.ADD,
    "broadcast_mul": Op.MUL,
    "RNN": Op.RECURRENT,
}
_TRAINED = ("weight", "bias", "gamma", "beta", "moving_mean", "moving_var", "running_mean", "running_var", "label")


def read_mxnet(symbol: dict[str, Any]) -> Network:
    """Return the network of a symbol file.

    Raises:
        BrokenModelError: it has no layers, or exceeds a bound.
    """
    graph = LayerGraph("MXNet")
    nodes = items_of(symbol.get("nodes"))
    names = [text_of(inside(node, "name")) for node in nodes]

    def named(rows: object) -> tuple[str, ...]:
        firsts = [row[0] for row in items_of(rows)[:512] if isinstance(row, list) and row]
        return tuple(names[one] for one in firsts if isinstance(one, int) and 0 <= one < len(names))

    for name, node in zip(names, nodes, strict=True):
        inputs = named(inside(node, "inputs"))
        if text_of(inside(node, "op")) != "null":
            attributes = inside(node, "attrs") or inside(node, "attr") or inside(node, "param")
            graph.add(_layer(name, text_of(inside(node, "op")), inputs, attributes))
        elif not name.endswith(_TRAINED):
            graph.inputs.append(NetworkInput(name, shape_of(inside(node, "shape"))))
    graph.outputs = [(name, None) for name in named(symbol.get("heads"))]
    graph.names += [name for name, _ in graph.outputs]
    if not graph.layers:
        raise BrokenModelError("it describes no layers")
    return graph.network()


def _layer(name: str, kind: str, inputs: tuple[str, ...], attributes: object) -> Layer:
    op = _OPS.get(kind, Op.OTHER)
    width = _number(attributes, "num_hidden") or _number(attributes, "num_filter")
    sides = text_of(inside(attributes, "kernel")).strip("()[] ").split(",")
    kernel = tuple(int(side) for side in sides if side.strip().isdecimal() and len(side) < 9)
    if kind == "LeakyReLU":
        op = Op.PRELU if inside(attributes, "act_type") == "prelu" else Op.ACT
    elif kind == "Pooling":
        op = Op.GLOBAL_POOL if text_of(inside(attributes, "global_pool")).lower() in ("true", "1") else Op.POOL
    elif kind == "Convolution" and (_number(attributes, "num_group") or 1) > 1:
        op = Op.DEPTHWISE if _number(attributes, "num_group") == width else op
    return Layer(op, name, inputs, (name,), "", kernel, width)


def _number(attributes: object, key: str) -> int | None:
    text = text_of(inside(attributes, key))
    return int(text) if text.isdecimal() and len(text) < 9 else None

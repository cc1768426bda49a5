"""Networks that Keras describes layer by layer: in TensorFlow.js layers models, in H5 files and in ``.keras`` archives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from passerby.scan.networks.graph import Layer, LayerGraph
from passerby.scan.networks.jsons import inside, items_of, shape_of, side_of, text_of
from passerby.scan.networks.network import BrokenModelError, Network, NetworkInput, Op, Shape

_MOST_DEPTH = 6
"""Models in models that are read."""
_MODELS = {"Model", "Functional", "Sequential"}
_OPS = {
    "Conv2D": Op.CONV,
    "Convolution2D": Op.CONV,
    "LocallyConnected2D": Op.CONV,
    "SeparableConv2D": Op.CONV,
    "DepthwiseConv2D": Op.DEPTHWISE,
    "Conv2DTranspose": Op.UPSAMPLE,
    "UpSampling2D": Op.UPSAMPLE,
    "Dense": Op.LINEAR,
    "BatchNormalization": Op.NORM,
    "BatchNormalizationV1": Op.NORM,
    "LayerNormalization": Op.LAYER_NORM,
    "GroupNormalization": Op.LAYER_NORM,
    "UnitNormalization": Op.L2_NORM,
    "PReLU": Op.PRELU,
    "ReLU": Op.ACT,
    "LeakyReLU": Op.ACT,
    "ELU": Op.ACT,
    "Softmax": Op.SOFTMAX,
    "Flatten": Op.FLATTEN,
    "Reshape": Op.RESHAPE,
    "GlobalAveragePooling2D": Op.GLOBAL_POOL,
    "GlobalMaxPooling2D": Op.GLOBAL_POOL,
    "GlobalAveragePooling1D": Op.GLOBAL_POOL,
    "AveragePooling2D": Op.POOL,
    "MaxPooling2D": Op.POOL,
    "Add": Op.ADD,
    "Multiply": Op.MUL,
    "Concatenate": Op.CONCAT,
    "MultiHeadAttention": Op.MATMUL,
    "Attention": Op.MATMUL,
    "LSTM": Op.RECURRENT,
    "GRU": Op.RECURRENT,
    "Bidirectional": Op.RECURRENT,
    "Dropout": Op.PASS,
    "InputLayer": Op.PASS,
    "ZeroPadding2D": Op.PASS,
    "Rescaling": Op.PASS,
    "Normalization": Op.PASS,
}
_GATES = {"softmax": Op.SOFTMAX, "sigmoid": Op.SIGMOID, "hard_sigmoid": Op.SIGMOID}


def read_keras(topology: dict[str, Any], form: str, tensors: Iterable[tuple[str, tuple[int, ...]]] = ()) -> Network:
    """Return the network that a description of layers gives.

    Args:
        topology: ``{"class_name", "config"}`` of a model.
        form: The file's format, for people.
        tensors: Names and shapes of its weights, where the file has them.

    Raises:
        BrokenModelError: it describes no layers, or exceeds a bound.
    """
    graph = LayerGraph(form)
    for name, shape in tensors:
        graph.keep(name, shape)
    ends = _LayerReading(graph).model(topology, "", [], 0)
    if not graph.layers:
        raise BrokenModelError("it describes no layers")
    graph.outputs = [(end, None) for end in ends]
    graph.names += [text_of(inside(topology, "config", "name")), *(end.rpartition("/")[2] for end in ends)]
    return graph.network()


class _LayerReading:
    """Adds the layers of models in models to one graph; a layer's tensor has the layer's name."""

    def __init__(self, graph: LayerGraph) -> None:
        self._graph = graph

    def model(self, model: object, prefix: str, taken: list[str], depth: int) -> list[str]:
        """Add one model and return the tensors that it gives.

        Args:
            model: Its description.
            prefix: Stands before its layers' names.
            taken: Tensors of the outer model that it takes, in order.
            depth: How many models it is in.

        Raises:
            BrokenModelError: models in models go too deep, or there are too many layers.
        """
        if depth > _MOST_DEPTH:
            raise BrokenModelError(f"it has models in models, deeper than {_MOST_DEPTH}")
        config = inside(model, "config")
        layers = items_of(config) or items_of(inside(config, "layers"))
        in_row = inside(model, "class_name") == "Sequential"
        before = taken[:1]
        gives: dict[str, list[str]] = {}
        wanted = [text_of(name) for name, *_ in _ends(inside(config, "input_layers"))]
        for place, layer in enumerate(layers):
            name = text_of(inside(layer, "name")) or text_of(inside(layer, "config", "name")) or str(place)
            kind = text_of(inside(layer, "class_name"))
            inputs = before if in_row else _gathered(_sources(inside(layer, "inbound_nodes")), gives)
            if kind == "InputLayer" and taken and name in wanted:
                inputs = taken[wanted.index(name) : wanted.index(name) + 1]
            if kind in _MODELS and _is_model(layer):
                gives[name] = self.model(layer, f"{prefix}{name}/", inputs, depth + 1)
            else:
                gives[name] = [self.layer(layer, f"{prefix}{name}", inputs, outermost=depth == 0)]
            before = gives[name]
        return _gathered([text_of(name) for name, *_ in _ends(inside(config, "output_layers"))], gives) or before

    def layer(self, layer: object, name: str, inputs: list[str], *, outermost: bool) -> str:
        config = inside(layer, "config")
        kind = text_of(inside(layer, "class_name"))
        shape = _input_shape(config)
        if shape and not inputs and outermost:
            self._graph.inputs.append(
                NetworkInput(name, shape, channels_last=inside(config, "data_format") != "channels_first")
            )
        op = _op_of(kind, name, config)
        gate = text_of(inside(config, "activation"))
        kernel = tuple(
            side_of(side) or 0 for side in items_of(inside(config, "kernel_size") or inside(config, "pool_size"))[:2]
        )
        width = side_of(inside(config, "units")) or side_of(inside(config, "filters"))
        gated = op in (Op.LINEAR, Op.CONV) and gate in _GATES
        made = f"{name}/plain" if gated else name
        self._graph.add(Layer(op, name, tuple(inputs), (made,), "", kernel, width))
        if gated:
            self._graph.add(Layer(_GATES[gate], name, (made,), (name,)))
        return name


def _op_of(kind: str, name: str, config: object) -> Op:
    if kind in ("Lambda", "TFOpLambda") and any(word in name.lower() for word in ("l2", "normalize", "norm2")):
        return Op.L2_NORM
    if kind == "Activation":
        return _GATES.get(text_of(inside(config, "activation")), Op.ACT)
    groups = side_of(inside(config, "groups")) or 1
    if kind == "Conv2D" and groups > 1 and groups == side_of(inside(config, "filters")):
        return Op.DEPTHWISE
    return _OPS.get(kind, Op.OTHER)


def _is_model(layer: object) -> bool:
    return bool(items_of(inside(layer, "config")) or inside(layer, "config", "layers"))


def _gathered(sources: Iterable[str], gives: dict[str, list[str]]) -> list[str]:
    return [one for source in sources for one in gives.get(source, [])]


def _input_shape(config: object) -> Shape | None:
    for key in ("batch_input_shape", "batch_shape"):
        shape = shape_of(inside(config, key))
        if shape:
            return shape
    return None


def _ends(ends: object) -> list[list[Any]]:
    """Return ``input_layers`` or ``output_layers``: a list of ``[name, 0, 0]``, or one alone."""
    rows = items_of(ends)
    if rows and isinstance(rows[0], str):
        return [rows]
    return [row for row in rows if isinstance(row, list) and row]


def _sources(nodes: object) -> list[str]:
    """Return the layers that a layer's first call takes, however this version of Keras writes them."""
    found: list[str] = []
    rows: list[tuple[object, int]] = [(items_of(nodes)[:1], 0)]
    while rows and len(found) < 64:
        value, depth = rows.pop()
        if isinstance(value, dict):
            rows += [(one, depth + 1) for one in list(value.values())[::-1] if depth < 12]
        elif isinstance(value, list):
            if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
                found.append(text_of(value[0]))
            elif depth < 12:
                rows += [(one, depth + 1) for one in value[:64][::-1]]
    return found

"""OpenVINO's intermediate representation: layers and edges as XML, read as events; entities are refused.

Source: OpenVINO documentation, "OpenVINO IR format", versions 10 and 11.
"""

from __future__ import annotations

from typing import BinaryIO
from xml.parsers import expat

from passerby.scan.networks.graph import Layer, LayerGraph
from passerby.scan.networks.network import MOST_LAYERS, MOST_NAME, BrokenModelError, Network, NetworkInput, Op, Shape

MOST_XML_BYTES = 64 << 20
_MOST_DEPTH = 64
_PIECE = 1 << 16
_OPS = {
    "Convolution": (Op.CONV, "OIHW"),
    "GroupConvolution": (Op.DEPTHWISE, "COIHW"),
    "ConvolutionBackpropData": (Op.UPSAMPLE, ""),
    "Interpolate": (Op.UPSAMPLE, ""),
    "DepthToSpace": (Op.UPSAMPLE, ""),
    "MatMul": (Op.LINEAR, "IO"),
    "BatchNormInference": (Op.NORM, "C"),
    "MVN": (Op.LAYER_NORM, ""),
    "PReLU": (Op.PRELU, ""),
    "PRelu": (Op.PRELU, ""),
    "ReLU": (Op.ACT, ""),
    "Clamp": (Op.ACT, ""),
    "Swish": (Op.ACT, ""),
    "HSwish": (Op.ACT, ""),
    "Gelu": (Op.ACT, ""),
    "Tanh": (Op.ACT, ""),
    "SoftMax": (Op.SOFTMAX, ""),
    "Softmax": (Op.SOFTMAX, ""),
    "LogSoftmax": (Op.SOFTMAX, ""),
    "Sigmoid": (Op.SIGMOID, ""),
    "NormalizeL2": (Op.L2_NORM, ""),
    "ReduceL2": (Op.L2_NORM, ""),
    "ReduceMean": (Op.GLOBAL_POOL, ""),
    "AvgPool": (Op.POOL, ""),
    "MaxPool": (Op.POOL, ""),
    "Reshape": (Op.RESHAPE, ""),
    "Squeeze": (Op.RESHAPE, ""),
    "Unsqueeze": (Op.RESHAPE, ""),
    "Add": (Op.ADD, ""),
    "Multiply": (Op.MUL, ""),
    "Divide": (Op.DIV, ""),
    "Sqrt": (Op.ROOT, ""),
    "Power": (Op.ROOT, ""),
    "ReduceSum": (Op.SUM, ""),
    "ScaledDotProductAttention": (Op.MATMUL, ""),
    "LSTMSequence": (Op.RECURRENT, ""),
    "GRUSequence": (Op.RECURRENT, ""),
    "Concat": (Op.CONCAT, ""),
    "Convert": (Op.PASS, ""),
    "Result": (Op.PASS, ""),
    "Transpose": (Op.PASS, ""),
    "FakeQuantize": (Op.PASS, ""),
}


class _IrEvents:
    """Gathers layers with the shapes that they give, and edges, from the events of the XML parser."""

    def __init__(self) -> None:
        self.layers: dict[str, dict[str, str]] = {}
        self.shapes: dict[str, Shape] = {}
        self.edges: dict[str, list[tuple[int, str]]] = {}
        self.name = ""
        self._place: list[str] = []
        self._layer = ""
        self._sides: list[int | None] = []
        self._text = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._place.append(tag)
        if len(self._place) > _MOST_DEPTH or len(self.layers) > MOST_LAYERS:
            raise BrokenModelError("it is too deep, or has too many layers")
        self._text = ""
        if tag == "net" and not self.name:
            self.name = attributes.get("name", "")[:MOST_NAME]
        elif tag == "port":
            self._sides = []
            if self._place[-2:-1] == ["output"] and self._place.count("layer") == 1:
                self.layers[self._layer].setdefault("gives", attributes.get("names", "")[:MOST_NAME])
        elif tag in ("layer", "data") and self._place.count("layer") == 1:
            self._add(tag, attributes)
        elif tag == "edge" and "layer" not in self._place:
            port = attributes.get("to-port", "")
            row = (int(port) if port.isdecimal() and len(port) < 9 else 0, attributes.get("from-layer", ""))
            self.edges.setdefault(attributes.get("to-layer", ""), []).append(row)

    def _add(self, tag: str, attributes: dict[str, str]) -> None:
        """Keep what describes a layer; layers inside a layer's own graph are passed over."""
        if tag == "layer":
            self._layer = attributes.get("id", "")
        before = "" if tag == "layer" else "data."
        kept = {f"{before}{key}": value[:MOST_NAME] for key, value in attributes.items()}
        self.layers[self._layer] = {**self.layers.get(self._layer, {}), **kept}

    def end(self, tag: str) -> None:
        if tag == "dim" and len(self._sides) < 16:
            text = self._text.strip()
            self._sides.append(int(text) if text.isdecimal() and len(text) < 20 else None)
        elif tag == "port" and self._place[-2:-1] == ["output"] and self._place.count("layer") == 1:
            self.shapes.setdefault(self._layer, tuple(self._sides))
        self._place.pop()

    def text(self, data: str) -> None:
        self._text = (self._text + data)[:MOST_NAME]


def _refuse(*_: object) -> None:
    raise BrokenModelError("its XML declares entities, which are not read")


def read_openvino(stream: BinaryIO) -> Network:
    """Return the network of an OpenVINO description.

    Raises:
        BrokenModelError: it is none, or exceeds a bound.
    """
    events = _IrEvents()
    parser = expat.ParserCreate()
    parser.StartElementHandler = events.start
    parser.EndElementHandler = events.end
    parser.CharacterDataHandler = events.text
    parser.EntityDeclHandler = _refuse
    parser.StartDoctypeDeclHandler = _refuse
    try:
        for _ in range(MOST_XML_BYTES // _PIECE):
            piece = stream.read(_PIECE)
            parser.Parse(piece, not piece)
            if not piece:
                break
        else:
            raise BrokenModelError(f"its description has more than {MOST_XML_BYTES >> 20} MB")
    except (expat.ExpatError, ValueError, KeyError) as exc:
        raise BrokenModelError("its XML is broken or ends too soon") from exc
    return _network(events)


def _network(events: _IrEvents) -> Network:
    graph = LayerGraph("OpenVINO")
    graph.names.append(events.name)
    labels = {number: f"{layer.get('gives', '')}#{number}" for number, layer in events.layers.items()}
    for number, layer in events.layers.items():
        kind, label = layer.get("type", ""), labels[number]
        shape = events.shapes.get(number)
        sources = [source for _, source in sorted(events.edges.get(number, []))[:512]]
        inputs = tuple(labels.get(source, "") for source in sources)
        if kind in ("Const", "Constant"):
            graph.keep(label, tuple(side or 0 for side in shape or ()))
        elif kind in ("Parameter", "Input"):
            graph.inputs.append(NetworkInput(label, shape))
        else:
            graph.add(_layer(label, kind, layer, inputs))
        if kind == "Result" and inputs:
            graph.outputs.append((inputs[0], events.shapes.get(sources[0])))
            graph.names.append(events.layers.get(sources[0], {}).get("name", ""))
    if not graph.layers:
        raise BrokenModelError("it describes no layers")
    return graph.network()


def _layer(number: str, kind: str, layer: dict[str, str], inputs: tuple[str, ...]) -> Layer:
    op, layout = _OPS.get(kind, (Op.OTHER, ""))
    if kind == "MatMul" and layer.get("data.transpose_b") == "true":
        layout = "OI"
    window = layer.get("data.kernel", "").split(",")
    kernel = tuple(int(side) for side in window if side.strip().isdecimal() and len(side) < 9)
    return Layer(op, layer.get("name", ""), inputs, (number,), layout, kernel)

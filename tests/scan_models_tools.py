"""Writes minimal files of models, byte by byte: no trained numbers, nothing that could be run."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from passerby.scan import Finding, Unread
from passerby.scan.files import BytesFile, DiskFile
from passerby.scan.models import READERS
from passerby.scan.values import TargetFile

Shape = Sequence[int | str | None]
Tensors = Mapping[str, Sequence[int]]


def observations(file: TargetFile) -> list[Finding | Unread]:
    """Return what the reader of models says of a file."""
    (reader,) = READERS
    if not reader.wants(file):
        return []
    found = list(reader.read(file))
    assert all(isinstance(one, Finding | Unread) for one in found)
    return [one for one in found if isinstance(one, Finding | Unread)]


def findings(data: bytes, name: str) -> list[Finding]:
    """Return the findings in a file of some bytes; it must be read to its end."""
    found = observations(BytesFile(data, name))
    assert not [one for one in found if isinstance(one, Unread)], found
    return [one for one in found if isinstance(one, Finding)]


def titles(data: bytes, name: str) -> list[str]:
    return sorted(one.title for one in findings(data, name))


def on_disk(path: Path) -> list[Finding | Unread]:
    return observations(DiskFile(path, path.name))


# protocol buffers


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


class Node(NamedTuple):
    """One layer of an ONNX graph: operator, tensors that it takes and gives, attributes with whole numbers."""

    op: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: Mapping[str, int | Sequence[int]] = MappingProxyType({})


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    return field(1, name) + b"".join(field(8, one) for one in value) + field(20, 7)


def onnx_value(name: str, shape: Shape) -> bytes:
    sides = b"".join(field(1, field(1, one) if isinstance(one, int) else field(2, str(one))) for one in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sides)))


def onnx_tensor(name: str, shape: Sequence[int], data: bytes = b"") -> bytes:
    return b"".join(field(1, one) for one in shape) + field(2, 1) + field(8, name) + field(9, data)


def onnx_node(node: Node) -> bytes:
    ends = b"".join(field(1, one) for one in node.inputs) + b"".join(field(2, one) for one in node.outputs)
    attributes = b"".join(field(5, _attribute(name, value)) for name, value in node.attributes.items())
    return ends + field(4, node.op) + attributes


def onnx(
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    nodes: Iterable[Node],
    tensors: Tensors,
    name: str = "net",
) -> bytes:
    graph = b"".join(field(1, onnx_node(node)) for node in nodes) + field(2, name)
    graph += b"".join(field(5, onnx_tensor(key, shape)) for key, shape in tensors.items())
    graph += b"".join(field(11, onnx_value(key, shape)) for key, shape in inputs.items())
    graph += b"".join(field(12, onnx_value(key, shape)) for key, shape in outputs.items())
    return field(1, 8) + field(2, "made by a test") + field(7, graph)


def onnx_embedder(
    shape: Shape = (1, 3, 112, 112), width: int = 512, *, flat: bool = True, prelus: int = 8, given: Shape | None = None
) -> bytes:
    """Return an ArcFace-like network: convolutions with PReLU, Flatten, fully connected, batch normalisation."""
    nodes = [Node("Conv", ("x", "w"), ("c0",), {"kernel_shape": (3, 3)})]
    nodes += [Node("PRelu", (f"c{place}", "slope"), (f"c{place + 1}",)) for place in range(prelus)]
    nodes.append(Node("Flatten" if flat else "GlobalAveragePool", (f"c{prelus}",), ("flat",)))
    nodes.append(Node("Gemm", ("flat", "fc"), ("fc_out",), {"transB": 1}))
    nodes.append(Node("BatchNormalization", ("fc_out", "g", "b", "m", "v"), ("y",)))
    tensors = {"w": (64, 3, 3, 3), "slope": (64, 1, 1), "fc": (width, 25088), **dict.fromkeys("gbmv", (width,))}
    return onnx({"x": shape}, {"y": given or (1, width)}, nodes, tensors)


def onnx_head(shape: Shape, outputs: Mapping[str, Shape], *, ends: str = "", pool: bool = True) -> bytes:
    """Return a network of one convolution with a fully connected layer for each output."""
    nodes = [Node("Conv", ("x", "w"), ("c",)), Node("GlobalAveragePool" if pool else "Relu", ("c",), ("p",))]
    nodes.append(Node("Flatten", ("p",), ("f",)))
    tensors: dict[str, Sequence[int]] = {"w": (64, 3, 3, 3)}
    for name, sides in outputs.items():
        last = sides[-1]
        assert isinstance(last, int)
        nodes.append(Node("Gemm", ("f", f"{name}_w"), (f"{name}_plain" if ends else name,), {"transB": 1}))
        tensors[f"{name}_w"] = (last, 64)
        if ends:
            nodes.append(Node(ends, (f"{name}_plain",), (name,)))
    return onnx({"x": shape}, outputs, nodes, tensors)


# TensorFlow Lite


class _Flat:
    """A flatbuffer written from its end to its beginning, as the format asks; places are counted from the end."""

    def __init__(self) -> None:
        self.data = b""

    def put(self, data: bytes) -> int:
        pad = -(len(self.data) + len(data)) % 4
        self.data = data + b"\0" * pad + self.data
        return len(self.data)

    def vector(self, numbers: Sequence[int]) -> int:
        return self.put(struct.pack(f"<I{len(numbers)}i", len(numbers), *numbers))

    def text(self, text: str) -> int:
        data = text.encode()
        return self.put(struct.pack("<I", len(data)) + data + b"\0")

    def offsets(self, places: Sequence[int]) -> int:
        here = len(self.data)
        rows = [here + 4 * (len(places) - index) - place for index, place in enumerate(places)]
        return self.put(struct.pack(f"<I{len(rows)}I", len(rows), *rows))

    def table(self, values: dict[int, tuple[str, int]]) -> int:
        """Write a table: field numbers with ``("o", place)`` for parts and ``("i", number)`` for numbers."""
        count = max(values, default=-1) + 1
        here = len(self.data)
        body = b""
        slots = [0] * count
        for place, (index, (kind, value)) in enumerate(sorted(values.items())):
            slots[index] = 4 + 4 * place
            distance = here + 4 * (len(values) - place) - value
            body += struct.pack("<i", value if kind == "i" else distance)
        vtable = struct.pack(f"<HH{count}H", 4 + 2 * count, 4 + len(body), *slots)
        vtable += b"\0" * (-len(vtable) % 4)
        self.put(struct.pack("<i", len(vtable)) + body)
        table = len(self.data)
        self.put(vtable)
        return table

    def file(self, root: int, mark: bytes) -> bytes:
        return struct.pack("<I", 8 + len(self.data) - root) + mark + self.data


class LiteTensor(NamedTuple):
    name: str
    shape: Sequence[int]
    trained: bool = False


def tflite(
    tensors: Sequence[LiteTensor],
    operators: Sequence[tuple[int, Sequence[int], Sequence[int]]],
    ends: tuple[Sequence[int], Sequence[int]],
) -> bytes:
    """Return a TensorFlow Lite file; operators are numbers of the schema with the tensors that they take and give."""
    flat = _Flat()
    bytes_of_one = flat.put(struct.pack("<I", 4) + b"\0\0\0\0")
    buffers = flat.offsets([flat.table({}), flat.table({0: ("o", bytes_of_one)})])
    codes = sorted({code for code, _, _ in operators})
    code_places = [flat.table({0: ("i", min(code, 127)), 3: ("i", code)}) for code in codes]
    code_list = flat.offsets(code_places)
    tensor_places = []
    for tensor in tensors:
        shape, name = flat.vector([max(side, 1) for side in tensor.shape]), flat.text(tensor.name)
        parts = {0: ("o", shape), 2: ("i", int(tensor.trained)), 3: ("o", name)}
        if -1 in tensor.shape:
            parts[7] = ("o", flat.vector(tensor.shape))
        tensor_places.append(flat.table(parts))
    operator_places = []
    for code, takes, gives in operators:
        inputs, outputs = flat.vector(takes), flat.vector(gives)
        operator_places.append(flat.table({0: ("i", codes.index(code)), 1: ("o", inputs), 2: ("o", outputs)}))
    taken, given = flat.vector(ends[0]), flat.vector(ends[1])
    parts = {
        0: ("o", flat.offsets(tensor_places)),
        1: ("o", taken),
        2: ("o", given),
        3: ("o", flat.offsets(operator_places)),
    }
    graphs = flat.offsets([flat.table(parts)])
    model = flat.table({0: ("i", 3), 1: ("o", code_list), 2: ("o", graphs), 4: ("o", buffers)})
    return flat.file(model, b"TFL3")


CONV, FULLY, MEAN, SOFTMAX, PRELU, RESHAPE, L2, LOGISTIC = 3, 9, 40, 25, 54, 22, 11, 14
"""Operators of TensorFlow Lite's schema."""


def tflite_head(shape: Sequence[int], width: int, *last: int, pool: bool = True, name: str = "y") -> bytes:
    """Return a network of one convolution and one fully connected layer, with further operators behind it."""
    tensors = [
        LiteTensor("x", shape),
        LiteTensor("w", (64, 3, 3, shape[-1]), trained=True),
        LiteTensor("c", (1, 7, 7, 64)),
        LiteTensor("flat", (1, 64 if pool else 3136)),
        LiteTensor("fc", (width, 64 if pool else 3136), trained=True),
    ]
    operators: list[tuple[int, Sequence[int], Sequence[int]]] = [
        (CONV, (0, 1), (2,)),
        (MEAN if pool else RESHAPE, (2,), (3,)),
        (FULLY, (3, 4), (5,)),
    ]
    tensors += [LiteTensor(name if index == len(last) else f"t{index}", (1, width)) for index in range(len(last) + 1)]
    operators += [(code, (5 + index,), (6 + index,)) for index, code in enumerate(last)]
    return tflite(tensors, operators, ((0,), (5 + len(last),)))


# JSON


def layer(kind: str, name: str, before: str = "", **config: object) -> dict[str, object]:
    """Return one layer of Keras, as version 2 writes it."""
    nodes = [[[before, 0, 0, {}]]] if before else []
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def keras_model(layers: Sequence[dict[str, object]], ends: Sequence[str]) -> dict[str, object]:
    config = {
        "name": "net",
        "layers": list(layers),
        "input_layers": [[layers[0]["name"], 0, 0]],
        "output_layers": [[end, 0, 0] for end in ends],
    }
    return {"class_name": "Functional", "config": config}


def keras_embedder(shape: Sequence[int | None] = (None, 112, 112, 3), width: int = 512) -> dict[str, object]:
    layers = [
        layer("InputLayer", "x", batch_input_shape=shape),
        layer("Conv2D", "c", "x", filters=64, kernel_size=[3, 3]),
        layer("PReLU", "p", "c"),
        layer("Flatten", "f", "p"),
        layer("Dense", "d", "f", units=width, activation="linear"),
        layer("BatchNormalization", "y", "d"),
    ]
    return keras_model(layers, ["y"])


def keras_head(shape: Sequence[int | None], heads: dict[str, tuple[int, str]]) -> dict[str, object]:
    """Return a network with a dense layer for each head: its width and activation."""
    layers = [
        layer("InputLayer", "x", batch_input_shape=shape),
        layer("Conv2D", "c", "x", filters=64, kernel_size=[3, 3]),
    ]
    layers.append(layer("GlobalAveragePooling2D", "g", "c"))
    layers += [layer("Dense", name, "g", units=width, activation=gate) for name, (width, gate) in heads.items()]
    return keras_model(layers, list(heads))


def manifest(tensors: Tensors) -> list[dict[str, object]]:
    return [
        {"paths": ["a.bin"], "weights": [{"name": k, "shape": list(v), "dtype": "float32"} for k, v in tensors.items()]}
    ]


def tfjs_layers(model: dict[str, object], tensors: Tensors | None = None) -> bytes:
    return json.dumps({"modelTopology": {"model_config": model}, "weightsManifest": manifest(tensors or {})}).encode()


def graph_node(name: str, op: str, *inputs: str, shape: Sequence[int] | None = None) -> dict[str, object]:
    sides = {"shape": {"shape": {"dim": [{"size": str(side)} for side in shape]}}} if shape else {}
    return {"name": name, "op": op, "input": list(inputs), "attr": sides}


def tfjs_graph(nodes: Sequence[dict[str, object]], tensors: Tensors) -> bytes:
    return json.dumps(
        {"format": "graph-model", "modelTopology": {"node": nodes}, "weightsManifest": manifest(tensors)}
    ).encode()


def safetensors(tensors: Tensors) -> bytes:
    rows = {
        name: {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at]}
        for at, (name, shape) in enumerate(tensors.items())
    }
    header = json.dumps({"__metadata__": {"format": "pt"}, **rows}).encode()
    return struct.pack("<Q", len(header)) + header


def openvino(
    shape: Sequence[int], layers: Sequence[tuple[str, str, Sequence[int]]], edges: Sequence[tuple[int, int]]
) -> bytes:
    """Return a description: layers as type, attributes of their data, and the shape that they give; number 0 is the input."""
    rows = [("Parameter", "", shape), *layers]
    text = '<?xml version="1.0"?><net name="net" version="11"><layers>'
    for number, (kind, data, given) in enumerate(rows):
        sides = "".join(f"<dim>{side}</dim>" for side in given)
        text += f'<layer id="{number}" name="l{number}" type="{kind}"><data {data}/>'
        text += f'<output><port id="9">{sides}</port></output></layer>'
    text += "</layers><edges>"
    ports: dict[int, int] = {}
    for source, target in edges:
        ports[target] = ports.get(target, -1) + 1
        text += f'<edge from-layer="{source}" from-port="9" to-layer="{target}" to-port="{ports[target]}"/>'
    return f"{text}</edges></net>".encode()


def openvino_head(shape: Sequence[int], width: int, *last: str) -> bytes:
    layers: list[tuple[str, str, Sequence[int]]] = [
        ("Const", "", (64, 3, 3, 3)),
        ("Convolution", "", (1, 64, 7, 7)),
        ("Reshape", "", (1, 3136)),
        ("Const", "", (width, 3136)),
        ("MatMul", 'transpose_b="true"', (1, width)),
        *((kind, "", (1, width)) for kind in last),
        ("Result", "", ()),
    ]
    edges = [(0, 2), (1, 2), (2, 3), (3, 5), (4, 5), *((5 + place, 6 + place) for place in range(len(last) + 1))]
    return openvino(shape, layers, edges)


def mxnet(width: int = 512) -> bytes:
    """Return a symbol file as InsightFace published its own."""

    def node(op: str, name: str, *inputs: int, **attributes: str) -> dict[str, object]:
        return {"op": op, "name": name, "attrs": attributes, "inputs": [[one, 0, 0] for one in inputs]}

    nodes = [
        node("null", "data"),
        node("null", "c_weight"),
        node("Convolution", "c", 0, 1, kernel="(3, 3)", num_filter="64"),
    ]
    nodes += [node("null", "r_gamma"), node("LeakyReLU", "r", 2, 3, act_type="prelu"), node("Flatten", "f", 4)]
    nodes += [node("null", "w_weight"), node("FullyConnected", "pre_fc1", 5, 6, num_hidden=str(width))]
    nodes += [node("null", "b_gamma"), node("BatchNorm", "fc1", 7, 8)]
    return json.dumps({"nodes": nodes, "arg_nodes": [0, 1, 3, 6, 8], "heads": [[9, 0, 0]]}).encode()


# HDF5


class _Hdf5File:
    """An HDF5 file of version 0: places are counted from its beginning."""

    def __init__(self) -> None:
        self.data = b"\0" * 96

    def put(self, data: bytes) -> int:
        place = len(self.data)
        self.data += data + b"\0" * (-len(data) % 8)
        return place

    def header(self, *messages: tuple[int, bytes]) -> int:
        body = b""
        for kind, data in messages:
            padded = data + b"\0" * (-len(data) % 8)
            body += struct.pack("<HHB3x", kind, len(padded), 0) + padded
        return self.put(struct.pack("<BxHIII", 1, len(messages), 1, len(body), 0) + body)

    def group(self, members: Mapping[str, int], *messages: tuple[int, bytes]) -> int:
        names = b"\0" * 8
        entries = b""
        for name, header in sorted(members.items()):
            entries += struct.pack("<QQI20x", len(names), header, 0)
            names += name.encode() + b"\0" * (8 - len(name) % 8)
        segment = self.put(names)
        heap = self.put(b"HEAP" + struct.pack("<4xQQQ", len(names), 1, segment))
        node = self.put(b"SNOD" + struct.pack("<BxH", 1, len(members)) + entries)
        tree = self.put(b"TREE" + struct.pack("<BBHQQQQQ", 0, 0, 1, 2**64 - 1, 2**64 - 1, 0, node, 0))
        return self.header((0x11, struct.pack("<QQ", tree, heap)), *messages)

    def dataset(self, shape: Sequence[int]) -> int:
        return self.header((1, struct.pack(f"<BBB5x{len(shape)}Q", 1, len(shape), 0, *shape)))

    def whole(self, root: int) -> bytes:
        head = b"\x89HDF\r\n\x1a\n" + struct.pack("<8B", 0, 0, 0, 0, 0, 8, 8, 0) + struct.pack("<HHI", 4, 16, 0)
        head += struct.pack("<QQQQ", 0, 2**64 - 1, len(self.data), 2**64 - 1) + struct.pack("<QQI20x", 0, root, 0)
        return head + self.data[96:]


def hdf5(tensors: Tensors, described: dict[str, object] | None = None) -> bytes:
    """Return a file as Keras writes it: weights in groups, the layers as an attribute of the root group."""
    file = _Hdf5File()
    groups: dict[str, dict[str, int]] = {}
    for name, shape in tensors.items():
        group, _, last = name.partition("/")
        groups.setdefault(group, {})[last] = file.dataset(shape)
    members = {group: file.group(inner) for group, inner in groups.items()}
    text = json.dumps(described).encode()
    parts = (b"model_config\0\0\0\0", b"\x13\0\0\0" + struct.pack("<I", len(text)), b"\x01\0\0\0\0\0\0\0")
    attribute = struct.pack("<BxHHH", 1, 13, 8, 8) + b"".join(parts) + text
    return file.whole(file.group(members, *([(0x0C, attribute)] if described else [])))


# pickles, by their opcodes


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _whole(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


def _tuple(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def pickled_tensor(shape: Sequence[int]) -> bytes:
    storage = _tuple(_text("storage"), b"ctorch\nFloatStorage\n", _text("0"), _text("cpu"), _whole(1)) + b"Q"
    sides = _tuple(*(_whole(side) for side in shape))
    arguments = _tuple(storage, _whole(0), sides, sides, b"\x89", b"ccollections\nOrderedDict\n)R")
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"


def pickled_state(tensors: Tensors) -> bytes:
    """Return the pickle of a state dict, as PyTorch writes it, without trained numbers."""
    items = b"".join(_text(name) + pickled_tensor(shape) for name, shape in tensors.items())
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + items + b"u."


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def keras_zip(model: dict[str, object]) -> bytes:
    return zipped({"metadata.json": b"{}", "config.json": json.dumps(model).encode()})


def torch_zip(tensors: Tensors, extra: dict[str, bytes] | None = None) -> bytes:
    return zipped({"archive/data.pkl": pickled_state(tensors), "archive/version": b"3\n", **(extra or {})})


def torch_legacy(tensors: Tensors) -> bytes:
    magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    return magic + b"\x80\x02M\xe9\x03." + b"\x80\x02}." + pickled_state(tensors) + b"\x80\x02]."


ARCFACE_STATE: Tensors = {
    "conv1.weight": (64, 3, 3, 3),
    "bn1.weight": (64,),
    "bn1.bias": (64,),
    "bn1.running_mean": (64,),
    **{f"layer1.{place}.prelu.weight": (64,) for place in range(8)},
    "layer4.0.conv1.weight": (512, 256, 3, 3),
    "fc.weight": (512, 25088),
    "fc.bias": (512,),
    "features.weight": (512,),
    "features.bias": (512,),
    "features.running_mean": (512,),
}
RESNET_STATE: Tensors = {
    "conv1.weight": (64, 3, 7, 7),
    "bn1.running_mean": (64,),
    "layer4.0.conv1.weight": (512, 256, 3, 3),
    "fc.weight": (1000, 512),
    "fc.bias": (1000,),
}

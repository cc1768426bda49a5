"""Makes the sizes of an ONNX file free, by rewriting a few of its bytes, so that it takes pictures of any size.

CenterFace is stored for 10 pictures of 32 by 32. ONNX Runtime has no call that frees a fixed size (its overrides fix free ones),
and the package ``onnx`` would be 31 MB for this one edit; a second file of weights would double the wheel and have another
digest than the one in every report. So the messages around the edit are parsed by the wire format, strictly: what does not parse
is refused, and all that is not edited is copied byte for byte.

Edited are: the input's batch (becomes 1), height and width (become free); the outputs' sizes (become free: the arithmetic
gives them); shapes noted in between (dropped); and inputs that only repeat a weight, which would keep weights from being folded
(dropped where the file's version has them optional, from IR version 4 on).

Source: protobuf's wire format (protobuf.dev/programming-guides/encoding) and ``onnx/onnx.proto`` of ONNX 1.23.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from passerby.errors import DetectorError

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
# numbers of the fields in onnx.proto
MODEL_IR_VERSION, MODEL_GRAPH = 1, 7
GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE_INFO = 5, 11, 12, 13
TENSOR_NAME = 8
VALUE_NAME, VALUE_TYPE, TYPE_TENSOR, TENSOR_SHAPE, SHAPE_DIM = 1, 2, 1, 2, 1
DIM_VALUE, DIM_PARAM = 1, 2
OPTIONAL_INPUTS_FROM = 4
"""IR version from which a weight need not be an input as well."""
PICTURE_CHANNELS = 3


@dataclass(frozen=True, slots=True)
class FreeModel:
    """A network that takes pictures of any size.

    Attributes:
        data: The ONNX file's bytes, edited.
        input_name: Where the picture goes in.
        output_names: In the file's order.
        output_shapes: As the file stated them before the edit, None where a dimension was free.
    """

    data: bytes
    input_name: str
    output_names: list[str]
    output_shapes: list[tuple[int | None, ...]]


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a message: its number, its value as a number or as bytes, and all its bytes as they stand."""

    number: int
    value: int | bytes
    whole: bytes

    def message(self) -> bytes:
        if not isinstance(self.value, bytes):
            raise DetectorError(f"field {self.number} must hold bytes, got a number")
        return self.value


def free_sizes(data: bytes) -> FreeModel:
    """Return the network with free sizes.

    Args:
        data: An ONNX file.

    Raises:
        DetectorError: it is none, or has not one input for a picture.
    """
    model = list(_fields(data))
    graphs = _messages(model, MODEL_GRAPH)
    if len(graphs) != 1:
        raise DetectorError(f"file must hold one ONNX graph, got {len(graphs)}")
    versions = [field.value for field in model if field.number == MODEL_IR_VERSION]
    graph = list(_fields(graphs[0]))
    weights = {_name(tensor, TENSOR_NAME) for tensor in _messages(graph, GRAPH_INITIALIZER)}
    pictures = [value for value in _messages(graph, GRAPH_INPUT) if _name(value, VALUE_NAME) not in weights]
    if len(pictures) != 1:
        raise DetectorError(f"network must have one input, got {len(pictures)}")
    old = any(isinstance(version, int) and version < OPTIONAL_INPUTS_FROM for version in versions)
    edited = _bytes(MODEL_GRAPH, b"".join(_edited(field, pictures[0], keeps_weights=old) for field in graph))
    outputs = _messages(graph, GRAPH_OUTPUT)
    return FreeModel(
        b"".join(edited if field.number == MODEL_GRAPH else field.whole for field in model),
        _name(pictures[0], VALUE_NAME),
        [_name(value, VALUE_NAME) for value in outputs],
        [_shape(value) for value in outputs],
    )


def _edited(field: _Field, picture: bytes, *, keeps_weights: bool) -> bytes:
    """Return what becomes of one field of the graph."""
    if field.number == GRAPH_INPUT and field.value == picture:
        return _bytes(GRAPH_INPUT, _free_input(picture))
    if field.number == GRAPH_INPUT:
        return field.whole if keeps_weights else b""
    if field.number == GRAPH_OUTPUT:
        return _bytes(GRAPH_OUTPUT, _free_output(field.message()))
    return b"" if field.number == GRAPH_VALUE_INFO else field.whole


def _messages(fields: Sequence[_Field], number: int) -> list[bytes]:
    return [field.message() for field in fields if field.number == number]


def _free_input(value: bytes) -> bytes:
    """Return the input with a batch of one and free sides, where it is stored as (N, 3, H, W); as it stands otherwise."""
    shape = _shape(value)
    if len(shape) != 4 or shape[1] != PICTURE_CHANNELS:
        return value
    one = _varint(DIM_VALUE << 3 | VARINT) + _varint(1)
    channels = _varint(DIM_VALUE << 3 | VARINT) + _varint(PICTURE_CHANNELS)
    sides = [_bytes(DIM_PARAM, name) for name in (b"height", b"width")]
    return _with_dims(value, (one, channels, *sides))


def _free_output(value: bytes) -> bytes:
    """Return an output of which the rank alone is stated, as the specification asks."""
    shape = _shape(value)
    return _with_dims(value, [b""] * len(shape)) if shape else value


def _with_dims(value: bytes, dims: Sequence[bytes]) -> bytes:
    """Return a value's message with another shape in its tensor's type."""
    shape = _bytes(TENSOR_SHAPE, b"".join(_bytes(SHAPE_DIM, dim) for dim in dims))
    edited = b""
    for field in _fields(value):
        if field.number != VALUE_TYPE:
            edited += field.whole
            continue
        kind = b""
        for part in _fields(field.message()):
            if part.number != TYPE_TENSOR:
                kind += part.whole
                continue
            kept = b"".join(one.whole for one in _fields(part.message()) if one.number != TENSOR_SHAPE)
            kind += _bytes(TYPE_TENSOR, kept + shape)
        edited += _bytes(VALUE_TYPE, kind)
    return edited


def _shape(value: bytes) -> tuple[int | None, ...]:
    """Return the shape of a value, None for each free dimension; () where none is stated."""
    message = value
    for number in (VALUE_TYPE, TYPE_TENSOR, TENSOR_SHAPE):
        found = [field.message() for field in _fields(message) if field.number == number]
        if len(found) != 1:
            return ()
        message = found[0]
    dims = [field.message() for field in _fields(message) if field.number == SHAPE_DIM]
    sizes = ([field.value for field in _fields(dim) if field.number == DIM_VALUE] for dim in dims)
    return tuple(size[0] if size and isinstance(size[0], int) else None for size in sizes)


def _name(message: bytes, number: int) -> str:
    names = [field.message() for field in _fields(message) if field.number == number]
    try:
        return names[-1].decode() if names else ""
    except UnicodeDecodeError as error:
        raise DetectorError("names in an ONNX file must be UTF-8, got other bytes") from error


def _fields(message: bytes) -> Iterator[_Field]:
    """Take a message apart.

    Raises:
        DetectorError: it is no protobuf message.
    """
    at = 0
    while at < len(message):
        begin = at
        key, at = _read_varint(message, at)
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == VARINT:
            value, at = _read_varint(message, at)
        elif kind in {LENGTH, FIXED32, FIXED64}:
            length = 4 if kind == FIXED32 else 8
            if kind == LENGTH:
                length, at = _read_varint(message, at)
            value, at = message[at : at + length], at + length
        else:
            raise DetectorError(f"file must be an ONNX file, got wire type {kind} in it")
        if at > len(message) or number == 0:
            raise DetectorError("file must be an ONNX file, got one that is cut off or none at all")
        yield _Field(number, value, message[begin:at])


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        value |= (message[at] & 127) << shift
        at += 1
        if message[at - 1] < 128:
            return value, at
    raise DetectorError("file must be an ONNX file, got a number in it that does not end")


def _varint(value: int) -> bytes:
    """Return a number in protobuf's own form.

    >>> _varint(300).hex()
    'ac02'
    """
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes((*found, value))


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | LENGTH) + _varint(len(value)) + value

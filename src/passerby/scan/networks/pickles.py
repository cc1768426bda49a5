"""Pickles, walked by their opcodes: which tensors and names they hold. Nothing is built, imported or called.

The walk keeps a stack as an unpickler does, but of descriptions: a call of ``torch._utils._rebuild_tensor_v2`` becomes the
shape that stands in its arguments, every other call a word. Source: CPython, ``pickletools``.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from passerby.scan.networks.network import MOST_NAME, MOST_PARAMETERS, BrokenModelError, Parameter

MOST_OPCODES = 1_000_000
"""Of one pickle: a few seconds."""
MOST_PICKLE_BYTES = 1 << 30
"""Of one pickle."""
_MOST_DEPTH = 60
_MOST_ARGUMENT = 64 << 20
"""Bytes of one opcode's argument: arrays lie inside some pickles."""
_TENSORS = {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor"}


@dataclass(slots=True)
class PickleContents:
    """What was found.

    Attributes:
        parameters: Tensors with the keys that lead to them.
        imports: Names that an unpickler would import.
    """

    parameters: list[Parameter] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Import:
    name: str


@dataclass(slots=True)
class _TensorShape:
    shape: tuple[int, ...]


class _Array:
    """A numpy array whose shape has not come yet."""


class _Mark:
    pass


class _Bounded:
    """A stream that hands out no more at once than an argument may have."""

    def __init__(self, stream: BinaryIO, most_bytes: int) -> None:
        self._stream = stream
        self._left = most_bytes

    def read(self, size: int = -1) -> bytes:
        if size > _MOST_ARGUMENT:
            raise BrokenModelError("its pickle holds a piece that is too long")
        return self._counted(self._stream.read(size))

    def readline(self) -> bytes:
        return self._counted(self._stream.readline(_MOST_ARGUMENT))

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise BrokenModelError("its pickle is too long")
        return data

    def tell(self) -> int:
        return self._stream.tell()


_MARK = _Mark()
_UNKNOWN = object()


def _shape_of(sides: Any) -> Any:  # noqa: ANN401 - whatever the pickle put there
    return (
        _TensorShape(tuple(side for side in sides if isinstance(side, int))[:16])
        if isinstance(sides, list)
        else _UNKNOWN
    )


class _PickleWalk:
    """One unpickler's stack and memo, holding descriptions alone."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.imports: set[str] = set()

    def pop(self) -> Any:  # noqa: ANN401 - whatever the pickle put there
        return self.stack.pop() if self.stack else _UNKNOWN

    def to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self.stack:
            item = self.stack.pop()
            if item is _MARK:
                break
            items.append(item)
        return items[::-1]

    def top(self) -> Any:  # noqa: ANN401 - whatever the pickle put there
        return self.stack[-1] if self.stack else _UNKNOWN

    def step(self, name: str, value: Any) -> None:  # noqa: ANN401 - an opcode's argument
        if name in _SIMPLE:
            self.stack.append(_SIMPLE[name](value))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[value] = self.top()
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.top()
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo.get(value, _UNKNOWN))
        elif name in _STEPS:
            _STEPS[name](self, value)

    def call(self, called: Any, arguments: Any) -> Any:  # noqa: ANN401 - whatever the pickle put there
        name = called.name if isinstance(called, _Import) else ""
        last = name.rpartition(".")[2]
        if not isinstance(arguments, list):
            return _UNKNOWN
        if last in _TENSORS and len(arguments) > 2:
            return _shape_of(arguments[2])
        if last in ("_rebuild_parameter", "_rebuild_from_type_v2", "Parameter") and arguments:
            inner = arguments[0]
            return self.call(inner, arguments[2]) if isinstance(inner, _Import) and len(arguments) > 2 else inner
        if last in ("OrderedDict", "defaultdict"):
            return {}
        if last == "_reconstruct":
            return _Array()
        return {"": arguments[0]} if len(arguments) == 1 and isinstance(arguments[0], dict) else _UNKNOWN

    def build(self) -> None:
        state = self.pop()
        made = self.top()
        if made is _UNKNOWN and isinstance(state, dict) and self.stack:
            self.stack[-1] = state
        elif isinstance(made, _Array) and isinstance(state, list) and len(state) > 1:
            self.stack[-1] = _shape_of(state[1])

    def new(self) -> None:
        arguments = self.pop()
        self.stack.append(self.call(self.pop(), arguments))

    def put_items(self, items: list[Any]) -> None:
        target = self.top()
        if isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2], strict=False):
                if isinstance(key, str | int):
                    target[str(key)[:MOST_NAME]] = value

    def put_list(self, items: list[Any]) -> None:
        target = self.top()
        if isinstance(target, list):
            target.extend(items)

    def bring(self, name: str) -> None:
        self.imports.add(name[:MOST_NAME])
        self.stack.append(_Import(name))


def _plain(value: Any) -> Any:  # noqa: ANN401 - an opcode's argument
    return value[:MOST_NAME] if isinstance(value, str | bytes) else value


_SIMPLE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"), _plain),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"), _plain),
    **dict.fromkeys(("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _plain),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_DICT": lambda _: {},
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: [],
    "EMPTY_SET": lambda _: _UNKNOWN,
    "MARK": lambda _: _MARK,
    "PERSID": lambda _: _UNKNOWN,
    "NEXT_BUFFER": lambda _: _UNKNOWN,
    "EXT1": lambda _: _UNKNOWN,
    "EXT2": lambda _: _UNKNOWN,
    "EXT4": lambda _: _UNKNOWN,
}


def _tuple(count: int) -> Any:  # noqa: ANN401 - a step
    def step(walk: _PickleWalk, _: Any) -> None:  # noqa: ANN401 - an opcode's argument
        walk.stack.append([walk.pop() for _ in range(count)][::-1])

    return step


def _dict_of(items: list[Any]) -> dict[str, Any]:
    return {
        str(key)[:MOST_NAME]: value
        for key, value in zip(items[::2], items[1::2], strict=False)
        if isinstance(key, str | int)
    }


def _inst(walk: _PickleWalk, value: Any) -> None:  # noqa: ANN401 - an opcode's argument
    arguments = walk.to_mark()
    walk.imports.add(str(value).replace(" ", ".")[:MOST_NAME])
    walk.stack.append(walk.call(_Import(str(value).replace(" ", ".")), arguments))


def _obj(walk: _PickleWalk, _: Any) -> None:  # noqa: ANN401 - an opcode's argument
    items = walk.to_mark()
    walk.stack.append(walk.call(items[0], items[1:]) if items else _UNKNOWN)


def _stack_global(walk: _PickleWalk, _: Any) -> None:  # noqa: ANN401 - an opcode's argument
    name, module = walk.pop(), walk.pop()
    walk.bring(f"{module}.{name}" if isinstance(name, str) and isinstance(module, str) else "unknown")


def _setitem(walk: _PickleWalk, _: Any) -> None:  # noqa: ANN401 - an opcode's argument
    value, key = walk.pop(), walk.pop()
    walk.put_items([key, value])


def _append(walk: _PickleWalk, _: Any) -> None:  # noqa: ANN401 - an opcode's argument
    item = walk.pop()
    walk.put_list([item])


def _newobj_ex(walk: _PickleWalk, _: Any) -> None:  # noqa: ANN401 - an opcode's argument
    walk.pop()
    walk.new()


_STEPS: dict[str, Any] = {
    "GLOBAL": lambda walk, value: walk.bring(str(value).replace(" ", ".")),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": lambda walk, _: walk.new(),
    "NEWOBJ": lambda walk, _: walk.new(),
    "NEWOBJ_EX": _newobj_ex,
    "INST": _inst,
    "OBJ": _obj,
    "BUILD": lambda walk, _: walk.build(),
    "BINPERSID": lambda walk, _: (walk.pop(), walk.stack.append(_UNKNOWN)),
    "TUPLE": lambda walk, _: walk.stack.append(walk.to_mark()),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": lambda walk, _: walk.stack.append(walk.to_mark()),
    "DICT": lambda walk, _: walk.stack.append(_dict_of(walk.to_mark())),
    "FROZENSET": lambda walk, _: (walk.to_mark(), walk.stack.append(_UNKNOWN)),
    "ADDITEMS": lambda walk, _: walk.to_mark(),
    "SETITEM": _setitem,
    "SETITEMS": lambda walk, _: walk.put_items(walk.to_mark()),
    "APPEND": _append,
    "APPENDS": lambda walk, _: walk.put_list(walk.to_mark()),
    "POP": lambda walk, _: walk.pop(),
    "POP_MARK": lambda walk, _: walk.to_mark(),
    "DUP": lambda walk, _: walk.stack.append(walk.top()),
}


def walk_pickle(stream: BinaryIO, most_bytes: int = MOST_PICKLE_BYTES) -> PickleContents:
    """Return what one pickle holds, and leave the stream behind it.

    Args:
        stream: Stands at the pickle's first byte.
        most_bytes: That are read of it, arrays inside it with them.

    Raises:
        BrokenModelError: it is no pickle, has no end, or exceeds a bound.
    """
    walk = _PickleWalk()
    try:
        for count, (opcode, value, _) in enumerate(pickletools.genops(cast("BinaryIO", _Bounded(stream, most_bytes)))):
            if count > MOST_OPCODES:
                raise BrokenModelError(f"its pickle has more than {MOST_OPCODES:,} steps")
            walk.step(opcode.name, value)
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeError, MemoryError, RecursionError) as exc:
        raise BrokenModelError("its pickle is broken or ends too soon") from exc
    contents = PickleContents(imports=walk.imports)
    _collect(walk.top(), "", contents.parameters)
    return contents


def _collect(root: Any, prefix: str, found: list[Parameter]) -> None:  # noqa: ANN401 - a description
    """Gather tensors in the order of their keys, through dictionaries and lists; what holds itself is met once."""
    rows: list[tuple[Any, str, int]] = [(root, prefix, 0)]
    met: set[int] = set()
    while rows:
        value, name, depth = rows.pop()
        if isinstance(value, _TensorShape):
            if len(found) >= MOST_PARAMETERS:
                raise BrokenModelError(f"it has more than {MOST_PARAMETERS:,} tensors")
            found.append(Parameter(name, value.shape))
        elif isinstance(value, dict | list) and depth < _MOST_DEPTH and id(value) not in met:
            met.add(id(value))
            pairs = value.items() if isinstance(value, dict) else enumerate(value[:100_000])
            rows += [(inner, _joined(name, str(key)), depth + 1) for key, inner in pairs][::-1]


def _joined(name: str, key: str) -> str:
    """Return a key below a name; the words by which whole modules keep their parts are left out."""
    return name if key in ("_modules", "_parameters", "_buffers", "") else f"{name}.{key}".strip(".")[:MOST_NAME]

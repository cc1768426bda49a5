"""Frozen dataclasses as JSON and back, strictly, for what our own processes tell each other.

Files of users are judged by pydantic (``gateway.config``). Between two processes of one version only the shape is read, so
that a camera's process needs no pydantic: a third of a second and 10 MB for each.
"""

from __future__ import annotations

import contextlib
import json
import types
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from datetime import time
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

R = TypeVar("R")


def record_to_json(record: Any) -> bytes:  # noqa: ANN401  # any dataclass
    """Return a record of texts, numbers, enums, paths, times and records of them as a JSON object."""
    return json.dumps(asdict(record), separators=(",", ":"), default=str).encode()


def record_from_json(kind: type[R], data: bytes) -> R:
    """Return the record that ``record_to_json`` wrote.

    Raises:
        ValueError: it is another one. The message holds no value, for it could be a password.

    >>> from passerby.gateway.values import CoverReason
    >>> from passerby.gateway.states import WorkerCounts
    >>> record_from_json(WorkerCounts, record_to_json(WorkerCounts(frames_in=3))).frames_in
    3
    """
    try:
        found: R = _record(kind, json.loads(data))
    except (RecursionError, UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise ValueError(f"{kind.__name__} must be JSON, got {len(data)} other bytes") from exc
    return found


def _record(kind: Any, data: object) -> Any:  # noqa: ANN401  # any dataclass
    hints = _hints(kind)
    if not isinstance(data, Mapping) or data.keys() != hints.keys():
        raise ValueError(f"{kind.__name__} must have its own fields, has others")
    return kind(**{name: _value(hints[name], value) for name, value in data.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:  # noqa: ANN401  # any dataclass
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _value(kind: Any, value: Any) -> Any:  # noqa: ANN401  # any type that a field has
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        # of our own, all are of one type or None
        return None if value is None else _value(inner[0], value)
    if origin is Annotated:
        return _value(inner[0], value)
    if origin is None:
        return _plain(kind, value)
    if origin is Literal and value in inner:
        return value
    if origin is tuple and type(value) is list:
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_value(one, item) for one, item in zip(kinds, value, strict=True))
    if origin is dict and type(value) is dict:
        return {key: _value(inner[1], item) for key, item in value.items()}
    return _refuse(kind, value)


def _plain(kind: Any, value: Any) -> Any:  # noqa: ANN401  # any type that a field has
    if is_dataclass(kind):
        return _record(kind, value)
    if type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is str:
        with contextlib.suppress(ValueError):
            if kind is time:
                return time.fromisoformat(value)
            if issubclass(kind, Enum | Path):
                return kind(value)
    return _refuse(kind, value)


def _refuse(kind: object, value: object) -> None:
    raise ValueError(f"field must be {getattr(kind, '__name__', kind)}, got {type(value).__name__}")

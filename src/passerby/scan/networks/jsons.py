"""JSON of a file that nobody vouches for: bounded, and asked for parts without trusting their kinds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from passerby.scan.networks.network import MOST_NAME, BrokenModelError, Shape

MOST_JSON_BYTES = 16 << 20
"""Of one description. Source: the largest known model.json has 10 MB."""
_MOST_SIDES = 16


def parse_json(data: bytes) -> dict[str, Any]:
    """Return the object of a JSON text.

    Raises:
        BrokenModelError: it is no object, too deep, or no JSON.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise BrokenModelError("it is no JSON, or too deep") from exc
    if not isinstance(value, dict):
        raise BrokenModelError("it is no JSON object")
    return value


def inside(value: object, *keys: str) -> Any:  # noqa: ANN401 - what a stranger's file holds
    """Return a part of nested objects; None where one is missing or of another kind.

    >>> inside({"a": {"b": 1}}, "a", "b"), inside({"a": 3}, "a", "b")
    (1, None)
    """
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def items_of(value: object) -> list[Any]:
    """Return a list as it is, anything else as an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Return a text, cut; of anything else nothing."""
    return value[:MOST_NAME] if isinstance(value, str) else ""


def side_of(value: object) -> int | None:
    """Return the side of a tensor, written as a number or in digits; None where it is left open."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def shape_of(value: object) -> Shape | None:
    """Return a list of sides; None where it is none."""
    return tuple(side_of(side) for side in value[:_MOST_SIDES]) if isinstance(value, list) else None


def known_shape_of(value: object) -> tuple[int, ...]:
    """Return the shape of a trained tensor; sides that make no sense are 0."""
    return tuple(side or 0 for side in shape_of(value) or ())


def manifest_tensors(manifest: object) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield names and shapes of a TensorFlow.js weights manifest."""
    for group in items_of(manifest):
        for one in items_of(inside(group, "weights")):
            yield text_of(inside(one, "name")), known_shape_of(inside(one, "shape"))

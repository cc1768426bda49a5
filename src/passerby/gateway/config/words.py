"""The small types of the configuration: polygons, durations, sizes, times of day, colours. Each says what it wanted."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB|TB|MiB|GiB|TiB)")
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Points = tuple[tuple[float, float], ...]


class Section(BaseModel):
    """A part of the file: frozen, strict, refuses keys it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, validate_default=True
    )


def seconds(value: object) -> float:
    """Read a duration such as ``500ms``, ``90s``, ``10m``, ``12h``, ``7d``.

    Raises:
        ValueError: it is none.

    >>> seconds("10m")
    600.0
    """
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"must be a duration such as 500ms, 90s, 10m, 12h or 7d, got {value!r}")
    return float(found[1]) * _SECONDS[found[2]]


def size_bytes(value: object) -> int:
    """Read a size such as ``500MB`` or ``2GiB``.

    Raises:
        ValueError: it is none.

    >>> size_bytes("1.5GB")
    1500000000
    """
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"must be a size such as 500MB or 2GiB, got {value!r}")
    return int(float(found[1]) * _BYTES[found[2]])


def polygon(value: object) -> Points:
    """Read a polygon as Frigate writes it: ``"0.1,0.2,0.5,0.2,0.5,0.9"``, x and y in turn, 0 to 1.

    Raises:
        ValueError: it is none.

    >>> polygon("0,0,1,0,1,1")
    ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    """
    wanted = 'must be a polygon such as "0.1,0.2,0.5,0.2,0.5,0.9" (x,y,x,y,..., each 0 to 1, at least three corners)'
    if not isinstance(value, str):
        raise ValueError(f"{wanted}, got {type(value).__name__}")  # noqa: TRY004  # pydantic wants ValueError
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError as exc:
        raise ValueError(f"{wanted}, got {value!r}") from exc
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError(f"{wanted}, got {len(numbers)} numbers")
    outside = [number for number in numbers if not 0 <= number <= 1]
    if outside:
        extra = "; pixels do not work here: divide by the width and height" if max(outside) > 1 else ""
        raise ValueError(f"{wanted}, got {outside[0]:g}{extra}")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def time_of_day(value: object) -> time:
    """Read a local time of day such as ``22:00``.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str) and re.fullmatch(r"[0-2]?\d:[0-5]\d", value):
        hour, _, minute = value.partition(":")
        if int(hour) < 24:
            return time(int(hour), int(minute))
    raise ValueError(f"must be a time of day from 00:00 to 23:59, got {value!r}")


def colour(value: object) -> tuple[int, int, int]:
    """Read a colour such as ``"#707070"``.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)
    raise ValueError(f'must be a colour such as "#707070", in quotation marks, got {value!r}')


def in_languages(value: object) -> object:
    """Accept a plain text for English, or a mapping of languages to texts."""
    return {"en": value} if isinstance(value, str) else value


def _schema(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Duration = Annotated[float, BeforeValidator(seconds), _schema(f"^{_DURATION.pattern}$", "10m")]
Size = Annotated[int, BeforeValidator(size_bytes), _schema(f"^{_SIZE.pattern}$", "50GB")]
Polygon = Annotated[Points, BeforeValidator(polygon), _schema("^[0-9., ]+$", "0.1,0.2,0.5,0.2,0.5,0.9")]
TimeOfDay = Annotated[time, BeforeValidator(time_of_day), _schema("^[0-2]?[0-9]:[0-5][0-9]$", "22:00")]
Colour = Annotated[tuple[int, int, int], BeforeValidator(colour), _schema("^#[0-9a-fA-F]{6}$", "#707070")]
_LANGUAGES = {"type": "object", "additionalProperties": {"type": "string"}}
Texts = Annotated[
    dict[str, str],
    BeforeValidator(in_languages),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"type": "string"}, _LANGUAGES]}),
]
Port = Annotated[int, Field(ge=1, le=65_535)]


def said(text: str) -> Any:  # noqa: ANN401  # is checked and turned into its type like what a file says
    """Return a default that is written as in a file."""
    return text


def default_text(value: Any) -> str:  # noqa: ANN401  # defaults are of every type
    """Return a default as a reader would write it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list | dict) and not value:
        return "none"
    return str(value)

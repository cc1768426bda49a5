"""The small types of the configuration: polygons, durations, sizes, times of day, colours. Each says what it wanted."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import time
from typing import Annotated, Literal

from passerby.gateway.config.key import Read

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
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Points = tuple[tuple[float, float], ...]


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


def in_languages(value: object) -> dict[str, str]:
    """Read a plain text as English, or a mapping of languages to texts.

    Raises:
        ValueError: it is neither, or names no language.
    """
    found = {"en": value} if isinstance(value, str) else value
    if not isinstance(found, dict) or not found or not all(isinstance(text, str) for text in found.values()):
        raise ValueError("must be a text, or texts by language such as en: ...")
    return found


def network(value: str) -> str:
    """Check an address or a network.

    Raises:
        ValueError: it is neither.

    >>> network("10.0.0.0/8")
    '10.0.0.0/8'
    """
    try:
        ipaddress.ip_network(value)
    except ValueError as exc:
        raise ValueError(f"must be an address or network such as 127.0.0.1 or 10.0.0.0/8: {exc}") from exc
    return value


def between(least: float, most: float, words: str) -> Callable[[float], float]:
    """Return a check of limits.

    Args:
        least: Of the value.
        most: Of the value.
        words: What it must be, as a reader would write it.

    >>> between(10, 600, "10s to 10m")(60.0)
    60.0
    """

    def check(value: float) -> float:
        if not least <= value <= most:
            raise ValueError(f"must be {words}")
        return value

    return check


def duration_text(value_s: float) -> str:
    """Return a duration as a reader would write it.

    >>> duration_text(60.0), duration_text(600.0), duration_text(43_200.0), duration_text(0.5)
    ('60s', '10m', '12h', '500ms')
    """
    if value_s < 1 and value_s:
        return f"{value_s * 1000:g}ms"
    unit = next((unit for unit in "dhm" if value_s > 60 and value_s % _SECONDS[unit] == 0), "s")
    return f"{value_s / _SECONDS[unit]:g}{unit}"


def size_text(value_bytes: int) -> str:
    """Return a size as a reader would write it.

    >>> size_text(0), size_text(256 * 2**20), size_text(50 * 10**9)
    ('0B', '256MiB', '50GB')
    """
    unit = next((unit for unit in reversed(_BYTES) if value_bytes and value_bytes % _BYTES[unit] == 0), "B")
    return f"{value_bytes // _BYTES[unit]}{unit}"


def colour_text(value: tuple[int, int, int]) -> str:
    """Return a colour as a reader would write it.

    >>> colour_text((112, 112, 112))
    '#707070'
    """
    return "#" + bytes(value).hex()


def _like(pattern: str, example: str) -> dict[str, object]:
    return {"type": "string", "pattern": pattern, "examples": [example]}


Duration = Annotated[float, Read(seconds, _like(f"^{_DURATION.pattern}$", "10m"), duration_text)]
Size = Annotated[int, Read(size_bytes, _like(f"^{_SIZE.pattern}$", "50GB"), size_text)]
Polygon = Annotated[Points, Read(polygon, _like("^[0-9., ]+$", "0.1,0.2,0.5,0.2,0.5,0.9"))]
TimeOfDay = Annotated[time, Read(time_of_day, _like("^[0-2]?[0-9]:[0-5][0-9]$", "22:00"))]
Colour = Annotated[tuple[int, int, int], Read(colour, _like("^#[0-9a-fA-F]{6}$", "#707070"), colour_text)]
_LANGUAGES = {"type": "object", "additionalProperties": {"type": "string"}}
Texts = Annotated[dict[str, str], Read(in_languages, {"anyOf": [{"type": "string"}, _LANGUAGES]})]

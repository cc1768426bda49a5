"""Reads the cameras that people mapped: a GeoJSON file of OpenStreetMap's ``man_made=surveillance``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from passerby.errors import UsageError

MAX_MAP_BYTES = 256_000_000
MAX_MAPPED = 200_000
MAX_TEXT = 200
CAMERA_TYPES = ("", "camera", "ALPR", "webcam", "dome", "fixed", "panning")
"""Values of ``surveillance:type`` that are cameras; guards and microphones are left out.
Source: the OpenStreetMap wiki, Tag:man_made=surveillance."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class MappedCamera:
    """A camera as people mapped it.

    Attributes:
        name: Of the object in OpenStreetMap, like ``node/123``; a number in the file where it has none.
        latitude: Degrees, WGS 84.
        longitude: The same.
        operator: Who runs it, by the map; may be empty.
    """

    name: str
    latitude: float
    longitude: float
    operator: str = ""


@dataclass(frozen=True, slots=True)
class CameraMap:
    """The cameras of a file, and how many of its features are none or have no place."""

    cameras: tuple[MappedCamera, ...]
    left_out: int


def read_map(path: Path) -> CameraMap:
    """Return the cameras in a GeoJSON file (RFC 7946), as Overpass turbo and osmium export OpenStreetMap.

    Raises:
        UsageError: it cannot be read, is too large, or is no such file.
    """
    hint = "export `node[man_made=surveillance]` from Overpass turbo as GeoJSON"
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_MAP_BYTES + 1)
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}") from exc
    if len(raw) > MAX_MAP_BYTES:
        raise UsageError(f"map must have at most {MAX_MAP_BYTES:,} bytes, got more: {path}", hint="cut it by city")
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{path} must be GeoJSON: {exc}", hint=hint) from exc
    features = found.get("features") if isinstance(found, dict) else None
    if not isinstance(features, list):
        raise UsageError(f"{path} must be a GeoJSON FeatureCollection, got other JSON", hint=hint)
    cameras = tuple(camera for number, each in enumerate(features) if (camera := _camera(number, each)))
    if len(cameras) > MAX_MAPPED:
        raise UsageError(f"map must hold at most {MAX_MAPPED:,} cameras, got {len(cameras):,}", hint="cut it by city")
    return CameraMap(cameras, len(features) - len(cameras))


def _camera(number: int, feature: object) -> MappedCamera | None:
    """A feature as a camera, or None where it is none or has no place."""
    tags = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(feature, dict) or not isinstance(tags, dict):
        return None
    nested = tags.get("tags")
    tags = {**nested, **tags} if isinstance(nested, dict) else tags
    if tags.get("man_made") != "surveillance" or tags.get("surveillance:type", "") not in CAMERA_TYPES:
        return None
    geometry = feature.get("geometry")
    spots = list(_positions(geometry.get("coordinates"))) if isinstance(geometry, dict) else []
    if not spots:
        return None
    longitudes, latitudes = [spot[0] for spot in spots], [spot[1] for spot in spots]
    name = tags.get("@id") or feature.get("id") or tags.get("id") or f"#{number + 1}"
    return MappedCamera(
        name=one_line(name) or f"#{number + 1}",
        latitude=(min(latitudes) + max(latitudes)) / 2,
        longitude=(min(longitudes) + max(longitudes)) / 2,
        operator=one_line(tags.get("operator", "")),
    )


def _positions(coordinates: object, depth: int = 0) -> Iterator[tuple[float, float]]:
    """The positions of a geometry, longitude first; a building that carries a camera has many."""
    if not isinstance(coordinates, list) or depth > 3:  # RFC 7946: a MultiPolygon is nested three deep
        return
    pair = coordinates[:2]
    if len(pair) == 2 and all(isinstance(n, int | float) and not isinstance(n, bool) for n in pair):
        if abs(pair[0]) <= 180 and abs(pair[1]) <= 90:  # degrees
            yield float(pair[0]), float(pair[1])
        return
    for each in coordinates:
        yield from _positions(each, depth + 1)


def one_line(text: object) -> str:
    """Return foreign text without line ends, control characters and marks that turn its direction, at most 200 characters."""
    return _UNSAFE.sub(" ", text).strip()[:MAX_TEXT] if isinstance(text, str) else ""


def osm_address(mapped: MappedCamera) -> str:
    """Return where the map shows a camera.

    >>> osm_address(MappedCamera("node/123", 48.85, 2.35))
    'https://www.openstreetmap.org/node/123'
    """
    if re.fullmatch(r"(node|way|relation)/\d{1,18}", mapped.name):
        return f"https://www.openstreetmap.org/{mapped.name}"
    return f"https://www.openstreetmap.org/?mlat={mapped.latitude:.5f}&mlon={mapped.longitude:.5f}#map=19"

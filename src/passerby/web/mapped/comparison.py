"""Holds mapped cameras against registers: which are on record, which are silent, which are not on record.

The registers are read whole: nobody is asked about a place, and nothing is kept.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from passerby.register import format_instant
from passerby.web.mapped.city_map import MappedCamera, one_line
from passerby.web.register import CameraHistory, Light, LogFollower, plain_label, status_of

MATCH_WITHIN_M = 30.0
"""Mapped and stated places of one camera lie this close: some metres each from satellite pictures and phones, and 11 m where a
register rounds its places to four decimals."""
METRES_A_DEGREE = 6_371_008.8 * math.pi / 180
"""Of latitude. Source: the mean radius of GRS 80 (Moritz, Geodetic Reference System 1980)."""


@dataclass(frozen=True, slots=True)
class StatedCamera:
    """A camera that a register states a place of."""

    register: LogFollower
    history: CameraHistory
    latitude: float
    longitude: float

    @property
    def label(self) -> str:
        """Return its name, on one line and without direction marks."""
        return one_line(plain_label(self.history))

    @property
    def page(self) -> str:
        """Return the address of its page."""
        return f"{self.register.base_url}c/{self.history.camera}/"


class MapStanding(StrEnum):
    """What registers say of a mapped camera."""

    ON_RECORD = "on record"
    SILENT = "silent"
    NOT_ON_RECORD = "not on record"


@dataclass(frozen=True, slots=True)
class Compared:
    """A mapped camera and what the registers say of it.

    Attributes:
        mapped: It.
        standing: On record, on record but silent, or not on record.
        stated: The register's camera; for one that is not on record, a camera that was removed there, or None.
        distance_m: Between the two places; 0 without a register's camera.
    """

    mapped: MappedCamera
    standing: MapStanding
    stated: StatedCamera | None = None
    distance_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A map held against registers.

    Attributes:
        cameras: Every mapped camera, in the order of the file.
        not_mapped: Cameras of the registers that no mapped one was found for.
        without_place: How many cameras of the registers state no place, and could not be compared.
    """

    cameras: tuple[Compared, ...]
    not_mapped: tuple[StatedCamera, ...]
    without_place: int


def compare_map(
    mapped: Sequence[MappedCamera], registers: Iterable[LogFollower], now: datetime, within_m: float
) -> Comparison:
    """Hold mapped cameras against registers.

    Each mapped camera is given at most one of the registers' and the other way round, as many as possible within the
    distance, nearer ones first: two cameras on one mast need two entries.

    Args:
        mapped: The map's cameras.
        registers: The registers, read.
        now: When; silence is that of this instant.
        within_m: How far mapped and stated place of one camera may lie apart, in metres.
    """
    here, gone, without_place = _stated(registers)
    found = _pair(mapped, here, within_m)
    rest = [index for index in range(len(mapped)) if index not in found]
    removed = _pair([mapped[index] for index in rest], gone, within_m)
    gone_of = {rest[place]: match for place, match in removed.items()}
    cameras = []
    for index, camera in enumerate(mapped):
        if index in found:
            stated, distance_m = found[index]
            silent = status_of(stated.history, now).light is Light.UNKNOWN
            cameras.append(
                Compared(camera, MapStanding.SILENT if silent else MapStanding.ON_RECORD, stated, distance_m)
            )
        else:
            cameras.append(Compared(camera, MapStanding.NOT_ON_RECORD, *gone_of.get(index, (None, 0.0))))
    matched = {id(stated) for stated, _ in found.values()}
    return Comparison(tuple(cameras), tuple(s for s in here if id(s) not in matched), without_place)


def _stated(registers: Iterable[LogFollower]) -> tuple[list[StatedCamera], list[StatedCamera], int]:
    """The registers' cameras with a place, those that were removed, and how many state none."""
    here: list[StatedCamera] = []
    gone: list[StatedCamera] = []
    without_place = 0
    for register in registers:
        for history in register.state.cameras.values():
            place = history.registered.entry.place if history.registered else None
            if place is None:
                without_place += history.retired is None
                continue
            stated = StatedCamera(register, history, place.latitude_e6 / 1e6, place.longitude_e6 / 1e6)
            (gone if history.retired else here).append(stated)
    return here, gone, without_place


def _pair(
    mapped: Sequence[MappedCamera], stated: Sequence[StatedCamera], within_m: float
) -> dict[int, tuple[StatedCamera, float]]:
    """The most pairs within a distance, by augmenting paths (Kuhn 1955); mapped index -> the register's camera and metres."""
    by_latitude = sorted(range(len(stated)), key=lambda place: stated[place].latitude)
    latitudes = [stated[place].latitude for place in by_latitude]
    reach = within_m / METRES_A_DEGREE
    near: list[list[tuple[float, int]]] = []
    for camera in mapped:
        begin = bisect_left(latitudes, camera.latitude - reach)
        end = bisect_right(latitudes, camera.latitude + reach)
        distances = ((distance_between_m(camera, stated[place]), place) for place in by_latitude[begin:end])
        near.append(sorted(each for each in distances if each[0] <= within_m))
    place_of: dict[int, int] = {}
    owner_of: dict[int, int] = {}
    for index in sorted(range(len(mapped)), key=lambda index: near[index][:1] or [(math.inf, 0)]):
        _augment(index, near, place_of, owner_of)
    return {
        index: (stated[place], next(metres for metres, other in near[index] if other == place))
        for index, place in place_of.items()
    }


def _augment(
    index: int, near: Sequence[Sequence[tuple[float, int]]], place_of: dict[int, int], owner_of: dict[int, int]
) -> None:
    """Give one mapped camera a place, moving others to another of theirs where that frees one. Breadth first."""
    asked_by: dict[int, int] = {}
    waiting = [index]
    for asking in waiting:
        for _, place in near[asking]:
            if place in asked_by:
                continue
            asked_by[place] = asking
            if place in owner_of:
                waiting.append(owner_of[place])
                continue
            free: int | None = place
            while free is not None:
                owner = asked_by[free]
                left = place_of.get(owner)
                place_of[owner], owner_of[free] = free, owner
                free = left
            return


def distance_between_m(one: MappedCamera, other: StatedCamera) -> float:
    """Return the distance of two near places in metres, on a sphere flattened around them (exact to 1 in 1,000 below 1 km)."""
    aside = (one.longitude - other.longitude + 180) % 360 - 180
    cosine = math.cos(math.radians((one.latitude + other.latitude) / 2))
    return math.hypot(aside * cosine, one.latitude - other.latitude) * METRES_A_DEGREE


def compared_fields(compared: Compared, now: datetime) -> dict[str, Any]:
    """Return a mapped camera and what the registers say of it as JSON values."""
    fields: dict[str, Any] = {
        "mapped": compared.mapped.name,
        "latitude": compared.mapped.latitude,
        "longitude": compared.mapped.longitude,
        "operator": compared.mapped.operator,
        "standing": str(compared.standing),
    }
    if compared.stated is None:
        return fields
    status = status_of(compared.stated.history, now)
    return fields | {
        "camera": compared.stated.history.camera,
        "label": compared.stated.label,
        "page": compared.stated.page,
        "distance_m": round(compared.distance_m, 1),
        "light": str(status.light),
        "since": format_instant(status.since) if status.since else None,
    }

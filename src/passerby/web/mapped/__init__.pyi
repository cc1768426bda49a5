from .city_map import (
    CameraMap,
    MappedCamera,
    read_map,
)
from .comparison import (
    MATCH_WITHIN_M,
    Compared,
    Comparison,
    MapStanding,
    StatedCamera,
    compare_map,
    compared_fields,
)
from .letters import (
    letter_about,
)

__all__ = [
    "MATCH_WITHIN_M",
    "CameraMap",
    "Compared",
    "Comparison",
    "MapStanding",
    "MappedCamera",
    "StatedCamera",
    "compare_map",
    "compared_fields",
    "letter_about",
    "read_map",
]

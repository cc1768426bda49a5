from .decide import (
    DEFAULT_POSITION,
    assess,
    assess_all,
    provisions,
)
from .find import (
    find_lists,
    find_provisions,
)
from .rulebook import (
    engine_on,
    overlay_named,
    overlays,
    positions,
)

__all__ = [
    "DEFAULT_POSITION",
    "assess",
    "assess_all",
    "engine_on",
    "find_lists",
    "find_provisions",
    "overlay_named",
    "overlays",
    "positions",
    "provisions",
]

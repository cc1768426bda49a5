from .conclusions import (
    concludes,
)
from .decide import (
    DEFAULT_POSITION,
    assess,
    assess_all,
    provisions,
)
from .find import (
    find_offence_lists,
    find_provisions,
)
from .layers import (
    overlay_named,
    overlays,
)
from .rulebook import (
    positions,
    rulebook_on,
)

__all__ = [
    "DEFAULT_POSITION",
    "assess",
    "assess_all",
    "concludes",
    "find_offence_lists",
    "find_provisions",
    "overlay_named",
    "overlays",
    "positions",
    "provisions",
    "rulebook_on",
]

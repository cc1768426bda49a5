from .decide import (
    DEFAULT_POSITION,
    assess,
    assess_all,
    concludes,
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
    can_open,
    positions,
    rulebook_on,
    turning_days,
)
from .timeline import (
    LegalChange,
    Turn,
    legal_changes,
)

__all__ = [
    "DEFAULT_POSITION",
    "LegalChange",
    "Turn",
    "assess",
    "assess_all",
    "can_open",
    "concludes",
    "find_offence_lists",
    "find_provisions",
    "legal_changes",
    "overlay_named",
    "overlays",
    "positions",
    "provisions",
    "rulebook_on",
    "turning_days",
]

from .association import (
    Follower,
)
from .extrapolate import (
    GROWTH_PER_S,
    back_fill,
    complete,
    swell,
)
from .motion import (
    Grey,
    Motion,
    MotionMeter,
    grey_copy,
)
from .patches import (
    Fine,
    fine_copy,
)
from .policy import (
    CALM_TURNS,
    LIVE,
    SLOW_TURNS,
    Rules,
    follows_small,
    looks_at,
    rules_for,
)
from .tracklet import (
    Trail,
)
from .watermark import (
    Settler,
)

__all__ = [
    "CALM_TURNS",
    "GROWTH_PER_S",
    "LIVE",
    "SLOW_TURNS",
    "Fine",
    "Follower",
    "Grey",
    "Motion",
    "MotionMeter",
    "Rules",
    "Settler",
    "Trail",
    "back_fill",
    "complete",
    "fine_copy",
    "follows_small",
    "grey_copy",
    "looks_at",
    "rules_for",
    "swell",
]

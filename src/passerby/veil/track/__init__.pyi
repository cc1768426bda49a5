from .association import (
    Follower,
)
from .extrapolate import (
    GROWTH_PER_S,
    back_fill,
    complete,
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
    TrackingPolicy,
    follows_small,
    passes_for_cycle,
    policy_for,
)
from .tracklet import (
    Tracklet,
)
from .watermark import (
    Watermark,
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
    "TrackingPolicy",
    "Tracklet",
    "Watermark",
    "back_fill",
    "complete",
    "fine_copy",
    "follows_small",
    "grey_copy",
    "passes_for_cycle",
    "policy_for",
]

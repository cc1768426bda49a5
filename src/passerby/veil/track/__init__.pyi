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
    FALLBACK_HZ,
    LIVE,
    TrackingPolicy,
    passes_for_cycle,
    policy_for,
)
from .scheduler import (
    PassScheduler,
)
from .tracker import (
    Tracker,
)
from .tracklet import (
    Tracklet,
)

__all__ = [
    "FALLBACK_HZ",
    "LIVE",
    "Fine",
    "Grey",
    "Motion",
    "MotionMeter",
    "PassScheduler",
    "Tracker",
    "TrackingPolicy",
    "Tracklet",
    "fine_copy",
    "grey_copy",
    "passes_for_cycle",
    "policy_for",
]

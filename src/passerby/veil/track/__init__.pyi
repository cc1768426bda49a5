from .motion import (
    Grey,
    Motion,
    MotionMeter,
    grey_copy,
)
from .patches import (
    Fine,
    fine_copy,
    follow_patches,
    patch_fit,
    thinned,
)
from .policy import (
    FALLBACK_HZ,
    LIVE,
    SMALL_SHARE,
    TrackingPolicy,
    passes_for_cycle,
    policy_for,
)
from .recheck import (
    moved_too_much,
)
from .scheduler import (
    PassScheduler,
)
from .stretches import (
    UNSURE,
    Stretches,
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
    "SMALL_SHARE",
    "UNSURE",
    "Fine",
    "Grey",
    "Motion",
    "MotionMeter",
    "PassScheduler",
    "Stretches",
    "Tracker",
    "TrackingPolicy",
    "Tracklet",
    "fine_copy",
    "follow_patches",
    "grey_copy",
    "moved_too_much",
    "passes_for_cycle",
    "patch_fit",
    "policy_for",
    "thinned",
]

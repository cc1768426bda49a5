from .jobs import (
    JobPhase,
    JobState,
    VeilJobs,
    VeilOrder,
)
from .playback import (
    FrameServer,
    open_frames,
)

__all__ = [
    "FrameServer",
    "JobPhase",
    "JobState",
    "VeilJobs",
    "VeilOrder",
    "open_frames",
]

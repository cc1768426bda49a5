from .running import (
    JobPhase,
    JobState,
    VeilJobs,
    VeilOrder,
)

__all__ = [
    "JobPhase",
    "JobState",
    "VeilJobs",
    "VeilOrder",
]

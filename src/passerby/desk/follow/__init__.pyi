from .following import (
    FollowedBox,
    FramesAt,
    follow_box,
)

__all__ = [
    "FollowedBox",
    "FramesAt",
    "follow_box",
]

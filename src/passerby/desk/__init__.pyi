from .playback import (
    FrameServer,
    open_frames,
)

__all__ = [
    "FrameServer",
    "open_frames",
]

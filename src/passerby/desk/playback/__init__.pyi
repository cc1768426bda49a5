from .frame_server import (
    FrameServer,
    open_frames,
)

__all__ = [
    "FrameServer",
    "open_frames",
]

from .hidden_test import (
    HiddenCheck,
    Outcome,
    hidden_camera,
)
from .hls import (
    HlsFeed,
)
from .mse import (
    LiveFeed,
)
from .playback import (
    Recording,
    clip,
    recordings,
)
from .recorder import (
    Recorder,
)
from .relay import (
    AccessUnit,
    Relay,
)
from .snapshot import (
    Snapshots,
)

__all__ = [
    "AccessUnit",
    "HiddenCheck",
    "HlsFeed",
    "LiveFeed",
    "Outcome",
    "Recorder",
    "Recording",
    "Relay",
    "Snapshots",
    "clip",
    "hidden_camera",
    "recordings",
]

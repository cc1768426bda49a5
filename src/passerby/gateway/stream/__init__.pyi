from .hidden_test import (
    HiddenCheck,
    HiddenTestResult,
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
    WholeSpan,
    clip_between,
    recordings_between,
)
from .readers import (
    AccessUnit,
)
from .recorder import (
    Recorder,
)
from .relay import (
    Relay,
)
from .retention import (
    RetentionSweeper,
)
from .snapshot import (
    Snapshots,
)

__all__ = [
    "AccessUnit",
    "HiddenCheck",
    "HiddenTestResult",
    "HlsFeed",
    "LiveFeed",
    "Recorder",
    "Recording",
    "Relay",
    "RetentionSweeper",
    "Snapshots",
    "WholeSpan",
    "clip_between",
    "hidden_camera",
    "recordings_between",
]

from .camera import (
    veil_camera,
)
from .file import (
    Veiled,
    veil_file,
)
from .live import (
    LiveFrame,
    LiveSettings,
    LiveVeil,
    WholeReason,
    veil_frames,
)
from .rerender import (
    mend_file,
    settings_digest,
)

__all__ = [
    "LiveFrame",
    "LiveSettings",
    "LiveVeil",
    "Veiled",
    "WholeReason",
    "mend_file",
    "settings_digest",
    "veil_camera",
    "veil_file",
    "veil_frames",
]

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
    "mend_file",
    "settings_digest",
    "veil_camera",
    "veil_file",
    "veil_frames",
]

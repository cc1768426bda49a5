from .drawn_cover import (
    cover_frame,
)
from .encoder import (
    NOMINAL_FPS,
    LiveEncoder,
    ticks_of,
)
from .scene import (
    Scene,
    read_number,
    settings_of,
)
from .slate import (
    Slates,
)
from .synthetic_face import (
    Probe,
    covers,
    is_bare,
    probe,
)

__all__ = [
    "NOMINAL_FPS",
    "LiveEncoder",
    "Probe",
    "Scene",
    "Slates",
    "cover_frame",
    "covers",
    "is_bare",
    "probe",
    "read_number",
    "settings_of",
    "ticks_of",
]

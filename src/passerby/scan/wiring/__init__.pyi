from .cameras import (
    faces_in_onvif,
    recognition_names,
)
from .reading import (
    READERS,
    read_configuration,
)

__all__ = [
    "READERS",
    "faces_in_onvif",
    "read_configuration",
    "recognition_names",
]

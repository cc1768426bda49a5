from .cameras import (
    faces_in_onvif,
)
from .reading import (
    READERS,
    read_configuration,
)

__all__ = [
    "READERS",
    "faces_in_onvif",
    "read_configuration",
]

from .camera_check import (
    check_camera,
)
from .city_file import (
    read_city,
)
from .recognition import (
    camera_faces,
    onvif_at,
)

__all__ = [
    "camera_faces",
    "check_camera",
    "onvif_at",
    "read_city",
]

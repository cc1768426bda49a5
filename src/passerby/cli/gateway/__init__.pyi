from .camera_check import (
    check_camera,
)
from .recognition import (
    camera_faces,
    onvif_at,
)

__all__ = [
    "camera_faces",
    "check_camera",
    "onvif_at",
]

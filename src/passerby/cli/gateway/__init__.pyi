from .camera_check import (
    check_camera,
)

__all__ = [
    "check_camera",
]

from .sphere import (
    Sphere,
    StereoLayout,
    part_of_sphere,
    sphere_of_xmp,
)

__all__ = [
    "Sphere",
    "StereoLayout",
    "part_of_sphere",
    "sphere_of_xmp",
]

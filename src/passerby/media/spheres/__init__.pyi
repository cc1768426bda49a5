from .boxes import (
    say_sphere,
    sphere_of_side_data,
)
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
    "say_sphere",
    "sphere_of_side_data",
    "sphere_of_xmp",
]

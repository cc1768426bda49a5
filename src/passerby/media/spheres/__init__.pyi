from .boxes import (
    say_sphere,
    sphere_of_side_data,
)
from .sphere import (
    Sphere,
    StereoLayout,
    sphere_of_xmp,
)

__all__ = [
    "Sphere",
    "StereoLayout",
    "say_sphere",
    "sphere_of_side_data",
    "sphere_of_xmp",
]

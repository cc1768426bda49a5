from .finding import (
    FlatFinder,
    SpherePasses,
    find_on_sphere,
    picture_parts,
    start_views,
)
from .views import (
    SphereMap,
    TangentView,
    tangent_views,
)

__all__ = [
    "FlatFinder",
    "SphereMap",
    "SpherePasses",
    "TangentView",
    "find_on_sphere",
    "picture_parts",
    "start_views",
    "tangent_views",
]

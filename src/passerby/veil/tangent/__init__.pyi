from .finding import (
    SpherePasses,
    cut_at_the_seam,
    find_on_sphere,
    start_views,
)
from .views import (
    SphereMap,
    TangentView,
    tangent_views,
)

__all__ = [
    "SphereMap",
    "SpherePasses",
    "TangentView",
    "cut_at_the_seam",
    "find_on_sphere",
    "start_views",
    "tangent_views",
]

from .finding import (
    SpherePasses,
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
    "find_on_sphere",
    "start_views",
    "tangent_views",
]

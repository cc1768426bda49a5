from .client import (
    Profile,
    poses,
    profiles,
)
from .describe import (
    Answer,
    Login,
)
from .discovery import (
    FoundCamera,
    discover,
)
from .ptz import (
    PtzWatch,
)
from .pull_check import (
    AccessReport,
    AccessTests,
    check_access,
)

__all__ = [
    "AccessReport",
    "AccessTests",
    "Answer",
    "FoundCamera",
    "Login",
    "Profile",
    "PtzWatch",
    "check_access",
    "discover",
    "poses",
    "profiles",
]

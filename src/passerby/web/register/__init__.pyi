from .follow import (
    Follower,
    Place,
)
from .pages import (
    verifier,
)
from .server import (
    app_of,
    is_loopback,
    run,
)
from .site import (
    copy_log,
    write_site,
)
from .words import (
    FALLBACK,
    LANGUAGES,
)

__all__ = [
    "FALLBACK",
    "LANGUAGES",
    "Follower",
    "Place",
    "app_of",
    "copy_log",
    "is_loopback",
    "run",
    "verifier",
    "write_site",
]

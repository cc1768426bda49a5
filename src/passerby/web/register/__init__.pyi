from .follow import (
    LogFollower,
    SiteAddresses,
)
from .pages import (
    verifier_page,
)
from .server import (
    register_app,
    serve_register,
)
from .site import (
    copy_log,
    write_site,
)
from .translation import (
    FALLBACK_LANGUAGE,
    PAGE_LANGUAGES,
)

__all__ = [
    "FALLBACK_LANGUAGE",
    "PAGE_LANGUAGES",
    "LogFollower",
    "SiteAddresses",
    "copy_log",
    "register_app",
    "serve_register",
    "verifier_page",
    "write_site",
]

from .console import (
    serve_console,
)
from .listening import (
    bind_port,
    serve_app,
    shown_host,
)
from .register import (
    FALLBACK_LANGUAGE,
    PAGE_LANGUAGES,
    LogFollower,
    SiteAddresses,
    copy_log,
    serve_register,
    verifier_page,
    write_site,
)

__all__ = [
    "FALLBACK_LANGUAGE",
    "PAGE_LANGUAGES",
    "LogFollower",
    "SiteAddresses",
    "bind_port",
    "copy_log",
    "serve_app",
    "serve_console",
    "serve_register",
    "shown_host",
    "verifier_page",
    "write_site",
]

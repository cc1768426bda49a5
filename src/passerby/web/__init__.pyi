from .console import (
    serve,
)
from .listening import (
    bind,
    serve_app,
    shown_host,
)
from .register import (
    FALLBACK,
    LANGUAGES,
    Follower,
    Place,
    copy_log,
    is_loopback,
    run,
    verifier,
    write_site,
)

__all__ = [
    "FALLBACK",
    "LANGUAGES",
    "Follower",
    "Place",
    "bind",
    "copy_log",
    "is_loopback",
    "run",
    "serve",
    "serve_app",
    "shown_host",
    "verifier",
    "write_site",
]

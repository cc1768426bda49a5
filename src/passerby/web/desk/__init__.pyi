from .app import (
    DESK_ICON,
)
from .server import (
    serve_desk,
)

__all__ = [
    "DESK_ICON",
    "serve_desk",
]

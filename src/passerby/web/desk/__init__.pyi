from .server import (
    serve_desk,
)

__all__ = [
    "serve_desk",
]

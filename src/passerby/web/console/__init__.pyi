from .server import (
    serve_console,
)

__all__ = [
    "serve_console",
]

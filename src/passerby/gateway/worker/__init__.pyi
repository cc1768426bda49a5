from .worker import (
    CONFIG,
)

__all__ = [
    "CONFIG",
]

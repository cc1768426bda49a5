from .readers import (
    READERS,
)

__all__ = [
    "READERS",
]

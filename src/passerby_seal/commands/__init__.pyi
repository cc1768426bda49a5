from .seal import (
    add_to,
)

__all__ = [
    "add_to",
]

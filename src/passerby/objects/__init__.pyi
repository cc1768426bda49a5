from .backend import (
    connect,
    refusal_of,
)
from .path import (
    StoredPath,
    is_address,
    place_named,
)

__all__ = [
    "StoredPath",
    "connect",
    "is_address",
    "place_named",
    "refusal_of",
]

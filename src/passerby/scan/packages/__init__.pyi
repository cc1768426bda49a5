from .joining import (
    join_packages,
)
from .readers import (
    READERS,
)

__all__ = [
    "READERS",
    "join_packages",
]

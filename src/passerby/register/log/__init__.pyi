from .log import (
    Log,
    Receipt,
)
from .salts import (
    Salts,
)

__all__ = [
    "Log",
    "Receipt",
    "Salts",
]

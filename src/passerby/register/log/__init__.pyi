from .log import (
    Log,
    Receipt,
)
from .salts import (
    CommitmentSalts,
)

__all__ = [
    "CommitmentSalts",
    "Log",
    "Receipt",
]

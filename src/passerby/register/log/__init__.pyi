from .log import (
    Log,
    Receipt,
)
from .personal import (
    looks_like,
    personal_texts,
)
from .plausible import (
    POSITIONS,
)
from .salts import (
    CommitmentSalts,
)

__all__ = [
    "POSITIONS",
    "CommitmentSalts",
    "Log",
    "Receipt",
    "looks_like",
    "personal_texts",
]

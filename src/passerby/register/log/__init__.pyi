from .log import (
    Log,
    Receipt,
)
from .personal import (
    personal_kind,
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
    "personal_kind",
    "personal_texts",
]

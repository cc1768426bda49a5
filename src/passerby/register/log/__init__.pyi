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
from .turns import (
    LOOKED_EVERY_S,
    is_wanted,
    open_in_turn,
    wait_while_wanted,
)

__all__ = [
    "LOOKED_EVERY_S",
    "POSITIONS",
    "CommitmentSalts",
    "Log",
    "Receipt",
    "is_wanted",
    "open_in_turn",
    "personal_kind",
    "personal_texts",
    "wait_while_wanted",
]

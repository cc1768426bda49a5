from .cosigning import (
    Cosigners,
)
from .server import (
    witness_app,
)
from .witness import (
    Witness,
)

__all__ = [
    "Cosigners",
    "Witness",
    "witness_app",
]

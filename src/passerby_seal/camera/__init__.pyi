from .client import (
    ClientLimits,
    SealClient,
)
from .keeping import (
    PackSweeper,
)
from .spool import (
    packed_hour,
)

__all__ = [
    "ClientLimits",
    "PackSweeper",
    "SealClient",
    "packed_hour",
]

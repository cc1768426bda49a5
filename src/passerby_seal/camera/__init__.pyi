from .client import (
    ClientLimits,
    SealClient,
)
from .spool import (
    packed_hour,
)

__all__ = [
    "ClientLimits",
    "SealClient",
    "packed_hour",
]

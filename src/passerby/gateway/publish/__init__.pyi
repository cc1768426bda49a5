from .metrics import (
    Facts,
    exposition,
)
from .mqtt import (
    Broker,
    stats,
)
from .on_record import (
    OnRecord,
)

__all__ = [
    "Broker",
    "Facts",
    "OnRecord",
    "exposition",
    "stats",
]

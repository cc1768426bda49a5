from .auth import (
    REALM,
    DigestGate,
    Gate,
    ha1,
)
from .push import (
    Publisher,
    PushError,
)
from .server import (
    RtspServer,
)

__all__ = [
    "REALM",
    "DigestGate",
    "Gate",
    "Publisher",
    "PushError",
    "RtspServer",
    "ha1",
]

from .auth import (
    REALM,
    DigestGate,
    Gate,
    ha1,
)
from .push import (
    PushError,
    RtspPusher,
)
from .server import (
    RtspServer,
)

__all__ = [
    "REALM",
    "DigestGate",
    "Gate",
    "PushError",
    "RtspPusher",
    "RtspServer",
    "ha1",
]

from .auth import (
    REALM,
    DigestGate,
    Gate,
    ha1,
)
from .digest import (
    DigestClient,
)
from .message import (
    RtspRequest,
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
    "DigestClient",
    "DigestGate",
    "Gate",
    "PushError",
    "RtspPusher",
    "RtspRequest",
    "RtspServer",
    "ha1",
]

from .access import (
    RIGHTS,
    Account,
    Accounts,
    Limit,
    Right,
    Role,
    Session,
    Sessions,
    as_csv,
    new_password,
    same,
)
from .config import (
    City,
    OnvifConfig,
    load_city,
    parse_city,
)
from .logs import (
    log_as_json,
)
from .onvif import (
    AccessReport,
    Answer,
    FoundCamera,
    Login,
    Profile,
    check_access,
    discover,
    poses,
    profiles,
)
from .publish import (
    exposition,
    stats,
)
from .runtime import (
    Runtime,
)
from .service import (
    Camera,
    Gateway,
)
from .states import (
    CameraStatus,
    Event,
    EventKind,
    Phase,
)
from .stream import (
    Recording,
    clip,
    recordings,
)
from .values import (
    CameraConfig,
    InputConfig,
    Reason,
    RecordConfig,
    RtspConfig,
)

__all__ = [
    "RIGHTS",
    "AccessReport",
    "Account",
    "Accounts",
    "Answer",
    "Camera",
    "CameraConfig",
    "CameraStatus",
    "City",
    "Event",
    "EventKind",
    "FoundCamera",
    "Gateway",
    "InputConfig",
    "Limit",
    "Login",
    "OnvifConfig",
    "Phase",
    "Profile",
    "Reason",
    "RecordConfig",
    "Recording",
    "Right",
    "Role",
    "RtspConfig",
    "Runtime",
    "Session",
    "Sessions",
    "as_csv",
    "check_access",
    "clip",
    "discover",
    "exposition",
    "load_city",
    "log_as_json",
    "new_password",
    "parse_city",
    "poses",
    "profiles",
    "recordings",
    "same",
    "stats",
]

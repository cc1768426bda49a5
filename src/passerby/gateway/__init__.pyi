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
    CameraConfig,
    CityConfig,
    InputConfig,
    OnvifConfig,
    RecordConfig,
    RtspConfig,
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
    Gateway,
    ServedCamera,
)
from .states import (
    CameraStatus,
    Event,
    EventKind,
    Phase,
)
from .stream import (
    Recording,
    clip_between,
    recordings_between,
)
from .values import (
    CoverReason,
)

__all__ = [
    "RIGHTS",
    "AccessReport",
    "Account",
    "Accounts",
    "Answer",
    "CameraConfig",
    "CameraStatus",
    "CityConfig",
    "CoverReason",
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
    "RecordConfig",
    "Recording",
    "Right",
    "Role",
    "RtspConfig",
    "Runtime",
    "ServedCamera",
    "Session",
    "Sessions",
    "as_csv",
    "check_access",
    "clip_between",
    "discover",
    "exposition",
    "load_city",
    "log_as_json",
    "new_password",
    "parse_city",
    "poses",
    "profiles",
    "recordings_between",
    "same",
    "stats",
]

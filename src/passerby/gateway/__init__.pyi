from .access import (
    ROLE_RIGHTS,
    Account,
    Accounts,
    LoginSession,
    LoginSessions,
    RateLimit,
    Right,
    Role,
    access_log_csv,
    new_password,
    same_token,
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
    CameraLogin,
    DescribeAnswer,
    FoundCamera,
    StreamProfile,
    check_camera_access,
    discover_cameras,
    read_profiles,
    same_machine,
    watch_poses,
)
from .publish import (
    camera_stats,
    metrics_exposition,
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
    "ROLE_RIGHTS",
    "AccessReport",
    "Account",
    "Accounts",
    "CameraConfig",
    "CameraLogin",
    "CameraStatus",
    "CityConfig",
    "CoverReason",
    "DescribeAnswer",
    "Event",
    "EventKind",
    "FoundCamera",
    "Gateway",
    "InputConfig",
    "LoginSession",
    "LoginSessions",
    "OnvifConfig",
    "Phase",
    "RateLimit",
    "RecordConfig",
    "Recording",
    "Right",
    "Role",
    "RtspConfig",
    "Runtime",
    "ServedCamera",
    "StreamProfile",
    "access_log_csv",
    "camera_stats",
    "check_camera_access",
    "clip_between",
    "discover_cameras",
    "load_city",
    "log_as_json",
    "metrics_exposition",
    "new_password",
    "parse_city",
    "read_profiles",
    "recordings_between",
    "same_machine",
    "same_token",
    "watch_poses",
]

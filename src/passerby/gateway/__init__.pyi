from .access import (
    ROLE_RIGHTS,
    Account,
    Accounts,
    LoginNeededError,
    LoginSession,
    LoginSessions,
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
from .entrance import (
    Admission,
    Doorway,
    RateLimit,
    Shares,
    TooManyError,
    Visit,
    connection_places,
    listen_on,
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
    WholeSpan,
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
    "Admission",
    "CameraConfig",
    "CameraLogin",
    "CameraStatus",
    "CityConfig",
    "CoverReason",
    "DescribeAnswer",
    "Doorway",
    "Event",
    "EventKind",
    "FoundCamera",
    "Gateway",
    "InputConfig",
    "LoginNeededError",
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
    "Shares",
    "StreamProfile",
    "TooManyError",
    "Visit",
    "WholeSpan",
    "access_log_csv",
    "camera_stats",
    "check_camera_access",
    "clip_between",
    "connection_places",
    "discover_cameras",
    "listen_on",
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

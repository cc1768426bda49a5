from .analytics import (
    CameraAnalytics,
    read_analytics,
)
from .client import (
    StreamProfile,
    read_profiles,
    watch_poses,
)
from .describe import (
    CameraLogin,
    DescribeAnswer,
)
from .discovery import (
    FoundCamera,
    discover_cameras,
)
from .ptz import (
    PtzWatch,
)
from .pull_check import (
    AccessReport,
    AccessTests,
    check_camera_access,
)
from .told import (
    same_machine,
)

__all__ = [
    "AccessReport",
    "AccessTests",
    "CameraAnalytics",
    "CameraLogin",
    "DescribeAnswer",
    "FoundCamera",
    "PtzWatch",
    "StreamProfile",
    "check_camera_access",
    "discover_cameras",
    "read_analytics",
    "read_profiles",
    "same_machine",
    "watch_poses",
]

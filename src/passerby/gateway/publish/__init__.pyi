from .metrics import (
    MetricsSource,
    metrics_exposition,
)
from .mqtt import (
    MqttLink,
    camera_stats,
    own_number,
)
from .register_link import (
    RegisterLink,
)
from .sealed_cameras import (
    keep_packs,
    keys_short,
    pack_folder,
    sealed_camera,
)

__all__ = [
    "MetricsSource",
    "MqttLink",
    "RegisterLink",
    "camera_stats",
    "keep_packs",
    "keys_short",
    "metrics_exposition",
    "own_number",
    "pack_folder",
    "sealed_camera",
]

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

__all__ = [
    "MetricsSource",
    "MqttLink",
    "RegisterLink",
    "camera_stats",
    "metrics_exposition",
    "own_number",
]

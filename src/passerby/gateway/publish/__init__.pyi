from .metrics import (
    MetricsSource,
    metrics_exposition,
)
from .mqtt import (
    MqttBroker,
    camera_stats,
)
from .register_link import (
    RegisterLink,
)

__all__ = [
    "MetricsSource",
    "MqttBroker",
    "RegisterLink",
    "camera_stats",
    "metrics_exposition",
]

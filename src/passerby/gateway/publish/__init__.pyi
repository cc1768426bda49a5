from .metrics import (
    MetricsSource,
    metrics_exposition,
)
from .mqtt import (
    MqttBroker,
    camera_stats,
)
from .on_record import (
    OnRecord,
)

__all__ = [
    "MetricsSource",
    "MqttBroker",
    "OnRecord",
    "camera_stats",
    "metrics_exposition",
]

from .city import (
    City,
    MqttConfig,
    OnvifConfig,
    RegisterConfig,
    ServerConfig,
    Statement,
    is_loopback,
)
from .load import (
    load_city,
    parse_city,
)

__all__ = [
    "City",
    "MqttConfig",
    "OnvifConfig",
    "RegisterConfig",
    "ServerConfig",
    "Statement",
    "is_loopback",
    "load_city",
    "parse_city",
]

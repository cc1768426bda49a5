"""``city.yml``: one file for the whole gateway, checked as a whole, each mistake with its line."""

from __future__ import annotations

from passerby.gateway.config.city import (
    City,
    MqttConfig,
    OnvifConfig,
    RegisterConfig,
    ServerConfig,
    Statement,
    is_loopback,
)
from passerby.gateway.config.load import load_city, parse_city

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

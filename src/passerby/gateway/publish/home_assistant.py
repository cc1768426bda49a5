"""What Home Assistant is told so that it finds every camera by itself: MQTT discovery. States and counters, never a picture.

Source: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery (full names of the keys, one message an entity).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import passerby
from passerby.gateway.config import MqttConfig
from passerby.gateway.states import Phase

_ABOUT = {"manufacturer": "Passerby", "sw_version": passerby.__version__}
_ORIGIN = {"name": "Passerby", "sw_version": passerby.__version__}
_SENSORS: dict[str, dict[str, Any]] = {
    "state": {"name": "State", "device_class": "enum", "options": [phase.value for phase in Phase], "icon": "mdi:cctv"},
    "reason": {
        "name": "Covered because",
        "value_template": "{{ value if value else 'not covered' }}",
        "icon": "mdi:comment-question-outline",
    },
    "fps": {
        "name": "Pictures a second",
        "state_class": "measurement",
        "entity_category": "diagnostic",
        "icon": "mdi:speedometer",
    },
    "faces": {"name": "Faces covered", "state_class": "total_increasing", "icon": "mdi:face-man-shimmer"},
}
ENTITIES = (*_SENSORS, "cover")
"""Keys of what each camera has; the last part of an entity's name in a topic."""


def discovery_of(config: MqttConfig, node: str, titles: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the messages that tell of every camera.

    Args:
        config: Of the broker.
        node: This gateway's own name there: letters, digits, - and _.
        titles: What people call each camera, by its name.

    Returns:
        By topic: the camera's name (empty for the gateway itself) and the message; all to be retained.
    """
    if not config.discovery:
        return {}
    start, prefix = config.discovery_prefix, config.topic_prefix
    common = {
        "availability_topic": f"{prefix}/available",
        # the third word of that topic, stopped, is one of ours
        "availability_template": "{{ 'online' if value == 'online' else 'offline' }}",
        "origin": _ORIGIN,
        "qos": config.qos,
    }
    own = {
        "name": "Connection",
        "unique_id": f"{node}_available",
        "device_class": "connectivity",
        "state_topic": f"{prefix}/available",
        "payload_on": "online",
        "value_template": "{{ 'online' if value == 'online' else 'offline' }}",
        "payload_off": "offline",
        "origin": _ORIGIN,
        "device": {"identifiers": [node], "name": "Passerby gateway", "model": "Gateway", **_ABOUT},
    }
    told = {f"{start}/binary_sensor/{node}/available/config": ("", _text(own))}
    for name, title in titles.items():
        device = {
            "identifiers": [f"{node}_{name}"], "name": title, "model": "Veiled camera", "via_device": node, **_ABOUT,
        }  # fmt: skip
        for key, sensor in _SENSORS.items():
            said = sensor | {"state_topic": f"{prefix}/{name}/{key}"}
            told[f"{start}/sensor/{node}/{name}_{key}/config"] = (
                name,
                _entity(common, node, name, key, said | {"device": device}),
            )
        cover = {
            "name": "Full cover",
            "state_topic": f"{prefix}/{name}/cover/state",
            "icon": "mdi:eye-off",
            "device": device,
        }
        kind = "binary_sensor"
        if config.allow_cover:
            kind = "switch"
            cover["command_topic"] = f"{prefix}/{name}/cover/set"
        told[f"{start}/{kind}/{node}/{name}_cover/config"] = (name, _entity(common, node, name, "cover", cover))
    return told


def found_camera(config: MqttConfig, node: str, topic: str) -> str | None:
    """Return whose entity a discovery topic of this gateway tells of: a camera's name, or empty for its own; None for others.

    >>> found_camera(MqttConfig("h"), "passerby_1", "homeassistant/sensor/passerby_1/hall_2_state/config")
    'hall_2'
    """
    parts = topic.removeprefix(f"{config.discovery_prefix}/").split("/")
    if len(parts) != 4 or parts[1] != node or parts[3] != "config":
        return None
    name, _, key = parts[2].rpartition("_")
    if not name and key == "available":
        return ""
    return name if name and key in ENTITIES else None


def _entity(common: dict[str, Any], node: str, name: str, key: str, said: dict[str, Any]) -> str:
    return _text(common | {"unique_id": f"{node}_{name}_{key}"} | said)


def _text(told: dict[str, Any]) -> str:
    return json.dumps(told, sort_keys=True)

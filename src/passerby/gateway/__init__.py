"""Live cameras: supervision, veiling, serving, health. How its processes are cut: docs/gateway.md.

The door holds values only, because every camera's process comes through it; what serves is in ``gateway.service``.
"""

from passerby.gateway.states import CameraStatus, Event, EventKind, Phase
from passerby.gateway.values import CameraConfig, InputConfig, Reason, RecordConfig, RtspConfig

__all__ = [
    "CameraConfig",
    "CameraStatus",
    "Event",
    "EventKind",
    "InputConfig",
    "Phase",
    "Reason",
    "RecordConfig",
    "RtspConfig",
]

"""What of a camera may be sealed now, put together from its configuration and from what the register announces."""

from __future__ import annotations

from pathlib import Path

from passerby.gateway.config import CameraConfig, CityConfig
from passerby.gateway.publish.register_link import RegisterLink
from passerby.objects import is_address
from passerby.sealing import SealedCamera

SPOOL = "seal"
"""Folder below the gateway's state in which packs wait that go to a bucket."""


def pack_folder(city: CityConfig, store: str) -> Path:
    """Return the folder of this machine in which packs are written."""
    return city.state / SPOOL if is_address(store) else Path(store)


def sealed_camera(city: CityConfig, config: CameraConfig, record: RegisterLink) -> SealedCamera | None:
    """Return what is sealed of a camera now; None where it seals nothing, or where the register does not announce it yet."""
    seal, identifier = config.seal, record.identifier(config.name)
    if seal is None or identifier is None or record.sealing(config.name) is None:
        return None
    return SealedCamera(
        origin=city.register.origin,
        camera=identifier,
        policy=seal.policy,
        custody=seal.custody,
        folder=pack_folder(city, seal.store),
        index=config.record.enabled,
    )

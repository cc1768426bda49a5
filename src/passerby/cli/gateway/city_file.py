"""Reading ``city.yml`` for a command: what needs the law is asked here, because the gateway knows none."""

from __future__ import annotations

from pathlib import Path

from passerby import law
from passerby.gateway import CityConfig, load_city


def read_city(path: Path) -> CityConfig:
    """Read ``city.yml``; faces are kept under a position of the law only that can grant an opening.

    Raises:
        ConfigError: anything is wrong.
    """
    # asked where a camera seals, and only then is the law loaded
    return load_city(path, can_open=lambda position: law.can_open(position))

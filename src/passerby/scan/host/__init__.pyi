from .host_scan import (
    scan_host,
)

__all__ = [
    "scan_host",
]

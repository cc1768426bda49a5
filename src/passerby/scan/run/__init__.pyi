from .scanning import (
    scan_target,
)
from .settings import (
    Progress,
    ScanSettings,
)

__all__ = [
    "Progress",
    "ScanSettings",
    "scan_target",
]

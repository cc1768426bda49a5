from .scanning import (
    scan_files,
    scan_target,
)
from .settings import (
    Progress,
    ScanSettings,
)

__all__ = [
    "Progress",
    "ScanSettings",
    "scan_files",
    "scan_target",
]

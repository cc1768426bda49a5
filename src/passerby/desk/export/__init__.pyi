from .exporting import (
    EXPORT_SUFFIXES,
    Exported,
    export_project,
)
from .keep_order import (
    KEEP_SUFFIX,
)

__all__ = [
    "EXPORT_SUFFIXES",
    "KEEP_SUFFIX",
    "Exported",
    "export_project",
]

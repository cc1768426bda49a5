from .exporting import (
    Exported,
    export_project,
)

__all__ = [
    "Exported",
    "export_project",
]

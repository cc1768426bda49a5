from .target import (
    BytesFile,
    DiskFile,
    shown_path,
)

__all__ = [
    "BytesFile",
    "DiskFile",
    "shown_path",
]

from .dropped import (
    DroppedFiles,
    HeldFile,
)
from .opened import (
    DeskFile,
    DeskFiles,
    file_to_json,
)
from .places import (
    ListedFolder,
    Places,
    media_folders,
)

__all__ = [
    "DeskFile",
    "DeskFiles",
    "DroppedFiles",
    "HeldFile",
    "ListedFolder",
    "Places",
    "file_to_json",
    "media_folders",
]

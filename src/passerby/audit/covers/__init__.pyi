from .deface import (
    ask_deface,
)
from .outputs import (
    FolderCovers,
)
from .pixels import (
    Mask,
    covered_pixels,
)
from .scene import (
    FIELDS,
    LIGHT,
    SceneGauge,
)
from .tools import (
    CoverTool,
    DefaceCovers,
    PasserbyCovers,
)

__all__ = [
    "FIELDS",
    "LIGHT",
    "CoverTool",
    "DefaceCovers",
    "FolderCovers",
    "Mask",
    "PasserbyCovers",
    "SceneGauge",
    "ask_deface",
    "covered_pixels",
]

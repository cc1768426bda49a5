from .component import (
    BinaryMarks,
    CodeMarks,
    Component,
    KnownFile,
    WiringMarks,
)
from .loading import (
    Catalogue,
    parse_component,
    read_catalogue,
)

__all__ = [
    "BinaryMarks",
    "Catalogue",
    "CodeMarks",
    "Component",
    "KnownFile",
    "WiringMarks",
    "parse_component",
    "read_catalogue",
]

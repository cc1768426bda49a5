from .component import (
    IDENTIFYING,
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
    "IDENTIFYING",
    "BinaryMarks",
    "Catalogue",
    "CodeMarks",
    "Component",
    "KnownFile",
    "WiringMarks",
    "parse_component",
    "read_catalogue",
]

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
from .schema import component_schema

__all__ = [
    "IDENTIFYING",
    "BinaryMarks",
    "Catalogue",
    "CodeMarks",
    "Component",
    "KnownFile",
    "WiringMarks",
    "component_schema",
    "parse_component",
    "read_catalogue",
]

from .component import (
    IDENTIFYING,
    BinaryMarks,
    CodeMarks,
    Component,
    KnownFile,
    WiringMarks,
)
from .embedders import (
    names_embedder,
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
    "names_embedder",
    "parse_component",
    "read_catalogue",
]

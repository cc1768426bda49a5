from .dimensions import (
    LABELLED,
    PERSONAL,
    SKIN,
)
from .reading import (
    read_annotated,
)
from .schemas_shown import (
    formats_text,
)
from .values import (
    IGNORED,
    AnnotatedData,
    AnnotatedFace,
    AnnotatedFootage,
    FootageKind,
)

__all__ = [
    "IGNORED",
    "LABELLED",
    "PERSONAL",
    "SKIN",
    "AnnotatedData",
    "AnnotatedFace",
    "AnnotatedFootage",
    "FootageKind",
    "formats_text",
    "read_annotated",
]

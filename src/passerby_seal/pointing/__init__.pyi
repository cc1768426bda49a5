from .index_part import (
    INDEX_FORMAT,
    IndexWriter,
    MakeHeader,
    PartHeader,
    PointedFace,
)
from .reading import (
    AskedSpan,
    pieces_at,
    read_index,
)

__all__ = [
    "INDEX_FORMAT",
    "AskedSpan",
    "IndexWriter",
    "MakeHeader",
    "PartHeader",
    "PointedFace",
    "pieces_at",
    "read_index",
]

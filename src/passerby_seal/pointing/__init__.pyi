from .index_part import (
    INDEX_FORMAT,
    IndexWriter,
    MakeHeader,
    PartHeader,
    PointedFace,
)
from .reading import (
    RequestDetails,
    pieces_at,
    read_index,
)

__all__ = [
    "INDEX_FORMAT",
    "IndexWriter",
    "MakeHeader",
    "PartHeader",
    "PointedFace",
    "RequestDetails",
    "pieces_at",
    "read_index",
]

from .bucket import (
    PackSink,
    SealBucket,
)
from .combining import (
    OpenedPiece,
    combine,
    open_piece,
)
from .context import (
    FILE_ORIGIN,
    FORMAT,
    BucketContext,
)
from .layout import (
    index_message,
)
from .on_record import (
    MOST_TEST_PIECES,
    FacePlan,
    OpeningRecord,
)
from .opening import (
    hold,
    release,
    unlock,
)
from .pack import (
    Pack,
)
from .parcels import (
    AuthorityBoxes,
    ShareParcel,
)
from .sealed import (
    LeafPath,
    PieceTree,
    SealedPiece,
)
from .shares import (
    PieceKey,
)
from .source import (
    PackBytes,
    PackFiles,
    PackSource,
)
from .writer import (
    PieceWriter,
)

__all__ = [
    "FILE_ORIGIN",
    "FORMAT",
    "MOST_TEST_PIECES",
    "AuthorityBoxes",
    "BucketContext",
    "FacePlan",
    "LeafPath",
    "OpenedPiece",
    "OpeningRecord",
    "Pack",
    "PackBytes",
    "PackFiles",
    "PackSink",
    "PackSource",
    "PieceKey",
    "PieceTree",
    "PieceWriter",
    "SealBucket",
    "SealedPiece",
    "ShareParcel",
    "combine",
    "hold",
    "index_message",
    "open_piece",
    "release",
    "unlock",
]

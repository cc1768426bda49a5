from .findings import (
    Explanation,
    LogProblem,
)
from .proof import (
    Proof,
    ProvenEntry,
    require,
)
from .reader import (
    LogReader,
    LogSnapshot,
)
from .trust import (
    POLICY,
    VKEY,
    follow,
    rotation_path,
)
from .watching import (
    LogVisit,
    watch,
)
from .whole_log import (
    LogReport,
    verify,
)
from .withheld import (
    Tombstone,
    WithheldBundle,
    read_withheld,
    withheld_paths,
)

__all__ = [
    "POLICY",
    "VKEY",
    "Explanation",
    "LogProblem",
    "LogReader",
    "LogReport",
    "LogSnapshot",
    "LogVisit",
    "Proof",
    "ProvenEntry",
    "Tombstone",
    "WithheldBundle",
    "follow",
    "read_withheld",
    "require",
    "rotation_path",
    "verify",
    "watch",
    "withheld_paths",
]

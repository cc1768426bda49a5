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
    "follow",
    "require",
    "rotation_path",
    "verify",
    "watch",
]

from .history import (
    LogProblem,
)
from .proof import (
    Proof,
    ProvenEntry,
    require,
)
from .reader import (
    LogReader,
    Snapshot,
)
from .trust import (
    POLICY,
    VKEY,
    rotation_path,
)
from .watching import (
    Visit,
    watch,
)
from .whole_log import (
    LogReport,
    verify,
)

__all__ = [
    "POLICY",
    "VKEY",
    "LogProblem",
    "LogReader",
    "LogReport",
    "Proof",
    "ProvenEntry",
    "Snapshot",
    "Visit",
    "require",
    "rotation_path",
    "verify",
    "watch",
]

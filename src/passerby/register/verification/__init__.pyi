from .checks import (
    Report,
    verify,
)
from .history import (
    Problem,
)
from .proof import (
    Proof,
    Proven,
    require,
)
from .reader import (
    Reader,
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

__all__ = [
    "POLICY",
    "VKEY",
    "Problem",
    "Proof",
    "Proven",
    "Reader",
    "Report",
    "Snapshot",
    "Visit",
    "require",
    "rotation_path",
    "verify",
    "watch",
]

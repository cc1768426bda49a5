from .access_log import (
    AccessLog,
    as_csv,
)
from .accounts import (
    RIGHTS,
    Account,
    Accounts,
    Right,
    Role,
    new_password,
)
from .certificate import (
    own_certificate,
)
from .gate import (
    AccountGate,
)
from .limits import (
    Limit,
)
from .sessions import (
    Session,
    Sessions,
    same,
)

__all__ = [
    "RIGHTS",
    "AccessLog",
    "Account",
    "AccountGate",
    "Accounts",
    "Limit",
    "Right",
    "Role",
    "Session",
    "Sessions",
    "as_csv",
    "new_password",
    "own_certificate",
    "same",
]

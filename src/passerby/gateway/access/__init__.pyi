from .access_log import (
    AccessLog,
    access_log_csv,
)
from .accounts import (
    ROLE_RIGHTS,
    Account,
    Accounts,
    LoginNeededError,
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
from .proofs import (
    PasswordProofs,
)
from .sessions import (
    LoginSession,
    LoginSessions,
    same_token,
)
from .sign_on import (
    SingleSignOn,
)

__all__ = [
    "ROLE_RIGHTS",
    "AccessLog",
    "Account",
    "AccountGate",
    "Accounts",
    "LoginNeededError",
    "LoginSession",
    "LoginSessions",
    "PasswordProofs",
    "Right",
    "Role",
    "SingleSignOn",
    "access_log_csv",
    "new_password",
    "own_certificate",
    "same_token",
]

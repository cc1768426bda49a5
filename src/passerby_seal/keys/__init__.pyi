from .buffers import (
    SECRET_BYTES,
    expand_into,
    prefixed,
    random_buffer,
    wipe,
    xor_into,
)
from .files import (
    AuthorityKey,
    CustodyKey,
    FileCustodyKey,
    RequesterKey,
    RoleKey,
)
from .hybrid import (
    BOX_BYTES,
    OpeningKey,
    SealingKey,
)
from .policy import (
    LEAST_NEEDED,
    MOST_AUTHORITIES,
    Authority,
    Custodian,
    SealPolicy,
    is_name,
    parse_policy,
    read_policy,
)

__all__ = [
    "BOX_BYTES",
    "LEAST_NEEDED",
    "MOST_AUTHORITIES",
    "SECRET_BYTES",
    "Authority",
    "AuthorityKey",
    "Custodian",
    "CustodyKey",
    "FileCustodyKey",
    "OpeningKey",
    "RequesterKey",
    "RoleKey",
    "SealPolicy",
    "SealingKey",
    "expand_into",
    "is_name",
    "parse_policy",
    "prefixed",
    "random_buffer",
    "read_policy",
    "wipe",
    "xor_into",
]

from .checking import (
    CheckedDeclaration,
    DeclarationOutcome,
    check_declaration,
    read_declaration,
)
from .signing import (
    NAMESPACE,
    check_signature,
)
from .statement import (
    Declaration,
    Promise,
)

__all__ = [
    "NAMESPACE",
    "CheckedDeclaration",
    "Declaration",
    "DeclarationOutcome",
    "Promise",
    "check_declaration",
    "check_signature",
    "read_declaration",
]

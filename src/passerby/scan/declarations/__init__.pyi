from .checking import (
    CheckedDeclaration,
    DeclarationOutcome,
    check_declaration,
    read_declaration,
)
from .signing import (
    NAMESPACE,
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
    "read_declaration",
]

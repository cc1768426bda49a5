from .book import (
    Book,
    load_book,
    overlay_names,
    position_names,
    read_overlay,
)
from .check import (
    FINDINGS,
)
from .clauses import (
    Clause,
    Literal,
    split,
    term,
)

__all__ = [
    "FINDINGS",
    "Book",
    "Clause",
    "Literal",
    "load_book",
    "overlay_names",
    "position_names",
    "read_overlay",
    "split",
    "term",
]

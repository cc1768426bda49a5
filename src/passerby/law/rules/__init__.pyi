from .book import (
    Book,
    load_book,
    position_names,
)
from .check import (
    FINDINGS,
)
from .clauses import (
    Clause,
    Literal,
    split_atom,
    word_term,
)
from .domains import (
    facts_behind,
    facts_for,
)
from .overlay import (
    LayerStatus,
    Overlay,
    overlay_names,
    read_overlay,
)

__all__ = [
    "FINDINGS",
    "Book",
    "Clause",
    "LayerStatus",
    "Literal",
    "Overlay",
    "facts_behind",
    "facts_for",
    "load_book",
    "overlay_names",
    "position_names",
    "read_overlay",
    "split_atom",
    "word_term",
]

from .policies import (
    read_policy,
)
from .prefilter import (
    Prefilter,
)
from .reading import (
    READERS,
    read_source,
)

__all__ = [
    "READERS",
    "Prefilter",
    "read_policy",
    "read_source",
]

from .judgement import (
    Judgement,
)
from .judging import (
    judge,
)
from .reading import (
    READERS,
)

__all__ = [
    "READERS",
    "Judgement",
    "judge",
]

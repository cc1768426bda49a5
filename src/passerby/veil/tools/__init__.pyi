from .demo import (
    Demo,
    run_demo,
)
from .doctor import (
    checks,
)

__all__ = [
    "Demo",
    "checks",
    "run_demo",
]

from .demo import (
    DemoResult,
    run_demo,
)
from .doctor import (
    doctor_checks,
)

__all__ = [
    "DemoResult",
    "doctor_checks",
    "run_demo",
]

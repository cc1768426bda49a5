from .demo import (
    DemoResult,
    run_demo,
)
from .doctor import (
    DoctorCheck,
    doctor_checks,
)

__all__ = [
    "DemoResult",
    "DoctorCheck",
    "doctor_checks",
    "run_demo",
]

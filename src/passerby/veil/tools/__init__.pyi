from .demo import (
    DemoResult,
    run_demo,
)
from .demo_clip import (
    PORTRAIT_FACE,
    PORTRAIT_HEAD,
    portrait_head,
)
from .doctor import (
    DoctorCheck,
    doctor_checks,
)
from .preview import (
    preview_sheet,
)

__all__ = [
    "PORTRAIT_FACE",
    "PORTRAIT_HEAD",
    "DemoResult",
    "DoctorCheck",
    "doctor_checks",
    "portrait_head",
    "preview_sheet",
    "run_demo",
]

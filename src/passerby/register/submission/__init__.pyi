from .app import (
    submission_app,
)
from .book import (
    GatewayRights,
    SubmissionBook,
)
from .client import (
    SubmissionClient,
)
from .intake import (
    Intake,
    IntakeSettings,
)
from .submission import (
    Refused,
    Submission,
)

__all__ = [
    "GatewayRights",
    "Intake",
    "IntakeSettings",
    "Refused",
    "Submission",
    "SubmissionBook",
    "SubmissionClient",
    "submission_app",
]

from .analysis import (
    Curve,
    RateCheck,
    ScoresAudit,
    audit_scores,
)
from .html_page import (
    scores_to_html,
)
from .plain_words import (
    cautions,
    station,
    support,
)
from .rates import (
    Rate,
)
from .report_values import (
    scores_schema,
    scores_to_csv,
    scores_to_json,
)
from .settings import (
    ScoresSettings,
)
from .sums import (
    Stratum,
)

__all__ = [
    "Curve",
    "Rate",
    "RateCheck",
    "ScoresAudit",
    "ScoresSettings",
    "Stratum",
    "audit_scores",
    "cautions",
    "scores_schema",
    "scores_to_csv",
    "scores_to_html",
    "scores_to_json",
    "station",
    "support",
]

from .analysis import (
    audit_veil,
)
from .card import (
    model_card,
    read_figures,
)
from .figures import (
    ExposureRate,
    Quantity,
    ToolDifference,
)
from .html_page import (
    veil_to_html,
)
from .plain_words import (
    difference_words,
    dimension_words,
    quantity_words,
    rate_words,
    veil_cautions,
)
from .report_values import (
    veil_schema,
    veil_to_csv,
    veil_to_json,
)
from .results import (
    ENOUGH_PEOPLE,
    DimensionTable,
    ToolResult,
    VeilAudit,
)
from .tables import (
    SIZES,
)
from .tally import (
    COVERED,
    SMALLEST_PX,
    CoverArea,
    ExposureTally,
    FaceFrame,
)

__all__ = [
    "COVERED",
    "ENOUGH_PEOPLE",
    "SIZES",
    "SMALLEST_PX",
    "CoverArea",
    "DimensionTable",
    "ExposureRate",
    "ExposureTally",
    "FaceFrame",
    "Quantity",
    "ToolDifference",
    "ToolResult",
    "VeilAudit",
    "audit_veil",
    "difference_words",
    "dimension_words",
    "model_card",
    "quantity_words",
    "rate_words",
    "read_figures",
    "veil_cautions",
    "veil_schema",
    "veil_to_csv",
    "veil_to_html",
    "veil_to_json",
]

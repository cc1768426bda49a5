from .cyclonedx import (
    report_to_cyclonedx,
)
from .facts import (
    FactsDraft,
    draft_facts,
)
from .html_page import (
    report_to_html,
)
from .json_values import (
    dump_json,
    read_schema,
    report_to_json,
)
from .listing import (
    catalogue_to_json,
    catalogue_to_text,
)
from .sarif import (
    report_to_sarif,
)
from .scanned import (
    ScanReport,
)
from .text import (
    report_to_text,
)
from .words import (
    ABILITY_SHORT,
    PRESENCE,
    RATING_WORDS,
    shown,
)

__all__ = [
    "ABILITY_SHORT",
    "PRESENCE",
    "RATING_WORDS",
    "FactsDraft",
    "ScanReport",
    "catalogue_to_json",
    "catalogue_to_text",
    "draft_facts",
    "dump_json",
    "read_schema",
    "report_to_cyclonedx",
    "report_to_html",
    "report_to_json",
    "report_to_sarif",
    "report_to_text",
    "shown",
]

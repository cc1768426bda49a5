from .assessment import (
    Assessment,
    assess_deployment,
    position_title,
)
from .changes import (
    Changes,
    changes_between,
    changes_to_json,
    changes_to_text,
)
from .html_page import (
    assessment_to_html,
    comparison_to_html,
)
from .json_values import (
    assessment_to_json,
    comparison_to_json,
    dump_json,
    facts_schema,
    read_schema,
    vocabulary_to_json,
)
from .letters import (
    Addressee,
    Letter,
    LetterCamera,
    LetterKind,
    draft_letter,
    letter_to_text,
)
from .text import (
    assessment_to_text,
    comparison_to_text,
    side_by_side_to_text,
)
from .wording import (
    Wording,
    wording_in,
)
from .words import (
    OUTCOME_TITLE,
)

__all__ = [
    "OUTCOME_TITLE",
    "Addressee",
    "Assessment",
    "Changes",
    "Letter",
    "LetterCamera",
    "LetterKind",
    "Wording",
    "assess_deployment",
    "assessment_to_html",
    "assessment_to_json",
    "assessment_to_text",
    "changes_between",
    "changes_to_json",
    "changes_to_text",
    "comparison_to_html",
    "comparison_to_json",
    "comparison_to_text",
    "draft_letter",
    "dump_json",
    "facts_schema",
    "letter_to_text",
    "position_title",
    "read_schema",
    "side_by_side_to_text",
    "vocabulary_to_json",
    "wording_in",
]

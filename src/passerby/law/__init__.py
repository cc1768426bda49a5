"""The law as code: positions as literate rule files, an engine, facts, verdicts, reports."""

from passerby.law.assess import DEFAULT_POSITION, assess, assess_all, provisions
from passerby.law.assessment import Assessment, assess_deployment, position_title
from passerby.law.contradictions import say
from passerby.law.engine import overlays, positions
from passerby.law.explain import help_texts
from passerby.law.facts_check import nearest
from passerby.law.facts_file import Deployment, parse_day, parse_deployment, read_deployment, read_folder
from passerby.law.find import find_lists, find_provisions
from passerby.law.interview import Interview, explain_fact, facts_to_yaml
from passerby.law.letters import Addressee, Kind, Letter, draft_letter, letter_to_text
from passerby.law.reference import OffenceList
from passerby.law.report_html import assessment_to_html, comparison_to_html
from passerby.law.report_json import (
    assessment_to_json,
    comparison_to_json,
    dump_json,
    facts_schema,
    read_schema,
    vocabulary_to_json,
)
from passerby.law.report_text import assessment_to_text, comparison_to_text, side_by_side_to_text
from passerby.law.report_words import OUTCOME_TITLE
from passerby.law.values import (
    UNKNOWN,
    Alternative,
    Certainty,
    Change,
    Duty,
    FactValue,
    FineTier,
    Later,
    OpenPoint,
    Outcome,
    Provision,
    Reason,
    Rule,
    Verdict,
)
from passerby.law.vocabulary import Fact, Vocabulary, vocabulary

__all__ = [  # noqa: RUF022 - the house sorts plainly
    "Addressee",
    "Alternative",
    "Assessment",
    "Certainty",
    "Change",
    "DEFAULT_POSITION",
    "Deployment",
    "Duty",
    "Fact",
    "FactValue",
    "FineTier",
    "Interview",
    "Kind",
    "Later",
    "Letter",
    "OUTCOME_TITLE",
    "OffenceList",
    "OpenPoint",
    "Outcome",
    "Provision",
    "Reason",
    "Rule",
    "UNKNOWN",
    "Verdict",
    "Vocabulary",
    "assess",
    "assess_all",
    "assess_deployment",
    "assessment_to_html",
    "assessment_to_json",
    "assessment_to_text",
    "comparison_to_html",
    "comparison_to_json",
    "comparison_to_text",
    "draft_letter",
    "dump_json",
    "explain_fact",
    "facts_schema",
    "facts_to_yaml",
    "find_lists",
    "find_provisions",
    "help_texts",
    "letter_to_text",
    "nearest",
    "overlays",
    "parse_day",
    "parse_deployment",
    "position_title",
    "positions",
    "provisions",
    "read_deployment",
    "read_folder",
    "read_schema",
    "say",
    "side_by_side_to_text",
    "vocabulary",
    "vocabulary_to_json",
]

from .check import (
    nearest_word,
)
from .contradictions import (
    is_affirmed,
    value_to_yaml,
)
from .defaults import (
    Facts,
    accept_facts,
)
from .file import (
    Deployment,
    parse_day,
    parse_deployment,
    read_deployment,
    read_deployments,
)
from .help import (
    fact_help,
)
from .interview import (
    Interview,
    facts_to_yaml,
)
from .stages import (
    Stage,
    stage_of,
)
from .terms import (
    Fact,
    Vocabulary,
    vocabulary,
)

__all__ = [
    "Deployment",
    "Fact",
    "Facts",
    "Interview",
    "Stage",
    "Vocabulary",
    "accept_facts",
    "fact_help",
    "facts_to_yaml",
    "is_affirmed",
    "nearest_word",
    "parse_day",
    "parse_deployment",
    "read_deployment",
    "read_deployments",
    "stage_of",
    "value_to_yaml",
    "vocabulary",
]

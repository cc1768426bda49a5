from .check import (
    nearest,
)
from .contradictions import (
    say,
)
from .defaults import (
    Facts,
    accept,
)
from .file import (
    Deployment,
    parse_day,
    parse_deployment,
    read_deployment,
    read_folder,
)
from .help import (
    help_texts,
)
from .interview import (
    Interview,
    explain_fact,
    facts_to_yaml,
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
    "Vocabulary",
    "accept",
    "explain_fact",
    "facts_to_yaml",
    "help_texts",
    "nearest",
    "parse_day",
    "parse_deployment",
    "read_deployment",
    "read_folder",
    "say",
    "vocabulary",
]

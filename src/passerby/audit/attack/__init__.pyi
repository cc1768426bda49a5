from .analysis import (
    STYLES,
    AttackAudit,
    AttackedCover,
    CoverKind,
    audit_attack,
)
from .gains import (
    AttackGain,
    AttackOutcome,
)
from .html_page import (
    attack_to_html,
)
from .limit import (
    BlendFound,
    BlendLimit,
)
from .plain_words import (
    attack_notes,
    cover_words,
    limit_words,
    share_words,
    summary_line,
)
from .portrait import (
    WonBack,
)
from .report_values import (
    attack_schema,
    attack_to_csv,
    attack_to_json,
)
from .settings import (
    AttackSettings,
)

__all__ = [
    "STYLES",
    "AttackAudit",
    "AttackGain",
    "AttackOutcome",
    "AttackSettings",
    "AttackedCover",
    "BlendFound",
    "BlendLimit",
    "CoverKind",
    "WonBack",
    "attack_notes",
    "attack_schema",
    "attack_to_csv",
    "attack_to_html",
    "attack_to_json",
    "audit_attack",
    "cover_words",
    "limit_words",
    "share_words",
    "summary_line",
]

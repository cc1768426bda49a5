from .catalogue import (
    Catalogue,
    Component,
    read_catalogue,
)
from .values import (
    Ability,
    Confidence,
    Ecosystem,
    Evidence,
    Finding,
    FindingKind,
    Observation,
    PackageMention,
    Rating,
    ScanResult,
    Unread,
    Weights,
)

__all__ = [
    "Ability",
    "Catalogue",
    "Component",
    "Confidence",
    "Ecosystem",
    "Evidence",
    "Finding",
    "FindingKind",
    "Observation",
    "PackageMention",
    "Rating",
    "ScanResult",
    "Unread",
    "Weights",
    "read_catalogue",
]

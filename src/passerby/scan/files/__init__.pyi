from .bounds import (
    Budget,
    ScanLimits,
)
from .documents import (
    XmlElement,
    read_json,
    read_text,
    read_toml,
    read_xml,
    read_yaml,
)
from .target import (
    BytesFile,
    DiskFile,
    shown_path,
)
from .unpack import (
    budget_for,
    unpacked,
)
from .walk import (
    Walked,
    walk_target,
)

__all__ = [
    "Budget",
    "BytesFile",
    "DiskFile",
    "ScanLimits",
    "Walked",
    "XmlElement",
    "budget_for",
    "read_json",
    "read_text",
    "read_toml",
    "read_xml",
    "read_yaml",
    "shown_path",
    "unpacked",
    "walk_target",
]

from .bounds import (
    Budget,
    ScanLimits,
)
from .documents import (
    XmlElement,
    list_of,
    read_json,
    read_text,
    read_toml,
    read_xml,
    read_yaml,
    table_of,
    text_of,
)
from .kinds import (
    is_packed,
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
    "is_packed",
    "list_of",
    "read_json",
    "read_text",
    "read_toml",
    "read_xml",
    "read_yaml",
    "shown_path",
    "table_of",
    "text_of",
    "unpacked",
    "walk_target",
]

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

__all__ = [
    "BytesFile",
    "DiskFile",
    "XmlElement",
    "read_json",
    "read_text",
    "read_toml",
    "read_xml",
    "read_yaml",
    "shown_path",
]

from .hints import (
    CR3_COMMAND,
    RAW_COMMAND,
    command_for,
)
from .picture import (
    Picture,
    read_picture,
)
from .writing import (
    FORMAT_OF_SUFFIX,
    READ_ONLY_SUFFIXES,
    UNASKED,
    write_picture,
)

__all__ = [
    "CR3_COMMAND",
    "FORMAT_OF_SUFFIX",
    "RAW_COMMAND",
    "READ_ONLY_SUFFIXES",
    "UNASKED",
    "Picture",
    "command_for",
    "read_picture",
    "write_picture",
]

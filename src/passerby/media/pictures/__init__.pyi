from .picture import (
    FORMAT_OF_SUFFIX,
    Picture,
    read_picture,
    write_picture,
)

__all__ = [
    "FORMAT_OF_SUFFIX",
    "Picture",
    "read_picture",
    "write_picture",
]

from .sealing import (
    SUFFIX,
    FileSealing,
    SealBeside,
    seal_beside,
)

__all__ = [
    "SUFFIX",
    "FileSealing",
    "SealBeside",
    "seal_beside",
]

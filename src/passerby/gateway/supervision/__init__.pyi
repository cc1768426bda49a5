from .seal_link import (
    SealLink,
)
from .supervisor import (
    CameraSupervisor,
)

__all__ = [
    "CameraSupervisor",
    "SealLink",
]

from .supervisor import (
    CameraSupervisor,
)

__all__ = [
    "CameraSupervisor",
]

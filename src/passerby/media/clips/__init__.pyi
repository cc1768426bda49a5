from .clip import (
    ClipInfo,
    Colour,
    probe,
)
from .encoder import (
    WriteSettings,
)
from .reader import (
    ClipReader,
    Frame,
    Seen,
    promise,
    read_ahead,
)
from .transcoder import (
    WriteReport,
    transcode,
)

__all__ = [
    "ClipInfo",
    "ClipReader",
    "Colour",
    "Frame",
    "Seen",
    "WriteReport",
    "WriteSettings",
    "probe",
    "promise",
    "read_ahead",
    "transcode",
]

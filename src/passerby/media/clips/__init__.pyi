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
    DecodeRecord,
    Frame,
    predict_record,
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
    "DecodeRecord",
    "Frame",
    "WriteReport",
    "WriteSettings",
    "predict_record",
    "probe",
    "read_ahead",
    "transcode",
]

from .clip import (
    ClipInfo,
    Colour,
    probe_clip,
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
    "probe_clip",
    "read_ahead",
    "transcode",
]

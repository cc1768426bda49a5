from .ahead import (
    read_ahead,
)
from .clip import (
    ClipInfo,
    Colour,
    probe_clip,
)
from .encoder import (
    HwAccel,
    WriteSettings,
)
from .hardware import (
    hardware_encoders,
)
from .reader import (
    ClipReader,
    DecodeRecord,
    Frame,
    predict_record,
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
    "HwAccel",
    "WriteReport",
    "WriteSettings",
    "hardware_encoders",
    "predict_record",
    "probe_clip",
    "read_ahead",
    "transcode",
]

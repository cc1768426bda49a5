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
    create_encoder,
    plan_encoding,
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
    "create_encoder",
    "hardware_encoders",
    "plan_encoding",
    "predict_record",
    "probe_clip",
    "read_ahead",
    "transcode",
]

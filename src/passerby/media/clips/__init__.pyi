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
from .in_memory import (
    CodedPicture,
    code_in_memory,
    plain_info,
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
    "CodedPicture",
    "Colour",
    "DecodeRecord",
    "Frame",
    "HwAccel",
    "WriteReport",
    "WriteSettings",
    "code_in_memory",
    "hardware_encoders",
    "plain_info",
    "predict_record",
    "probe_clip",
    "read_ahead",
    "transcode",
]

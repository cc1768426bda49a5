from .ahead import (
    read_ahead,
)
from .clip import (
    ClipInfo,
    Colour,
    open_clip,
    probe_clip,
    reading,
    video_stream,
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
from .packets import (
    RunningClock,
    demux,
)
from .reader import (
    ClipReader,
    DecodeRecord,
    Decoding,
    Frame,
    predict_record,
    prepare,
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
    "Decoding",
    "Frame",
    "HwAccel",
    "RunningClock",
    "WriteReport",
    "WriteSettings",
    "create_encoder",
    "demux",
    "hardware_encoders",
    "open_clip",
    "plan_encoding",
    "predict_record",
    "prepare",
    "probe_clip",
    "read_ahead",
    "reading",
    "transcode",
    "video_stream",
]

from .clips import (
    ClipInfo,
    ClipReader,
    Colour,
    DecodeRecord,
    Frame,
    HwAccel,
    WriteReport,
    WriteSettings,
    hardware_encoders,
    predict_record,
    probe_clip,
    read_ahead,
    transcode,
)
from .content import (
    Content,
    ContentKind,
    sniff_file,
)
from .fields import (
    FieldGauge,
    moments,
    one_field,
    progressive_frames,
)
from .frames import (
    cover_whole,
    frame_planes,
    scaled_luma,
    scaled_rgb,
)
from .guard import (
    Protection,
    protect_process,
)
from .h264 import (
    NalType,
    ParameterSets,
    ReferenceLosses,
    build_avcc,
    find_parameter_sets,
    nal_type,
    nal_units,
)
from .in_memory import (
    CodedPicture,
    code_in_memory,
    plain_info,
)
from .manifest import (
    MANIFEST_SUFFIX,
    FileDigest,
    build_manifest,
    digest_named,
    library_versions,
    plain_values,
    write_manifest,
)
from .outputs import (
    OutputJob,
    plan_outputs,
)
from .pictures import (
    UNASKED,
    Picture,
    read_picture,
    write_picture,
)
from .seeking import (
    ClipSeeker,
    FrameIndex,
)
from .sources import (
    VEILED,
    Inputs,
    InputSource,
    SkippedInput,
    SourceKind,
    expand_inputs,
    may_hold_footage,
)
from .spheres import (
    Sphere,
    StereoLayout,
)
from .undecodable import (
    H264_HINT,
    DecodePatience,
    DecodeWatch,
)

__all__ = [
    "H264_HINT",
    "MANIFEST_SUFFIX",
    "UNASKED",
    "VEILED",
    "ClipInfo",
    "ClipReader",
    "ClipSeeker",
    "CodedPicture",
    "Colour",
    "Content",
    "ContentKind",
    "DecodePatience",
    "DecodeRecord",
    "DecodeWatch",
    "FieldGauge",
    "FileDigest",
    "Frame",
    "FrameIndex",
    "HwAccel",
    "InputSource",
    "Inputs",
    "NalType",
    "OutputJob",
    "ParameterSets",
    "Picture",
    "Protection",
    "ReferenceLosses",
    "SkippedInput",
    "SourceKind",
    "Sphere",
    "StereoLayout",
    "WriteReport",
    "WriteSettings",
    "build_avcc",
    "build_manifest",
    "code_in_memory",
    "cover_whole",
    "digest_named",
    "expand_inputs",
    "find_parameter_sets",
    "frame_planes",
    "hardware_encoders",
    "library_versions",
    "may_hold_footage",
    "moments",
    "nal_type",
    "nal_units",
    "one_field",
    "plain_info",
    "plain_values",
    "plan_outputs",
    "predict_record",
    "probe_clip",
    "progressive_frames",
    "protect_process",
    "read_ahead",
    "read_picture",
    "scaled_luma",
    "scaled_rgb",
    "sniff_file",
    "transcode",
    "write_manifest",
    "write_picture",
]

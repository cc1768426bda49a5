from .clips import (
    ClipInfo,
    ClipReader,
    Colour,
    DecodeRecord,
    Frame,
    WriteReport,
    WriteSettings,
    predict_record,
    probe,
    read_ahead,
    transcode,
)
from .content import (
    Content,
    ContentKind,
    sniff,
)
from .frames import (
    blank,
    luma,
    planes,
    rgb,
)
from .guard import (
    Protection,
    protect_process,
    protection_now,
)
from .h264 import (
    NalType,
    ParameterSets,
    build_avcc,
    find_parameter_sets,
    nal_type,
    nal_units,
)
from .manifest import (
    FileDigest,
    as_plain,
    build_manifest,
    digest_named,
    versions,
    write_manifest,
)
from .outputs import (
    Job,
    plan_outputs,
)
from .pictures import (
    Picture,
    read_picture,
    write_picture,
)
from .sources import (
    Inputs,
    InputSource,
    Skipped,
    SourceKind,
    expand_inputs,
)

__all__ = [
    "ClipInfo",
    "ClipReader",
    "Colour",
    "Content",
    "ContentKind",
    "DecodeRecord",
    "FileDigest",
    "Frame",
    "InputSource",
    "Inputs",
    "Job",
    "NalType",
    "ParameterSets",
    "Picture",
    "Protection",
    "Skipped",
    "SourceKind",
    "WriteReport",
    "WriteSettings",
    "as_plain",
    "blank",
    "build_avcc",
    "build_manifest",
    "digest_named",
    "expand_inputs",
    "find_parameter_sets",
    "luma",
    "nal_type",
    "nal_units",
    "plan_outputs",
    "planes",
    "predict_record",
    "probe",
    "protect_process",
    "protection_now",
    "read_ahead",
    "read_picture",
    "rgb",
    "sniff",
    "transcode",
    "versions",
    "write_manifest",
    "write_picture",
]

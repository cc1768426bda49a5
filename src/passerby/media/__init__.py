"""Reading and writing pictures, files and streams: timestamps, rotation, colour, audio, metadata."""

from passerby.media.clip import ClipInfo, Colour, probe
from passerby.media.clipread import ClipReader, Frame, Seen, promise, read_ahead
from passerby.media.encoder import WriteSettings
from passerby.media.frames import blank, luma, planes, rgb
from passerby.media.guard import Protection, protect_process, protection_now
from passerby.media.manifest import FileDigest, as_plain, build_manifest, digest_named, versions, write_manifest
from passerby.media.outputs import Job, plan_outputs
from passerby.media.picture import Picture, read_picture, write_picture
from passerby.media.sniff import Content, Kind, sniff
from passerby.media.sources import Inputs, Skipped, Source, SourceKind, expand_inputs
from passerby.media.transcode import WriteReport, transcode
from passerby.media.whole import check_target, unwind_on_signals, whole_file

__all__ = [
    "ClipInfo",
    "ClipReader",
    "Colour",
    "Content",
    "FileDigest",
    "Frame",
    "Inputs",
    "Job",
    "Kind",
    "Picture",
    "Protection",
    "Seen",
    "Skipped",
    "Source",
    "SourceKind",
    "WriteReport",
    "WriteSettings",
    "as_plain",
    "blank",
    "build_manifest",
    "check_target",
    "digest_named",
    "expand_inputs",
    "luma",
    "plan_outputs",
    "planes",
    "probe",
    "promise",
    "protect_process",
    "protection_now",
    "read_ahead",
    "read_picture",
    "rgb",
    "sniff",
    "transcode",
    "unwind_on_signals",
    "versions",
    "whole_file",
    "write_manifest",
    "write_picture",
]

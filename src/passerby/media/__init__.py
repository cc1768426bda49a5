"""Reading and writing pictures, files and streams: timestamps, rotation, colour, audio, metadata."""

from passerby.media.clip import ClipInfo, Colour, probe
from passerby.media.clipread import ClipReader, Frame, Seen, read_ahead
from passerby.media.encoder import ClipSettings
from passerby.media.frames import blank, luma, planes, rgb
from passerby.media.picture import Picture, read_picture, write_picture
from passerby.media.sniff import Content, Kind, sniff
from passerby.media.transcode import WriteReport, transcode
from passerby.media.whole import check_target, unwind_on_signals, whole_file

__all__ = [
    "ClipInfo",
    "ClipReader",
    "ClipSettings",
    "Colour",
    "Content",
    "Frame",
    "Kind",
    "Picture",
    "Seen",
    "WriteReport",
    "blank",
    "check_target",
    "luma",
    "planes",
    "probe",
    "read_ahead",
    "read_picture",
    "rgb",
    "sniff",
    "transcode",
    "unwind_on_signals",
    "whole_file",
    "write_picture",
]

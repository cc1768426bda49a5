"""Reading and writing pictures, files and streams: timestamps, rotation, colour, audio, metadata."""

from passerby.media.picture import Picture, read_picture, write_picture
from passerby.media.sniff import Content, Kind, sniff
from passerby.media.whole import check_target, unwind_on_signals, whole_file

__all__ = [
    "Content",
    "Kind",
    "Picture",
    "check_target",
    "read_picture",
    "sniff",
    "unwind_on_signals",
    "whole_file",
    "write_picture",
]

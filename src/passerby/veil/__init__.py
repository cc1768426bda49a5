"""Find, follow and cover faces, in a file or a live stream. Identifies nobody.

A file in, a file out::

    from pathlib import Path
    from passerby import veil

    done = veil.veil_file(Path("in.mp4"), Path("out.mp4"))
    print(done.report.frames, done.report.covered_share)
"""

from passerby.veil.cover import Painter
from passerby.veil.detector import Detector
from passerby.veil.file import Veiled, veil_file
from passerby.veil.live import LiveFrame, LiveSettings, LiveVeil, veil_frames
from passerby.veil.report import VeilReport
from passerby.veil.settings import CoverSettings, FindSettings, Style, VeilSettings, WriteSettings
from passerby.veil.verify import Verdict, verify_file

__all__ = [
    "CoverSettings",
    "Detector",
    "FindSettings",
    "LiveFrame",
    "LiveSettings",
    "LiveVeil",
    "Painter",
    "Style",
    "VeilReport",
    "VeilSettings",
    "Veiled",
    "Verdict",
    "WriteSettings",
    "veil_file",
    "veil_frames",
    "verify_file",
]

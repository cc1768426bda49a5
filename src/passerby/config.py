"""Where Passerby finds its own files. Settings of each job are one frozen value beside the job."""

from __future__ import annotations

from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
"""Files that the build hook copied in: ``centerface.onnx``, ``portrait.png``, ``NOTICE.txt``."""
WEIGHTS = ASSETS / "centerface.onnx"
PORTRAIT = ASSETS / "portrait.png"

"""What is said of a file that Passerby cannot veil: what was wanted, what came, and the command that helps."""

from __future__ import annotations

import shlex
from pathlib import Path

from passerby.errors import UnsupportedError
from passerby.media.content import CLIP_NAMES, PICTURE_NAMES, Content, ContentKind
from passerby.objects import StoredPath

RECORDER_SUFFIXES = frozenset({
    ".264", ".265", ".arv", ".ave", ".avd", ".bvr", ".dav", ".dvr", ".g64", ".g64x", ".h264", ".h265", ".hik", ".ifv", ".ivr",
    ".mfs", ".nvr", ".psf", ".sdv", ".trp", ".ubv", ".vse",
})  # fmt: skip
"""How files of video recorders end; whatever such a file holds, it is footage that somebody counts on."""

_MAGICK = "magick {file} {stem}.png"
_RAW = "darktable-cli {file} {stem}.jpg"
_HEIF = "heif-convert {file} {stem}.jpg"
_COMMANDS = {
    "BMP": _MAGICK,
    "BigTIFF": _MAGICK,
    "MNG": _MAGICK,
    "JNG": _MAGICK,
    "JPEG 2000": _MAGICK,
    "Photoshop": _MAGICK,
    "JPEG XL": "djxl {file} {stem}.png",
    "HEIC": _HEIF,
    "HEIF": _HEIF,
    "AVIF": _HEIF,
    "GIF": "ffmpeg -i {file} {stem}.mp4",
    "Fujifilm raw": _RAW,
    "Panasonic raw": _RAW,
    "Canon raw": _RAW,
    "a PDF document": "pdftoppm -r 200 -png {file} {stem}",
    "a ZIP archive or office document": "unzip {file} -d {stem}",
    "a gzip archive": "gunzip -k {file}",
    "data of an unknown format": "ffmpeg -i {file} -c copy {stem}.mp4",
}


def refusal(path: Path, content: Content) -> UnsupportedError:
    """Return the error for a file that is no picture or clip which Passerby writes."""
    command = _COMMANDS.get(content.name)
    if command is None and path.suffix.lower() in RECORDER_SUFFIXES:
        command = _COMMANDS["data of an unknown format"]
    hint = None
    if command is not None:
        here = Path(path.name) if isinstance(path, StoredPath) else path
        said = command.format(file=shlex.quote(str(here)), stem=shlex.quote(str(here.with_suffix(""))))
        first = "try this first" if here is path else "fetch it from the store, try this"
        hint = f"{first}, and veil what it writes: {said}"
        if content.kind is ContentKind.UNKNOWN:
            hint = f"export it as MP4 with the recorder's own program; or {hint}"
    wanted = ", ".join((*PICTURE_NAMES, *CLIP_NAMES))
    return UnsupportedError(f"input must be one of {wanted}; got {content.name}: {path}", hint=hint)

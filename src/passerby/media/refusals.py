"""What is said of a file that Passerby cannot veil: what was wanted, what came, and the command that helps."""

from __future__ import annotations

from pathlib import Path

from passerby.errors import UnsupportedError
from passerby.media.content import CLIP_NAMES, PICTURE_NAMES, Content, ContentKind
from passerby.media.pictures import CR3_COMMAND, RAW_COMMAND, command_for
from passerby.objects import StoredPath

RECORDER_SUFFIXES = frozenset({
    ".264", ".265", ".arv", ".ave", ".avd", ".bvr", ".dav", ".dvr", ".g64", ".g64x", ".h264", ".h265", ".hik", ".ifv", ".ivr",
    ".mfs", ".nvr", ".psf", ".sdv", ".trp", ".ubv", ".vse",
})  # fmt: skip
"""How files of video recorders end; whatever such a file holds, it is footage that somebody counts on."""

_MAGICK = "magick {file} {stem}.png"
_FFMPEG = "ffmpeg -i {file} {stem}.png"
_COMMANDS = {
    "BigTIFF": "magick {file} {stem}_plain.tif",
    "MNG": _MAGICK,
    "JNG": _MAGICK,
    "JPEG 2000": _FFMPEG,
    "Photoshop": _FFMPEG,
    "Canon CR3 raw": CR3_COMMAND,
    "JPEG XL": "djxl {file} {stem}.png",
    "HEIF sequence": "ffmpeg -i {file} {stem}.mp4",
    "a PDF document": "pdftoppm -r 200 -png {file} {stem}",
    "a ZIP archive or office document": "unzip {file} -d {stem}",
    "a gzip archive": "gunzip -k {file}",
    "data of an unknown format": "ffmpeg -i {file} -crf 17 {stem}.mp4",
}


def refusal(path: Path, content: Content) -> UnsupportedError:
    """Return the error for a file that is no picture or clip which Passerby writes."""
    command = _COMMANDS.get(content.name, RAW_COMMAND if content.name.endswith(" raw") else None)
    hint = None
    if command is None and path.suffix.lower() in RECORDER_SUFFIXES:
        hint = "nothing in it is footage: copy the recording once more from its recorder, or export it there as MP4"
    if command is not None:
        first = "fetch it from the store, try this" if isinstance(path, StoredPath) else "try this first"
        hint = f"{first}, and veil what it writes: {command_for(command, path)}"
        if content.kind is ContentKind.UNKNOWN:
            hint = f"export it as MP4 with the recorder's own program; or {hint}"
    wanted = ", ".join((*PICTURE_NAMES, *CLIP_NAMES))
    return UnsupportedError(f"input must be one of {wanted}; got {content.name}: {path}", hint=hint)

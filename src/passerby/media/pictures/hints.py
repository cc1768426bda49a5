"""Commands of other programs that people are told of, written so that they work when pasted into a shell."""

from __future__ import annotations

import shlex
from pathlib import Path

from passerby.objects import StoredPath


def command_for(template: str, path: Path) -> str:
    """Return a command for a file.

    Args:
        template: With ``{file}`` for the file, and ``{stem}`` for its name without the suffix; what is put behind ``{stem}``
            becomes part of the name. Where that would be the file itself, ``_plain`` stands between them.
        path: The file.

    >>> command_for("djxl {file} {stem}.png", Path("my holiday.jxl"))
    "djxl 'my holiday.jxl' 'my holiday'.png"
    >>> command_for("djxl {file} {stem}.png", Path("really.png"))
    'djxl really.png really_plain.png'
    """
    if isinstance(path, StoredPath):
        path = Path(path.name)  # as it is called once it was fetched
    name = str(path) if not str(path).startswith("-") else f"./{path}"
    stem = name.removesuffix(path.suffix)
    if stem + template.partition("{stem}")[2].partition(" ")[0] == name:
        stem += "_plain"
    return template.format(file=shlex.quote(name), stem=shlex.quote(stem))


RAW_COMMAND = "dcraw -c -w -T {file} > {stem}_developed.tif"
"""Develops most raw photographs of cameras up to 2018. Tried with dcraw 9.28 on files that a script wrote."""
DNG_COMMAND = "ffmpeg -i {file} {stem}.png"
CR3_COMMAND = "exiftool -b -JpgFromRaw {file} > {stem}.jpg"
"""Takes out the JPEG of full size that the camera put in: dcraw does not know the format."""
SAVE_WHOLE_NUMBERS = "save it with 8 or 16 bits a channel first: magick {file} -depth 16 {stem}_plain.png"
SAVE_PLAIN_COLOURS = "save it as 8-bit RGB first: magick {file} -colorspace sRGB -depth 8 {stem}_plain.png"

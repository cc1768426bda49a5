"""``passerby desk --install``: an entry by which the desk is opened without a command line.

Tried on Linux. What is written for Windows and macOS has never been tried there.

Source: Desktop Entry Specification 1.5 (quoting of ``Exec``), XDG Base Directory Specification, Icon Theme Specification.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from passerby.errors import UsageError
from passerby.files import write_atomic
from passerby.web import DESK_ICON

NAME = "passerby-desk"
_KINDS = (
    "video/mp4;video/quicktime;video/x-matroska;video/webm;video/x-msvideo;video/mpeg;video/mp2t;video/x-ms-wmv;image/jpeg;"
    "image/png;image/webp;image/tiff;inode/directory;"
)
_ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.5
Name=Passerby desk
Name[de]=Passerby-Pult
Name[fr]=Pupitre Passerby
Comment=Hide the faces in pictures and clips, on this machine
Comment[de]=Gesichter in Bildern und Videos verdecken, auf diesem Rechner
Comment[fr]=Masquer les visages des photos et des vidéos, sur cette machine
Exec={command} %F
Icon={name}
Terminal=false
Categories=AudioVideo;Graphics;
MimeType={kinds}
"""


@dataclass(frozen=True, slots=True)
class EntryPlace:
    """For whom, and where, an entry is written.

    Attributes:
        home: The user's folder.
        environ: Of the process.
        platform: As ``sys.platform`` says it.
        command: That opens the desk.
    """

    home: Path = field(default_factory=Path.home)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    platform: str = sys.platform
    command: Sequence[str] = (sys.executable, "-P", "-m", "passerby", "desk")


def install_entry(place: EntryPlace) -> list[Path]:
    """Write the entry, and return what was written, first what is clicked; an older one is replaced.

    Raises:
        OutputError: it cannot be written.
        UsageError: the system's folder for it is not known.
    """
    if place.platform == "win32":
        return _write(_windows_menu(place) / "Passerby desk.cmd", _windows_command(place.command))
    if place.platform == "darwin":
        text = f"#!/bin/sh\nexec {shlex.join(place.command)}\n"
        return _write(place.home / "Applications" / "Passerby desk.command", text, mode=0o777)
    data = Path(place.environ.get("XDG_DATA_HOME", ""))
    data = data if data.is_absolute() else place.home / ".local" / "share"
    entry = _ENTRY.format(command=exec_line(place.command), name=NAME, kinds=_KINDS)
    icon = data / "icons" / "hicolor" / "scalable" / "apps" / f"{NAME}.svg"
    return _write(data / "applications" / f"{NAME}.desktop", entry) + _write(
        icon, DESK_ICON.read_text(encoding="utf-8")
    )


def exec_line(command: Sequence[str]) -> str:
    r"""Return a command as ``Exec`` of a desktop entry has it: each part quoted, and the file's own escapes on top.

    >>> print(exec_line(["/opt/a b/python", "-m", "100%"]))
    "/opt/a b/python" "-m" "100%%"
    """
    quoted = []
    for part in command:
        for letter in '\\"`$':
            part = part.replace(letter, "\\" + letter)
        quoted.append('"' + part.replace("%", "%%") + '"')
    return " ".join(quoted).replace("\\", "\\\\")


def _windows_menu(place: EntryPlace) -> Path:
    roaming = place.environ.get("APPDATA", "")
    if not roaming:
        raise UsageError("APPDATA must name the user's folder for programs' data, is not set")
    return Path(roaming) / "Microsoft" / "Windows" / "Start Menu" / "Programs"


def _windows_command(command: Sequence[str]) -> str:
    quoted = " ".join('"' + part.replace("%", "%%") + '"' for part in command)
    return f"@echo off\r\n{quoted} %*\r\n"


def _write(path: Path, text: str, *, mode: int = 0o666) -> list[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text.encode(), mode=mode)
    return [path]

"""Where ``{PASSERBY_...}`` is replaced by a secret: in passwords and tokens, and in the login of a camera's or server's address.

Nowhere else, whoever wrote the text: a name or address that a device told, or that goes into the public register, must not pull
a secret out of the environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from passerby.errors import ConfigError
from passerby.gateway.config.city import CityConfig
from passerby.gateway.config.key import Path_, Secret, SecretPart, Section, hints_of, marks_of
from passerby.gateway.config.refused import section_in

SECRET = re.compile(r"\{(PASSERBY_[A-Z0-9_]+)\}")
# the login ends at the last @ before the path, as it does where the address is taken apart
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(@.*)", re.DOTALL)


class SecretText(NamedTuple):
    """A text, cut around the part that may hold secrets."""

    before: str
    inside: str
    after: str


def cut_for_secrets(text: str, path: Path_) -> SecretText:
    """Cut a value of the file around the part into which secrets are put; that is empty where none may be.

    >>> cut_for_secrets("rtsp://u:{PASSERBY_A}@h/{PASSERBY_B}", ("cameras", "hall"))
    SecretText(before='rtsp://', inside='u:{PASSERBY_A}', after='@h/{PASSERBY_B}')
    >>> cut_for_secrets("{PASSERBY_A}", ("cameras", "hall", "friendly_name")).inside
    ''
    """
    part = secret_part(CityConfig, path)
    if part is SecretPart.WHOLE:
        return SecretText("", text, "")
    found = _ADDRESS.fullmatch(text) if part is SecretPart.LOGIN else None
    return SecretText(*found.groups()) if found is not None else SecretText(text, "", "")


def secret_part(section: type[Section], path: Path_) -> SecretPart | None:
    """Return which part of the value at a path below a section may hold secrets, by the mark of its key."""
    here: type[Section] | None = section
    parts = list(path)
    while here is not None and parts:
        hint = hints_of(here).get(str(parts.pop(0)))
        inner, many = section_in(hint)
        if not parts:
            return next((mark.part for mark in marks_of(hint) if isinstance(mark, Secret)), None)
        here = inner
        if many:
            parts.pop(0)
    # a camera that is written as its address alone
    return SecretPart.LOGIN if here is not None and "source" in hints_of(here) else None


class SecretStore:
    """Finds secrets by name: first in the environment, then as files.

    Args:
        environment: Variables.
        folders: Where a name may stand as a file; also as systemd names it that loads a whole folder, ``secrets_NAME``.

    Source: systemd.exec(5), LoadCredential=: each file of a folder is loaded as ID_FILENAME.
    """

    def __init__(self, environment: Mapping[str, str], folders: tuple[Path, ...] = ()) -> None:
        self._environment, self._folders = environment, folders

    def find(self, name: str) -> str | None:
        """Return a secret, or None where it is not set.

        Raises:
            ConfigError: its file cannot be read.
        """
        if name in self._environment:
            return self._environment[name]
        for place in (folder / file for folder in self._folders for file in (name, f"secrets_{name}")):
            try:
                return place.read_text("utf-8").rstrip("\r\n")
            except FileNotFoundError:
                continue
            except (OSError, UnicodeDecodeError) as exc:
                raise ConfigError(f"secret {name} must be readable, got {type(exc).__name__}") from exc
        return None

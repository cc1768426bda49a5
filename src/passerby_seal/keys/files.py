"""Private keys as files that only their owner can read: of an authority, of a requester, of a custodian for a camera and hour.

Two lines: what the key is, as JSON, and the secret in hex. A file that anybody else may read is refused.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import rfc8785

from passerby.errors import StorageError, UsageError
from passerby.files import atomic_file
from passerby_seal.keys.buffers import SECRET_BYTES, random_buffer, wipe
from passerby_seal.keys.hybrid import OpeningKey
from passerby_seal.refusals import KeyFormatError

FORMAT = "passerby-seal-key/1"
_MOST_BYTES = 4096
_HEX = 2 * SECRET_BYTES


class RoleKey(OpeningKey):
    """A private key that knows what it is for, so that none is taken for another."""

    role: ClassVar[str]
    fields: ClassVar[tuple[str, ...]] = ("name",)
    optional: ClassVar[tuple[str, ...]] = ()

    def __init__(self, seed: bytearray, about: Mapping[str, str]) -> None:
        """Hold a key and what stands in its file.

        Raises:
            KeyFormatError: what is said of it is not what its role needs.
        """
        if not set(self.fields) <= set(about) <= {*self.fields, *self.optional}:
            raise KeyFormatError(f"key of a {self.role} must tell {', '.join(self.fields)}, got {', '.join(about)}")
        super().__init__(seed)
        self.about = dict(about)

    @classmethod
    def make(cls, **about: str) -> Self:
        """Make a new key."""
        return cls(random_buffer(), about)

    def save(self, path: Path) -> None:
        """Write the key to a new file with mode 0600, durable when this returns.

        Raises:
            UsageError: the file is there already.
            OutputError: it cannot be written.
        """
        head = rfc8785.dumps({"format": FORMAT, "role": self.role, **self.about})
        text = bytearray(head + b"\n" + bytes(_HEX) + b"\n")
        for place, value in enumerate(self.seed):
            at = len(head) + 1 + 2 * place
            text[at : at + 2] = b"%02x" % value
        try:
            with atomic_file(path, overwrite=False, mode=0o600) as beside:
                beside.write_bytes(text)
        except UsageError as exc:
            raise UsageError(
                f"key {path} must not exist yet", hint="choose another name: no key is overwritten"
            ) from exc
        finally:
            wipe(text)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file.

        Raises:
            StorageError: it cannot be read, or others may read it.
            KeyFormatError: it is no key file, or of another role.
        """
        text = _read_private(path)
        head, _, line = text.partition(b"\n")
        try:
            about = json.loads(head)
            seed = _from_hex(line)
        except (ValueError, RecursionError) as exc:
            raise KeyFormatError(f"key {path} must be two lines, JSON and {_HEX} hex digits") from exc
        finally:
            wipe(text, line)
        if not isinstance(about, dict) or not all(isinstance(said, str) for said in about.values()):
            raise KeyFormatError(f"key {path} must say in text what it is")
        if about.pop("format", None) != FORMAT:
            raise KeyFormatError(f"key {path} must be of the format {FORMAT}")
        role = about.pop("role", None)
        if role != cls.role:
            raise KeyFormatError(f"key {path} must be of role {cls.role}, got {role}")
        return cls(seed, about)


class AuthorityKey(RoleKey):
    """Of one authority: opens its box of seeds."""

    role = "authority"


class RequesterKey(RoleKey):
    """Of who asked: opens the shares that authorities release."""

    role = "requester"


class CustodyKey(RoleKey):
    """Of a custodian, for one camera and one hour (``2026-11-30T10``); destroyed when the retention ends.

    It may tell the retention in force when it was made, so that a longer one that comes later does not lengthen its life.
    """

    role = "custodian"
    fields = ("camera", "hour")
    optional = ("retention_s",)

    @classmethod
    def told_retention_s(cls, path: Path) -> int | None:
        """Return the retention under which a key was made, in seconds; None where its file, or it, does not tell.

        The secret itself is not used, and the bytes read are overwritten.
        """
        try:
            text = _read_private(path)
        except StorageError:
            return None
        try:
            about = json.loads(text[: text.find(b"\n")])
            return int(about["retention_s"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        finally:
            wipe(text)


class FileCustodyKey(RoleKey):
    """Of a custodian, for files that are veiled: whatever was sealed to it can be opened until it is destroyed."""

    role = "custodian of files"


def _read_private(path: Path) -> bytearray:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(handle, "rb", buffering=0) as file:
            mode = stat.S_IMODE(os.fstat(handle).st_mode)
            text = bytearray(_MOST_BYTES)
            del text[file.readinto(text) or 0 :]
    except OSError as exc:
        raise StorageError(f"key {path} cannot be read: {exc.strerror or exc}") from exc
    if os.name != "nt" and mode & 0o077:
        wipe(text)
        raise StorageError(
            f"key {path} must be readable by its owner only, got mode {mode:04o}",
            hint=f"chmod 600 {path}, and change the key if others may have read it",
        )
    return text


def _from_hex(line: bytearray) -> bytearray:
    if len(line) != _HEX + 1 or line[-1:] != b"\n" or any(digit not in b"0123456789abcdef" for digit in line[:_HEX]):
        raise ValueError("not the hex digits of a secret")
    return bytearray(int(line[at : at + 2], 16) for at in range(0, _HEX, 2))

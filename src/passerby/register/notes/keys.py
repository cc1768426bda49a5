"""Private keys as files that only their owner can read, and the door for keys that live elsewhere (``note.Signer``).

The file holds one line, ``PRIVATE+KEY+name+hash+base64``, as Go's note package writes it. A file that anyone else may read
is refused: whoever can read the key can sign a second history.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from passerby.errors import FormatError, StorageError, UsageError
from passerby.files import write_atomic
from passerby.register.notes.note import ED25519, VerifierKey, decode_base64, encode_base64
from passerby.register.storage import as_storage_errors

_PREFIX = "PRIVATE+KEY+"
_SEED_BYTES = 32


class FileSigner:
    """An Ed25519 key in this process's memory, from a file or fresh."""

    def __init__(self, name: str, kind: int, seed: bytes) -> None:
        """Hold a key.

        Raises:
            FormatError: the name, type or seed cannot be one.
        """
        if len(seed) != _SEED_BYTES:
            raise FormatError(f"private key must be {_SEED_BYTES} bytes, got {len(seed)}")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._key = VerifierKey(name, kind, self._private.public_key().public_bytes_raw())

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        return self._key

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature over the message."""
        return self._private.sign(message)

    @classmethod
    def fresh(cls, name: str, kind: int = ED25519) -> FileSigner:
        """Make a new key.

        Raises:
            FormatError: the name cannot be a key's.
        """
        return cls(name, kind, os.urandom(_SEED_BYTES))

    @classmethod
    def load(cls, path: Path) -> FileSigner:
        """Read a key file.

        Raises:
            StorageError: it cannot be read, or others may read it.
            FormatError: it is no key file.
        """
        with as_storage_errors(f"key {path} cannot be read"):
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(fd, "rb") as file:
                mode = stat.S_IMODE(os.fstat(fd).st_mode)
                text = file.read(4096)
        if mode & 0o077:
            raise StorageError(
                f"key {path} must be readable by its owner only, got mode {mode:04o}",
                hint=f"chmod 600 {path}, and change the key if others may have read it",
            )
        return cls._parse(text, path)

    def save(self, path: Path) -> None:
        """Write the key to a new file with mode 0600, durable when this returns.

        Raises:
            UsageError: the file is there already.
            StorageError: it cannot be written.
        """
        seed = bytes([self._key.kind]) + self._private.private_bytes_raw()
        line = f"{_PREFIX}{self._key.name}+{self._key.key_id.hex()}+{encode_base64(seed)}\n"
        try:
            with as_storage_errors(f"key {path} cannot be written"):
                write_atomic(path, line.encode(), overwrite=False, mode=0o600)
        except UsageError as exc:
            raise UsageError(f"key {path} must not exist yet") from exc

    @classmethod
    def _parse(cls, text: bytes, path: Path) -> FileSigner:
        try:
            parts = text.decode("utf-8").removesuffix("\n").removeprefix(_PREFIX).split("+", 2)
        except UnicodeDecodeError as exc:
            raise FormatError(f"key {path} must be text") from exc
        if not text.startswith(_PREFIX.encode()) or len(parts) != 3:
            raise FormatError(f"key {path} must be one line {_PREFIX}name+hash+base64")
        data = decode_base64(parts[2], f"key {path}")
        signer = cls(parts[0], data[0] if data else 0, data[1:])
        if signer.key.key_id.hex() != parts[1]:
            raise FormatError(f"hash of key {path} does not belong to it")
        return signer

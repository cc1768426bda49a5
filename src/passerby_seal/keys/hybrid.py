"""Boxes to a public key that only the private one opens: HPKE with the hybrid of ML-KEM-768 and X25519.

Hybrid, because sealed packs invite whoever would keep them until a quantum computer is there: both parts must fall.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from passerby.values import Digest, digest_bytes
from passerby_seal.keys.buffers import SECRET_BYTES, random_buffer, wipe
from passerby_seal.refusals import KeyFormatError

PREFIX = "mlkem768-x25519:"
BOX_BYTES = 1136
"""What a box is longer than what it holds: 1088 and 32 of the encapsulated key, 16 of the tag."""
_MLKEM_PUBLIC = 1184
_PUBLIC_BYTES = _MLKEM_PUBLIC + 32
_MLKEM_SEED = 64
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class SealingKey:
    """A public key: whoever has it can lock, and cannot open.

    >>> OpeningKey.generate().public.text[:16]
    'mlkem768-x25519:'
    """

    def __init__(self, raw: bytes) -> None:
        """Read the 1216 bytes of a key.

        Raises:
            KeyFormatError: they are none.
        """
        if len(raw) != _PUBLIC_BYTES:
            raise KeyFormatError(f"public key must be {_PUBLIC_BYTES} bytes, got {len(raw)}")
        self.raw = bytes(raw)
        try:
            self._key = MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(self.raw[:_MLKEM_PUBLIC]),
                X25519PublicKey.from_public_bytes(self.raw[_MLKEM_PUBLIC:]),
            )
        except ValueError as exc:
            raise KeyFormatError("public key must be one of ML-KEM-768 and X25519, got bytes that are none") from exc

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key as it is written in files; blanks and line ends within it do not count.

        Raises:
            KeyFormatError: it is none.
        """
        line = "".join(text.split())
        if not line.startswith(PREFIX):
            raise KeyFormatError(
                f"public key must start with {PREFIX}, got something else", hint="passerby seal key makes one"
            )
        try:
            return cls(base64.b64decode(line.removeprefix(PREFIX), validate=True))
        except binascii.Error as exc:
            raise KeyFormatError("public key must be base64 after its prefix, got something else") from exc

    @property
    def text(self) -> str:
        """One line of ASCII."""
        return PREFIX + base64.b64encode(self.raw).decode()

    @property
    def digest(self) -> Digest:
        """By which policies, contexts and the register name the key."""
        return digest_bytes(self.raw)

    def seal(self, plaintext: bytes | bytearray, info: bytes) -> bytes:
        """Return a box that only the private key opens, and only with the same ``info``."""
        return _SUITE.encrypt(plaintext, self._key, info)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SealingKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)


class OpeningKey:
    """A private key, in a buffer that is overwritten when it is forgotten."""

    def __init__(self, seed: bytearray) -> None:
        """Hold a key; the buffer is the key's from now on.

        Raises:
            KeyFormatError: it is not 32 bytes.
        """
        if len(seed) != SECRET_BYTES:
            raise KeyFormatError(f"private key must be {SECRET_BYTES} bytes, got {len(seed)}")
        self.seed = seed
        whole = bytearray(hashlib.shake_256(seed).digest(_MLKEM_SEED + 32))
        mlkem = MLKEM768PrivateKey.from_seed_bytes(whole[:_MLKEM_SEED])
        x25519 = X25519PrivateKey.from_private_bytes(whole[_MLKEM_SEED:])
        wipe(whole)
        self._key: MLKEM768X25519PrivateKey | None = MLKEM768X25519PrivateKey(mlkem, x25519)
        self.public = SealingKey(mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls(random_buffer())

    def open(self, box: bytes, info: bytes) -> bytearray | None:
        """Return what a box holds; None where it is not to this key, not under this ``info``, or was altered."""
        if self._key is None or len(box) < BOX_BYTES:
            return None
        try:
            return bytearray(_SUITE.decrypt(box, self._key, info))
        except InvalidTag:
            return None

    def forget(self) -> None:
        """Overwrite the key; it opens nothing any more."""
        wipe(self.seed)
        self._key = None

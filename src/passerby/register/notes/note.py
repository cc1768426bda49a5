"""Signed notes (C2SP signed-note): text that ends in signature lines, and the keys that make and check them.

Reading is strict and has one error for form (``FormatError``). A note's text can only be had from ``open_note``, which
gives it out when a key that the caller knows has signed it: what nobody trusted signed cannot be used by accident.
Keys are Ed25519, type 0x01 (a log's signature) or 0x04 (a witness's cosignature, see ``cosign``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from passerby.errors import FormatError, VerificationError

ED25519 = 1
COSIGNATURE = 4
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
"""Source: golang.org/x/mod/sumdb/note, which caps both the same; signed-note asks for at least 16."""
SIGNATURE_BYTES = 64
_TIME_BYTES = 8
_SEED_BYTES = 32
_KEY_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]+")
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line.

    Attributes:
        name: The key's name.
        key_id: 4 bytes.
        value: What follows the key ID.
    """

    name: str
    key_id: bytes
    value: bytes

    def to_line(self) -> str:
        """Return the line, with its newline."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name and type it signs under.

    Attributes:
        name: No space, no plus.
        kind: ``ED25519`` or ``COSIGNATURE``.
        public: 32 bytes.
    """

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.kind not in (ED25519, COSIGNATURE):
            raise FormatError(f"key type must be 0x01 or 0x04, got 0x{self.kind:02x}")
        if len(self.public) != _SEED_BYTES:
            raise FormatError(f"public key must be {_SEED_BYTES} bytes, got {len(self.public)}")

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Read a verifier key, ``name+hash+base64``.

        Raises:
            FormatError: it is not one, or its hash does not belong to it.
        """
        parts = vkey.split("+", 2)
        if len(parts) != 3 or not re.fullmatch(r"[0-9a-f]{8}", parts[1]):
            raise FormatError("verifier key must be name+hash+base64")
        data = decode_base64(parts[2], "verifier key")
        if not data:
            raise FormatError("verifier key must hold a type and a key, got nothing")
        key = cls(parts[0], data[0], data[1:])
        if key.key_id.hex() != parts[1]:
            raise FormatError(f"hash of verifier key {parts[0]} must be {key.key_id.hex()}, got {parts[1]}")
        return key

    @property
    def key_id(self) -> bytes:
        """Return the 4 bytes that name the key beside its name."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.public)}"

    def check(self, text: bytes, signature: Signature) -> int | None:
        """Check a signature of this key over a note's text, and return its time in seconds (None for a log's).

        Raises:
            VerificationError: it is not this key's signature over this text.
        """
        value, time_s, message = signature.value, None, text
        if self.kind == COSIGNATURE:
            if len(value) != _TIME_BYTES + SIGNATURE_BYTES:
                raise VerificationError(f"cosignature of {self.name} must be 72 bytes, got {len(value)}")
            time_s = int.from_bytes(value[:_TIME_BYTES], "big")
            message, value = cosigned_message(text, time_s), value[_TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(value, message)
        except InvalidSignature as exc:
            raise VerificationError(f"signature of {self.name} does not fit the text") from exc
        if time_s is not None and not 0 < time_s < 2**63:
            raise VerificationError(f"time of the cosignature of {self.name} must be from 1 to 2^63 - 1, got {time_s}")
        return time_s


class Signer(Protocol):
    """Whatever can sign: a key file, a hardware module, a key service. ``keys.FileSigner`` is the usual one."""

    @property
    def key(self) -> VerifierKey:
        """The public half."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature over the message.

        Raises:
            StorageError: the key cannot be used now. (Any other error stops the log's writer.)
        """


@dataclass(frozen=True, slots=True)
class Note:
    """A note that at least one known key signed.

    Attributes:
        text: With its final newline.
        signed_by: The known keys that signed, each once, with the time that a cosignature carries.
        unknown: Signatures of keys that the reader did not know.
        repeated: Names of known keys whose signature stands more than once (counted once).
        raw: The whole note as read.
    """

    text: str
    signed_by: tuple[tuple[VerifierKey, int | None], ...]
    unknown: tuple[Signature, ...]
    repeated: tuple[str, ...]
    raw: bytes


def encode_base64(data: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(data).decode()


def decode_base64(text: str, what: str) -> bytes:
    """Read standard base64, in its one spelling only.

    Raises:
        FormatError: it is not, with what was to be read.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise FormatError(f"{what} must be base64") from exc
    if encode_base64(data) != text:
        raise FormatError(f"{what} must be base64 in its one spelling")
    return data


def decode_decimal(text: str, what: str, *, largest: int = 2**63 - 1) -> int:
    """Read a whole number in its one spelling: ASCII digits, no sign, no leading zero.

    Raises:
        FormatError: it is not, or too large.
    """
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text, re.ASCII) or int(text) > largest:
        raise FormatError(f"{what} must be a number from 0 to {largest} without leading zeros, got {text[:30]!r}")
    return int(text)


def check_name(name: str) -> None:
    """Refuse what cannot name a key: empty, spaces, plus, control characters.

    Raises:
        FormatError: it cannot.
    """
    if not _KEY_NAME.fullmatch(name):
        raise FormatError(f"key name must be without spaces and plus, got {name[:50]!r}")


def cosigned_message(text: bytes, time_s: int) -> bytes:
    """Return what a witness signs over a checkpoint's text at a time. Source: C2SP tlog-cosignature, cosignature/v1."""
    return b"cosignature/v1\ntime %d\n" % time_s + text


def split_note(raw: bytes) -> tuple[str, tuple[Signature, ...]]:
    """Take a note apart without checking a signature; what comes out is not to be trusted.

    Raises:
        FormatError: it is no note.
    """
    if len(raw) > MAX_NOTE_BYTES:
        raise FormatError(f"note must be at most {MAX_NOTE_BYTES} bytes, got {len(raw)}")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise FormatError("note must be UTF-8") from exc
    if any(c < " " and c != "\n" for c in whole):
        raise FormatError("note must not hold control characters")
    cut = whole.rfind("\n\n")
    if cut < 0 or not whole.endswith("\n"):
        raise FormatError("note must be text, an empty line, and signature lines")
    lines = whole[cut + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise FormatError(f"note must have at most {MAX_SIGNATURES} signatures, got {len(lines)}")
    return whole[: cut + 1], tuple(parse_signature(line) for line in lines)


def parse_signature(line: str) -> Signature:
    """Read one signature line, without its newline.

    Raises:
        FormatError: it is not one.
    """
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2:
        raise FormatError("signature line must be a dash, a name and base64")
    check_name(parts[0])
    data = decode_base64(parts[1], "signature")
    if len(data) < 5:
        raise FormatError("signature must be a key ID and at least one byte")
    return Signature(parts[0], data[:4], data[4:])


def open_note(raw: bytes, known: Iterable[VerifierKey]) -> Note:
    """Give out a note's text if a known key signed it. A known key's wrong signature spoils the whole note.

    Raises:
        FormatError: it is no note.
        VerificationError: a known key's signature is wrong, or no known key signed.
    """
    text, signatures = split_note(raw)
    keys = {(key.name, key.key_id): key for key in known}
    found: dict[VerifierKey, int | None] = {}
    unknown, repeated = [], []
    for signature in signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is None:
            unknown.append(signature)
            continue
        time_s = key.check(text.encode(), signature)
        if key in found:
            repeated.append(key.name)
        else:
            found[key] = time_s
    if not found:
        names = ", ".join(sorted({s.name for s in signatures}))
        raise VerificationError(
            f"no known key signed the note; it carries signatures named {names}",
            hint="same name with another key ID means another key: ask the operator, and look for a key.added entry",
        )
    return Note(text, tuple(found.items()), tuple(unknown), tuple(repeated), raw)


def sign_note(text: str, signers: Iterable[Signer]) -> bytes:
    """Sign a text and return the note.

    Raises:
        FormatError: the text cannot be a note's.
        VerificationError: a signer returned something that its own public key does not accept.
    """
    if not text.endswith("\n"):
        raise FormatError("text of a note must end in a newline")
    lines = []
    for signer in signers:
        signature = Signature(signer.key.name, signer.key.key_id, signer.sign(text.encode()))
        signer.key.check(text.encode(), signature)
        lines.append(signature.to_line())
    raw = f"{text}\n{''.join(lines)}".encode()
    split_note(raw)
    return raw

"""A log's signed tree head (C2SP tlog-checkpoint), and a witness's signature over it (C2SP tlog-cosignature)."""

from __future__ import annotations

from dataclasses import dataclass

from passerby.errors import FormatError, VerificationError
from passerby.register.notes.note import (
    COSIGNATURE,
    Signature,
    Signer,
    cosigned_message,
    decode_base64,
    decode_decimal,
    encode_base64,
)
from passerby.register.tiles import EMPTY_ROOT, HASH_BYTES


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log signs.

    Attributes:
        origin: The log's name.
        size: Entries.
        root: 32 bytes.
        extensions: Further lines; this log writes none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a checkpoint's text (a note's text, without signatures).

        Raises:
            FormatError: it is not one.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] != "" or not all(lines[:-1]):
            raise FormatError("checkpoint must be at least three lines, none empty, each with its newline")
        size = decode_decimal(lines[1], "size of a checkpoint")
        root = decode_base64(lines[2], "root of a checkpoint")
        if len(root) != HASH_BYTES:
            raise FormatError(f"root of a checkpoint must be {HASH_BYTES} bytes, got {len(root)}")
        return cls(lines[0], size, root, tuple(lines[3:-1]))

    def check_empty(self) -> None:
        """Refuse a checkpoint of size 0 whose root is not the hash of nothing.

        Raises:
            VerificationError: it is such a one.
        """
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise VerificationError("root of a checkpoint of size 0 must be the hash of nothing")

    def to_text(self) -> str:
        r"""Return the text that is signed.

        >>> Checkpoint("example.com/log", 0, EMPTY_ROOT).to_text()
        'example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n'
        """
        return "".join(
            f"{line}\n" for line in (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        )


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and the note that carries its signatures.

    Attributes:
        checkpoint: What the note says.
        note: As it is published.
    """

    checkpoint: Checkpoint
    note: bytes


def cosign(text: str, signer: Signer, time_s: int) -> Signature:
    """Sign a checkpoint's text as a witness does at a time.

    Args:
        text: With its final newline.
        signer: Its key is of type 0x04.
        time_s: POSIX seconds, above 0.

    Raises:
        FormatError: the key is of another type, or the text is no checkpoint.
        VerificationError: the signer returned something that its own public key does not accept.
    """
    if signer.key.kind != COSIGNATURE:
        raise FormatError(f"key of a witness must be of type 0x04, got 0x{signer.key.kind:02x}")
    Checkpoint.parse(text)
    value = time_s.to_bytes(8, "big") + signer.sign(cosigned_message(text.encode(), time_s))
    signature = Signature(signer.key.name, signer.key.key_id, value)
    signer.key.check(text.encode(), signature)
    return signature

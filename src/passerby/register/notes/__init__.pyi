from .checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    cosign,
)
from .keys import (
    FileSigner,
)
from .note import (
    COSIGNATURE,
    Note,
    Signature,
    Signer,
    VerifierKey,
    check_name,
    decode_base64,
    decode_decimal,
    encode_base64,
    open_note,
    parse_signature,
    sign_note,
    split_note,
)
from .policy import (
    NO_QUORUM,
    Policy,
    PolicyWitness,
)

__all__ = [
    "COSIGNATURE",
    "NO_QUORUM",
    "Checkpoint",
    "FileSigner",
    "Note",
    "Policy",
    "PolicyWitness",
    "Signature",
    "SignedCheckpoint",
    "Signer",
    "VerifierKey",
    "check_name",
    "cosign",
    "decode_base64",
    "decode_decimal",
    "encode_base64",
    "open_note",
    "parse_signature",
    "sign_note",
    "split_note",
]

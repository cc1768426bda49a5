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
from .times import (
    CLOCK_ERROR,
    CLOCK_SLACK,
    WitnessTimes,
    believable,
    format_seconds,
    judge_witnesses,
    witness_fault,
)

__all__ = [
    "CLOCK_ERROR",
    "CLOCK_SLACK",
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
    "WitnessTimes",
    "believable",
    "check_name",
    "cosign",
    "decode_base64",
    "decode_decimal",
    "encode_base64",
    "format_seconds",
    "judge_witnesses",
    "open_note",
    "parse_signature",
    "sign_note",
    "split_note",
    "witness_fault",
]

"""A public append-only log: entries, Merkle tree, tiles, checkpoints, witnesses, verification."""

from __future__ import annotations

from passerby.register.checkpoint import Checkpoint
from passerby.register.codec import (
    build,
    decode,
    encode,
    kinds,
    schema,
)
from passerby.register.entries import (
    AccessTested,
    CameraChanged,
    CameraRegistered,
    CameraRetired,
    Entry,
    Fault,
    Heartbeat,
    KeyAdded,
    KeyRetired,
    OperatorStated,
    Place,
    Remark,
    RequestDecided,
    RequestDeleted,
    RequestNotified,
    RequestOpened,
    RequestReceived,
    RequestRefused,
    RequestWithdrawn,
    RetentionShredded,
    Reveal,
    RunningStarted,
    RunningStopped,
    SelfTest,
    SpotCheck,
    YearStatistics,
)
from passerby.register.history import Problem
from passerby.register.keys import FileSigner
from passerby.register.log import Log, Receipt
from passerby.register.note import Signer, VerifierKey
from passerby.register.policy import Policy
from passerby.register.proof import Proof, Proven, require
from passerby.register.reader import Reader, Snapshot
from passerby.register.salts import Salts
from passerby.register.store import write_whole
from passerby.register.verification import Report, verify
from passerby.register.watching import Visit, watch
from passerby.register.witness import Witness
from passerby.register.witness_server import witness_app
from passerby.register.words import (
    Commitment,
    commit,
    format_instant,
    new_identifier,
    new_salt,
)

__all__ = [
    "AccessTested",
    "CameraChanged",
    "CameraRegistered",
    "CameraRetired",
    "Checkpoint",
    "Commitment",
    "Entry",
    "Fault",
    "FileSigner",
    "Heartbeat",
    "KeyAdded",
    "KeyRetired",
    "Log",
    "OperatorStated",
    "Place",
    "Policy",
    "Problem",
    "Proof",
    "Proven",
    "Reader",
    "Receipt",
    "Remark",
    "Report",
    "RequestDecided",
    "RequestDeleted",
    "RequestNotified",
    "RequestOpened",
    "RequestReceived",
    "RequestRefused",
    "RequestWithdrawn",
    "RetentionShredded",
    "Reveal",
    "RunningStarted",
    "RunningStopped",
    "Salts",
    "SelfTest",
    "Signer",
    "Snapshot",
    "SpotCheck",
    "VerifierKey",
    "Visit",
    "Witness",
    "YearStatistics",
    "build",
    "commit",
    "decode",
    "encode",
    "format_instant",
    "kinds",
    "new_identifier",
    "new_salt",
    "require",
    "schema",
    "verify",
    "watch",
    "witness_app",
    "write_whole",
]

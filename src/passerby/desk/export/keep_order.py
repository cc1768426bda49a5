"""Who is left clear, as a small file that a second person may sign, and whether somebody did.

The file holds digests, frames and the reason; what it says of a person is where boxes are. It is the same bytes for the same
decision, so that a signature holds for every export of it, and for no other.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from passerby.desk.project import DeskState
from passerby.errors import ScanError
from passerby.scan import check_signature
from passerby.values import Digest

NAMESPACE = "passerby-keep"
"""What is signed for: ``ssh-keygen -Y sign -n passerby-keep -f KEY FILE``. Source: OpenSSH, PROTOCOL.sshsig."""
KEEP_SUFFIX = ".keep.json"
"""Behind the whole name of the output."""
SIGNATURE_SUFFIX = KEEP_SUFFIX + ".sig"
"""Behind the whole name of the output: where ``ssh-keygen`` writes it."""


@dataclass(frozen=True, slots=True)
class KeepDecision:
    """That one person is left clear, and who decided it.

    Attributes:
        tracks: Their numbers, in words.
        spans: Their frames, in words.
        why: As the operator said it.
        key: Fingerprint of the second key that signed; empty without one.
    """

    tracks: str
    spans: str
    why: str
    key: str = ""


def keep_order(state: DeskState, source: Digest) -> bytes | None:
    """Return what a second person signs; None where nobody is left clear."""
    if state.kept is None:
        return None
    told = [
        {
            "first": one.first,
            "last": one.last,
            "boxes": "sha256:" + hashlib.sha256(one.track.xyxy.round(2).astype("<f4").tobytes()).hexdigest(),
        }
        for one in state.tracks
        if one.kept
    ]
    order = {"schema": "passerby-keep-1", "source": source, "tracks": told, "why": state.kept.why}
    return (json.dumps(order, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def decision_of(state: DeskState, order: bytes, signature: Path) -> KeepDecision:
    """Return who decided that somebody is left clear; which keys may sign is for the reader to say, who is told the key.

    Args:
        state: Somebody is.
        order: From :func:`keep_order`.
        signature: Where a second person's would be.
    """
    kept = [one for one in state.tracks if one.kept]
    key = ""
    if signature.exists():
        try:
            found = check_signature(order, signature, None, namespace=NAMESPACE)
        except ScanError:
            found = None  # nobody can say who signed: one operator
        if found is not None and found.good:
            key = found.key
    return KeepDecision(
        ", ".join(str(one.number) for one in kept),
        ", ".join(f"{one.first}\u2013{one.last}" for one in kept),
        "" if state.kept is None else state.kept.why,
        key,
    )

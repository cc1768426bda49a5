"""Whether a log said in an entry that it names other witnesses: only then a watcher takes the change for an announced one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from passerby.register.entries import Entry, Remark
from passerby.register.notes import Policy, VerifierKey
from passerby.values import digest_bytes

MOST_ANNOUNCED = 100
"""Announcements remembered, the newest."""
_TEXT = re.compile(r"witnesses named: .*, policy (sha256:[0-9a-f]{64})")


def announced_policy(entry: Entry | None) -> str | None:
    """Return the digest of the policy that an entry announces, as ``Log.name_witnesses`` writes it."""
    found = _TEXT.fullmatch(entry.text) if isinstance(entry, Remark) else None
    return found[1] if found else None


def is_announced(policy: Policy, keys: Iterable[VerifierKey], digests: Iterable[str]) -> bool:
    """Return whether a policy is one that was announced, under any of the keys that its log had."""
    known = set(digests)
    for key in keys:
        logs = tuple(key if log.name == key.name else log for log in policy.logs)
        if digest_bytes(replace(policy, logs=logs).to_text().encode()) in known:
            return True
    return False

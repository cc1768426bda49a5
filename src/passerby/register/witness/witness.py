"""A witness (C2SP tlog-witness): signs a log's checkpoint if, and only if, it extends the last one that it signed.

It needs the entries of no log, only the last checkpoint of each, so one small machine serves many logs. Checking and
remembering are one step, under a lock; the new checkpoint is durable before the signature leaves. The directory holds
``key`` (mode 0600), ``policy`` (a tlog-policy whose ``log`` lines are the logs it takes) and ``seen/<hash>/checkpoint``.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from passerby.errors import FormatError, StorageError, UsageError, VerificationError
from passerby.register.notes import (
    COSIGNATURE,
    Checkpoint,
    FileSigner,
    Policy,
    Signer,
    VerifierKey,
    cosign,
    decode_base64,
    decode_decimal,
    open_note,
    split_note,
)
from passerby.register.storage import DirectoryStore, FileHold, WriterSettings, as_storage_errors
from passerby.register.tiles import EMPTY_ROOT, HASH_BYTES, MAX_PROOF, verify_consistency

PLAIN_TYPE = "text/plain; charset=utf-8"
SIZE_TYPE = "text/x.tlog.size"
"""To the letter, without a charset: logs compare it so, and take any other for a sign that they are broken."""
MAX_REQUEST_BYTES = 250_000
"""Source: C2SP signed-note, at least 16 signatures, of which a post-quantum one has nearly 5 kB, in base64, twice over."""


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """What the witness says, ready for HTTP."""

    status: HTTPStatus
    body: str
    content_type: str = PLAIN_TYPE


@dataclass(frozen=True, slots=True)
class CosignRequest:
    """An ``add-checkpoint`` request, parsed.

    Attributes:
        old: Size of the tree that the proof starts from.
        proof: The consistency proof.
        note: The signed checkpoint.
    """

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    @classmethod
    def parse(cls, body: bytes) -> CosignRequest:
        """Read a request's body.

        Raises:
            FormatError: it is not one.
        """
        head, gap, note = body.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as exc:
            raise FormatError("request must be ASCII down to its checkpoint") from exc
        if not gap or not lines[0].startswith("old "):
            raise FormatError("request must be an old line, hashes, an empty line and a checkpoint")
        if len(lines) - 1 > MAX_PROOF:
            raise FormatError(f"request must have at most {MAX_PROOF} hashes, got {len(lines) - 1}")
        old = decode_decimal(lines[0].removeprefix("old "), "old size")
        proof = tuple(decode_base64(line, "hash of a request") for line in lines[1:])
        if any(len(value) != HASH_BYTES for value in proof):
            raise FormatError(f"hash of a request must be {HASH_BYTES} bytes")
        split_note(note)
        return cls(old, proof, note)


class Witness:
    """A witness with its directory. Safe to use from many threads; a second process on the directory is refused."""

    def __init__(self, path: Path, signer: Signer, *, settings: WriterSettings | None = None) -> None:
        """Take a witness's directory; see ``open``.

        Raises:
            LockedError: another process has it.
            StorageError: it cannot be used.
        """
        self.signer = signer
        self._path = path
        settings = settings or WriterSettings()
        self._store = DirectoryStore(path, disk=settings.disk)
        self._clock = settings.clock
        self._lock = threading.Lock()
        self._hold = FileHold(path / "lock")

    @classmethod
    def create(cls, path: Path, name: str) -> VerifierKey:
        """Make a witness's directory and key, and return its verifier key.

        Raises:
            UsageError: there is one already.
            FormatError: the name cannot be a key's.
            StorageError: it cannot be written.
        """
        signer = FileSigner.fresh(name, COSIGNATURE)
        with as_storage_errors(f"{path} cannot be made"):
            path.mkdir(parents=True, exist_ok=True)
        signer.save(path / "key")
        DirectoryStore(path).put_all({"vkey": f"{signer.key}\n".encode(), "policy": Policy().to_text().encode()})
        return signer.key

    @classmethod
    def open(cls, path: Path, *, settings: WriterSettings | None = None) -> Witness:
        """Open a witness's directory.

        Args:
            path: As given to ``create``.
            settings: Clock and disk; None takes the usual ones.

        Raises:
            UsageError: there is none.
            LockedError: another process has it.
            StorageError: it cannot be read, or others may read its key.
            FormatError: the key is none of a witness.
        """
        if not (path / "key").exists():
            raise UsageError(f"{path} holds no witness", hint="make one with `passerby register witness init`")
        signer = FileSigner.load(path / "key")
        if signer.key.kind != COSIGNATURE:
            raise FormatError(f"key of a witness must be of type 0x04, got 0x{signer.key.kind:02x}")
        return cls(path, signer, settings=settings)

    @classmethod
    def add_log(cls, path: Path, vkey: str) -> None:
        """Take one more log, or one more key of a log; a witness that runs takes it at once.

        Raises:
            UsageError: there is no witness.
            FormatError: it is no log's key.
            StorageError: it cannot be written.
        """
        store = DirectoryStore(path)
        raw = store.get("policy")
        if raw is None:
            raise UsageError(f"{path} holds no witness", hint="make one with `passerby register witness init`")
        policy, key = Policy.parse(raw.decode("utf-8", "replace")), VerifierKey.parse(vkey)
        if key in policy.logs:
            return
        text = Policy((*policy.logs, key), policy.witnesses, policy.groups, policy.quorum).to_text()
        store.put_all({"policy": Policy.parse(text).to_text().encode()})

    def close(self) -> None:
        """Let the next process in."""
        self._hold.release()

    def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Answer one request. Source: C2SP tlog-witness, add-checkpoint, in its order.

        Raises:
            StorageError: what was seen cannot be read or written; nothing was signed.
        """
        try:
            request = CosignRequest.parse(body)
            checkpoint = Checkpoint.parse(split_note(request.note)[0])
        except FormatError as exc:
            return _refuse(HTTPStatus.BAD_REQUEST, exc.message)
        keys = [key for key in self._policy().logs if key.name == checkpoint.origin]
        if not keys:
            return _refuse(HTTPStatus.NOT_FOUND, "this witness does not know that log")
        try:
            text = open_note(request.note, keys).text
        except VerificationError as exc:
            return _refuse(HTTPStatus.FORBIDDEN, exc.message)
        if request.old > checkpoint.size:
            return _refuse(HTTPStatus.BAD_REQUEST, "old size must not be above the checkpoint's")
        with self._lock:
            return self._extend(request, checkpoint, text, keys)

    def checkpoint(self, origin_hash: str) -> WitnessAnswer:
        """Return the last checkpoint signed for a log.

        Args:
            origin_hash: SHA-256 of its origin, in lower-case hex.

        Raises:
            StorageError: it cannot be read.
        """
        is_hash = len(origin_hash) == 2 * HASH_BYTES and set(origin_hash) <= set("0123456789abcdef")
        raw = self._store.get(f"seen/{origin_hash}/checkpoint") if is_hash else None
        if raw is None:
            return _refuse(HTTPStatus.NOT_FOUND, "nothing was signed for that log")
        return WitnessAnswer(HTTPStatus.OK, raw.decode())

    def _extend(
        self, request: CosignRequest, checkpoint: Checkpoint, text: str, keys: list[VerifierKey]
    ) -> WitnessAnswer:
        path = f"seen/{hashlib.sha256(checkpoint.origin.encode()).hexdigest()}/checkpoint"
        raw = self._store.get(path)
        seen = Checkpoint.parse(split_note(raw)[0]) if raw else None
        if request.old != (seen.size if seen else 0):
            return WitnessAnswer(HTTPStatus.CONFLICT, f"{seen.size if seen else 0}\n", SIZE_TYPE)
        try:
            checkpoint.check_empty()
            # of one size the roots must be one, and from size 0 the proof must be empty: this covers both
            old_root = seen.root if seen else EMPTY_ROOT
            verify_consistency(request.old, checkpoint.size, request.proof, old_root, checkpoint.root)
        except VerificationError as exc:
            return _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, exc.message)
        signature = cosign(text, self.signer, int(self._clock().timestamp()))
        known = {(key.name, key.key_id) for key in keys}
        lines = [s.to_line() for s in split_note(request.note)[1] if (s.name, s.key_id) in known]
        note = f"{text}\n{''.join(dict.fromkeys(lines))}{signature.to_line()}"
        self._store.put_all({path: note.encode()})
        return WitnessAnswer(HTTPStatus.OK, signature.to_line())

    def _policy(self) -> Policy:
        raw = self._store.get("policy")
        if raw is None:
            raise StorageError(f"{self._path} has no policy")
        return Policy.parse(raw.decode("utf-8", "replace"))


def _refuse(status: HTTPStatus, text: str) -> WitnessAnswer:
    return WitnessAnswer(status, f"{text}\n")

"""Asks witnesses for their signatures over a log's checkpoints (the client's side of C2SP tlog-witness)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NoReturn

import httpx

from passerby.errors import FormatError, StorageError, VerificationError
from passerby.register.notes import (
    CLOCK_ERROR,
    Checkpoint,
    Policy,
    PolicyWitness,
    Signature,
    SignedCheckpoint,
    VerifierKey,
    decode_decimal,
    encode_base64,
    format_seconds,
    open_note,
    parse_signature,
    witness_fault,
)
from passerby.register.storage import Exchanges
from passerby.register.threads import call_in_thread
from passerby.values import utc_now

Prove = Callable[[int, int], Sequence[bytes]]
"""Gives the consistency proof from an old size to a new one."""
TIMEOUT_S = 5.0
ROUND_S = 15.0
"""How long a round waits for a witness that asks for more: a few answers, each in its time."""
MAX_ANSWER_BYTES = 200_000
"""Source: C2SP signed-note, at least 16 signatures, of which a post-quantum one has nearly 5 kB, in base64."""
_RETRY_S = (1, 300)
"""Shortest and longest pause after a witness failed to answer; doubled each time."""


class WitnessClient:
    """One witness, and what it was last known to have seen."""

    def __init__(
        self,
        witness: PolicyWitness,
        exchanges: Exchanges,
        log_keys: Sequence[VerifierKey],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.witness = witness
        self._clock = clock
        self._log_keys = log_keys
        self.failure: str | None = None
        """Why the last try gave no signature, or None."""
        self._exchanges = exchanges
        self._seen = 0
        self._not_before = 0.0
        self._pause_s = _RETRY_S[0]

    def ask(self, signed: SignedCheckpoint, prove: Prove) -> Signature | None:
        """Return the witness's signature, or None with ``failure`` set where it does not answer as it should.

        Raises:
            VerificationError: the witness has seen a longer or another history of this log. Nothing more may be signed.
        """
        if time.monotonic() < self._not_before:
            return None
        try:
            signature = self._ask(signed, prove)
        except (FormatError, StorageError) as exc:
            self.failure = f"{self.witness.name}: {exc}"
            self._not_before = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, _RETRY_S[1])
            return None
        self.failure, self._pause_s = None, _RETRY_S[0]
        return signature

    def _ask(self, signed: SignedCheckpoint, prove: Prove) -> Signature:
        checkpoint = signed.checkpoint
        status, body = self._post(signed, prove)
        if status == httpx.codes.CONFLICT:
            self._seen = decode_decimal(body.removesuffix("\n"), "size in a witness's answer")
            if self._seen > checkpoint.size:
                self._refuse_contradiction(checkpoint, f"witness has seen size {self._seen}, and shows nothing for it")
            status, body = self._post(signed, prove)
        if status == httpx.codes.UNPROCESSABLE_ENTITY:
            self._refuse_contradiction(checkpoint, "witness has seen another history, and shows nothing for it")
        if status != httpx.codes.OK:
            raise FormatError(f"witness must answer 200, got {status}")
        key = self.witness.key
        for line in body.removesuffix("\n").split("\n"):
            signature = parse_signature(line)
            if (signature.name, signature.key_id) == (key.name, key.key_id):
                try:
                    time_s = key.check(checkpoint.to_text().encode(), signature)
                except VerificationError as exc:
                    raise FormatError(f"witness must sign the checkpoint: {exc.message}") from exc
                self._refuse_time(time_s or 0)
                self._seen = checkpoint.size
                return signature
        raise FormatError(f"witness must sign as {key.name}, got other names")

    def _refuse_time(self, time_s: int) -> None:
        """A signature that no reader counts is not published; the bound is wide, since it is this clock that may be wrong."""
        if witness_fault(time_s, self._clock() + CLOCK_ERROR):
            raise FormatError(f"witness must sign at the present time, signed at {format_seconds(time_s)}")

    def _refuse_contradiction(self, checkpoint: Checkpoint, otherwise: str) -> NoReturn:
        """Stop the log if the witness can show what the log's own key signed; one witness's word alone must not stop it.

        Raises:
            VerificationError: the log signed another history, or a longer one.
            FormatError: the witness has nothing to show.
        """
        path = f"{hashlib.sha256(checkpoint.origin.encode()).hexdigest()}/checkpoint"
        status, body = self._request("GET", path)
        if status != httpx.codes.OK:
            raise FormatError(otherwise)
        try:
            shown = Checkpoint.parse(open_note(body.encode(), self._log_keys).text)
        except VerificationError as exc:
            raise FormatError(otherwise) from exc
        if shown.origin != checkpoint.origin or (shown.size, shown.root) == (checkpoint.size, checkpoint.root):
            raise FormatError(otherwise)
        if shown.size > checkpoint.size:
            raise VerificationError(
                f"witness {self.witness.name} has seen size {shown.size} of this log, which holds {checkpoint.size}",
                hint="the log was put back to an older state; restore the newest one before anything is appended",
            )
        raise VerificationError(
            f"witness {self.witness.name} has seen another history of this log up to size {shown.size}",
            hint="this log and the one that the witness saw have forked; stop and find out which one is right",
        )

    def _post(self, signed: SignedCheckpoint, prove: Prove) -> tuple[int, str]:
        size = signed.checkpoint.size
        old = min(self._seen, size)
        lines = [f"old {old}", *map(encode_base64, prove(old, size)), "", ""]
        return self._request("POST", "add-checkpoint", "\n".join(lines).encode() + signed.note)

    def _request(self, method: str, path: str, content: bytes | None = None) -> tuple[int, str]:
        url = f"{(self.witness.url or '').rstrip('/')}/{path}"
        answer = self._exchanges.ask(method, url, most_bytes=MAX_ANSWER_BYTES, content=content)
        try:
            return answer.status, answer.body.decode()
        except UnicodeDecodeError as exc:
            raise FormatError("witness must answer in UTF-8") from exc


class Cosigners:
    """All witnesses of a policy that have an address."""

    def __init__(
        self,
        policy: Policy,
        *,
        timeout_s: float = TIMEOUT_S,
        round_s: float = ROUND_S,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Reach for the policy's witnesses.

        Args:
            policy: Whose witnesses are asked.
            timeout_s: How long one exchange with a witness may take, as a whole.
            round_s: How long to wait for any witness in one round.
            clock: The writer's, against which the times that they sign are held.

        Source: timeout_s=5: long enough for a distant witness, short enough that one that hangs delays no page by more.
        """
        self._exchanges = Exchanges(deadline_s=timeout_s)
        self._witnesses = [WitnessClient(w, self._exchanges, policy.logs, clock) for w in policy.witnesses if w.url]
        self._round_s = round_s
        self._asked: dict[WitnessClient, Future[Signature | None]] = {}

    def __len__(self) -> int:
        return len(self._witnesses)

    @property
    def failures(self) -> list[str]:
        """Why witnesses gave no signature in the last round."""
        return [w.failure for w in self._witnesses if w.failure]

    def cosign(self, signed: SignedCheckpoint, prove: Prove) -> tuple[SignedCheckpoint, list[VerifierKey]]:
        """Ask all at once, and return the checkpoint with the signatures that came, and the keys that made them.

        A witness that dawdles holds up one round by ``round_s`` and no more: it is not asked again before it has answered.

        Raises:
            VerificationError: a witness has seen another history of this log.
        """
        free = [w for w in self._witnesses if w not in self._asked or self._asked[w].done()]
        asked = {w: call_in_thread(partial(w.ask, signed, prove)) for w in free}
        self._asked |= asked
        wait(asked.values(), timeout=self._round_s)
        for w, answer in self._asked.items():
            if not answer.done():
                w.failure = f"{w.witness.name}: must answer within {self._round_s:g} s"
        found = [(w.witness.key, answer.result()) for w, answer in asked.items() if answer.done()]
        came = [(key, signature) for key, signature in found if signature is not None]
        lines = "".join(signature.to_line() for _, signature in came)
        return replace(signed, note=signed.note + lines.encode()), [key for key, _ in came]

    def close(self) -> None:
        """Let the connections go."""
        self._exchanges.close()

"""A gateway's side: sends entries to the writer over a Unix socket or TLS, and believes only proofs under the log's key."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import wait
from functools import partial
from pathlib import Path

import httpx

from passerby.errors import FormatError, StorageError, UsageError, VerificationError
from passerby.register.notes import Policy, Signer, VerifierKey
from passerby.register.submission.submission import Numbered, Refused, Submission
from passerby.register.threads import call_in_thread
from passerby.register.verification import Proof, follow, require

DEADLINE_S = 15.0
"""For one exchange as a whole. Source: a log on an object store answers within seconds; a writer waits for its book up to 10."""
MAX_ANSWER_BYTES = 16_000_000
"""64 proofs under checkpoints with many witnesses."""
ADDRESS = r"unix:/[^\x00-\x20\x7f]+|https://[^\s/?#@]+(/[^\s?#]*)?"
"""Of a writer: a socket on this machine, or TLS."""


class SubmissionClient:
    """One gateway's way to the writer of a log. Not for two threads at once.

    Args:
        address: ``unix:/path`` or ``https://host:port``.
        signer: The gateway's own key.
        vkey: The log's key, as known from elsewhere; its changes are followed.
        ca: PEM certificates that the writer's must lead to; None takes the system's.
        deadline_s: For one exchange as a whole.

    Raises:
        UsageError: the address or the certificates cannot be used.
    """

    def __init__(
        self,
        address: str,
        signer: Signer,
        vkey: VerifierKey,
        *,
        ca: Path | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        if not re.fullmatch(ADDRESS, address):
            raise UsageError(
                f"address of a register must be like unix:/run/passerby-register/socket or https://..., got {address!r}"
            )
        self._address, self._signer, self._known = address, signer, vkey
        self._ca, self._deadline_s = ca, deadline_s
        self._base = "http://register" if address.startswith("unix:") else address.rstrip("/")
        self._client = self._connected()

    def __str__(self) -> str:
        return self._address

    def submit(self, stream: str, entries: Sequence[Numbered]) -> Refused | None:
        """Hand over entries; None when all of them are durable in the log, by its own proofs.

        Raises:
            StorageError: the writer is away, or cannot write now; ask again with the same entries.
            FormatError: it answers something else.
            VerificationError: it does not know this gateway, or what it answers is not proven.
        """
        note = Submission(self._signer.key.name, self._known.name, stream, tuple(entries)).to_note(self._signer)
        status, body = self._exchange("POST", "submit", note)
        if status == httpx.codes.OK:
            self._check(body, entries)
            return None
        told = _object(body)
        why = str(told.get("error", ""))[:300] or f"answered {status}"
        number = told.get("number")
        if status in (httpx.codes.FORBIDDEN, httpx.codes.UNPROCESSABLE_ENTITY) and number in {
            one for one, _ in entries
        }:
            return Refused(int(str(number)), why)
        if status == httpx.codes.UNAUTHORIZED:
            raise VerificationError(
                f"register at {self} does not know this gateway",
                hint=f"there: passerby register gateway add LOG '{self._signer.key}'",
            )
        raise StorageError(f"register at {self} takes nothing now: {why}")

    def get(self, path: str) -> bytes | None:
        """Return a file of the log, as ``LogSource.get``.

        Raises:
            StorageError: it cannot be read.
        """
        status, body = self._exchange("GET", path)
        if status == httpx.codes.NOT_FOUND:
            return None
        if status != httpx.codes.OK:
            raise StorageError(f"register at {self} must answer 200 for {path}, got {status}")
        return body

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _check(self, body: bytes, entries: Sequence[Numbered]) -> None:
        proofs = _object(body).get("proofs")
        if not isinstance(proofs, list) or len(proofs) != len(entries):
            raise FormatError(f"register at {self} must answer with a proof for each entry")
        parsed = [Proof.parse(str(proof).encode()) for proof in proofs]
        try:
            self._require(parsed, entries)
        except VerificationError:
            self._known = follow(self, self._known).key  # it may have changed
            self._require(parsed, entries)

    def _require(self, proofs: Sequence[Proof], entries: Sequence[Numbered]) -> None:
        policy = Policy(logs=(self._known,))
        for proof, (_, data) in zip(proofs, entries, strict=True):
            require(proof, data, policy)

    def _exchange(self, method: str, path: str, content: bytes | None = None) -> tuple[int, bytes]:
        """One request and its answer, within the deadline as a whole, however slowly it drips."""
        client = self._client
        asked = call_in_thread(partial(self._request, client, method, path, content))
        wait([asked], timeout=self._deadline_s)
        if not asked.done():
            self._client = self._connected()
            call_in_thread(client.close)  # which may wait for what it ends
            raise StorageError(f"register at {self} must answer within {self._deadline_s:g} s")
        try:
            return asked.result()
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            raise StorageError(f"register at {self} cannot be reached: {str(exc) or type(exc).__name__}") from exc

    def _request(self, client: httpx.Client, method: str, path: str, content: bytes | None) -> tuple[int, bytes]:
        if self._address.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as there:  # httpcore leaves its own open where nobody listens
                there.connect(self._address.removeprefix("unix:"))
        # as it is: an answer that unpacks to more than it was is none of ours
        headers = {"Accept-Encoding": "identity"}
        with client.stream(method, f"{self._base}/{path}", content=content, headers=headers) as answer:
            body = bytearray()
            for piece in answer.iter_raw():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise FormatError(f"register at {self} must answer in at most {MAX_ANSWER_BYTES} bytes")
            return answer.status_code, bytes(body)

    def _connected(self) -> httpx.Client:
        timeout = httpx.Timeout(self._deadline_s)
        if self._address.startswith("unix:"):
            transport = httpx.HTTPTransport(uds=self._address.removeprefix("unix:"))
            return httpx.Client(transport=transport, timeout=timeout)
        try:
            context = ssl.create_default_context(cafile=str(self._ca) if self._ca else None)
        except (OSError, ssl.SSLError) as exc:
            raise UsageError(f"certificates in {self._ca} cannot be used: {exc}") from exc
        return httpx.Client(verify=context, timeout=timeout)


def _object(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise FormatError("register must answer in JSON") from exc
    if not isinstance(found, dict):
        raise FormatError("register must answer with a JSON object")
    return found

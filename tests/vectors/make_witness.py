"""Writes witness.json: requests to a witness, in order, and what C2SP tlog-witness wants for each: status, header, body.

What is wanted is written out here by the specification; keys, hashes and proofs are RFC 8032's and RFC 6962's by their
definitions, not by the code under test. The last field is what the public witness client (transparency-dev/witness, client/http)
makes of the answer: ``tests/interop/witness.go`` asks it, see there how it is built. CI replays the table without it.
Usage: python tests/vectors/make_witness.py > tests/vectors/witness.json
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN, WITNESS = "example.com/log", "witness.example/w1"
TIME_S = 1_796_000_000
"""By the witness's clock."""
LOG_SEED, NEXT_SEED, STRANGER_SEED, WITNESS_SEED = (letter * 32 for letter in (b"l", b"n", b"s", b"w"))
SIZE_TYPE, TEXT_TYPE = "text/x.tlog.size", "text/plain; charset=utf-8"


def b64(data: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(data).decode()


def sha(data: bytes) -> bytes:
    """Return SHA-256."""
    return hashlib.sha256(data).digest()


def tree(label: str, start: int, stop: int) -> bytes:
    """Return RFC 6962's hash of the leaves from ``start`` to ``stop`` of a log that holds its label and number."""
    if stop - start == 0:
        return sha(b"")
    if stop - start == 1:
        return sha(b"\x00" + f"{label}{start}".encode())
    middle = start + split(stop - start)
    return sha(b"\x01" + tree(label, start, middle) + tree(label, middle, stop))


def split(count: int) -> int:
    """Return the largest power of two below a count."""
    return 1 << ((count - 1).bit_length() - 1)


def proof(label: str, old: int, start: int, stop: int, *, whole: bool = True) -> list[bytes]:
    """Return RFC 6962's consistency proof, section 2.1.2: SUBPROOF(old, D[start:stop], whole)."""
    if old == stop - start:
        return [] if whole else [tree(label, start, stop)]
    middle = split(stop - start)
    if old <= middle:
        return [*proof(label, old, start, start + middle, whole=whole), tree(label, start + middle, stop)]
    return [*proof(label, old - middle, start + middle, stop, whole=False), tree(label, start, start + middle)]


def public(seed: bytes) -> bytes:
    """Return the public key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(name: str, kind: int, seed: bytes) -> bytes:
    """Return the four bytes that a signature line starts with."""
    return sha(name.encode() + b"\n" + bytes([kind]) + public(seed))[:4]


def vkey(name: str, kind: int, seed: bytes) -> str:
    """Return a verifier key."""
    return f"{name}+{key_id(name, kind, seed).hex()}+{b64(bytes([kind]) + public(seed))}"


def line(name: str, value: bytes) -> str:
    """Return a signature line."""
    return f"\u2014 {name} {b64(value)}\n"


def sign(seed: bytes, message: bytes) -> bytes:
    """Return an Ed25519 signature, which is the same each time."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def text(size: int, label: str = "a", *, origin: str = ORIGIN, root: bytes | None = None, more: str = "") -> str:
    """Return a checkpoint's text."""
    return f"{origin}\n{size}\n{b64(tree(label, 0, size) if root is None else root)}\n{more}"


def log_line(body: str, seed: bytes = LOG_SEED, *, origin: str = ORIGIN) -> str:
    """Return a log's signature line over a text."""
    return line(origin, key_id(origin, 1, seed) + sign(seed, body.encode()))


def note(body: str, *lines: str) -> str:
    """Return a text with signature lines, the log's own unless others are given."""
    return f"{body}\n{''.join(lines or (log_line(body),))}"


def cosignature(body: str) -> str:
    """Return the witness's line over a text."""
    message = f"cosignature/v1\ntime {TIME_S}\n{body}".encode()
    return line(WITNESS, key_id(WITNESS, 4, WITNESS_SEED) + TIME_S.to_bytes(8, "big") + sign(WITNESS_SEED, message))


def request(old: int | str, hashes: list[bytes], signed: str) -> str:
    """Return the body of an add-checkpoint request."""
    return "\n".join([f"old {old}", *map(b64, hashes), "", signed])


def grow(old: int, new: int, label: str = "a") -> list[bytes]:
    """Return the consistency proof from one size to another."""
    return proof(label, old, 0, new) if old else []


class Table:
    """The cases, in the order they are asked."""

    def __init__(self) -> None:
        self.cases: list[dict[str, Any]] = []

    def post(
        self,
        name: str,
        body: str,
        status: int,
        said: str | None = None,
        *,
        kind: str = TEXT_TYPE,
        client: str | None = None,
    ) -> None:
        """Add a request to add a checkpoint.

        Args:
            name: What it shows.
            body: Sent.
            status: Wanted.
            said: The wanted body; None where the specification leaves it open.
            kind: The wanted content type.
            client: What the public client makes of the answer; None where it cannot send such a request.
        """
        wanted = {"status": status, "content-type": kind, "body": said}
        self.cases.append(
            {
                "name": name,
                "method": "POST",
                "path": "/add-checkpoint",
                "body": body,
                "answer": wanted,
                "client": client,
            }
        )

    def get(self, name: str, path: str, status: int, said: str | None = None) -> None:
        """Add a request to read."""
        wanted = {"status": status, "content-type": TEXT_TYPE, "body": said}
        self.cases.append({"name": name, "method": "GET", "path": path, "body": None, "answer": wanted, "client": None})

    def signs(self, name: str, old: int, body: str, *lines: str, hashes: list[bytes] | None = None) -> None:
        """Add a request that is granted."""
        size = int(body.split("\n")[1])
        sent = request(old, grow(old, size) if hashes is None else hashes, note(body, *lines))
        self.post(name, sent, 200, cosignature(body), client="signed")


def refusals(table: Table) -> None:
    """Before the witness has signed anything."""
    stranger = text(5, origin="unknown.example/log")
    first, refused = text(5), "ErrNoValidSignature"
    broken = line(ORIGIN, key_id(ORIGIN, 1, NEXT_SEED) + bytes(64))
    table.get("nothing signed yet", f"/{sha(ORIGIN.encode()).hex()}/checkpoint", 404)
    unknown = note(stranger, log_line(stranger, STRANGER_SEED, origin="unknown.example/log"))
    table.post("origin that is not known", request(0, [], unknown), 404, client="ErrUnknownLog")
    table.post(
        "key that is not known", request(0, [], note(first, log_line(first, STRANGER_SEED))), 403, client=refused
    )
    table.post("wrong signature of a known key", request(0, [], note(text(6), log_line(first))), 403, client=refused)
    both = note(first, log_line(first), broken)
    table.post("one good, one wrong of a known key", request(0, [], both), 403, client=refused)
    table.post("old size above the checkpoint's", request(6, [], note(first)), 400, client="ErrOldSizeInvalid")
    zero = note(text(0, root=bytes(32)))
    table.post("size 0 with another root", request(0, [], zero), 422, client="ErrInvalidProof")
    table.post(
        "proof from size 0 that is not empty", request(0, [bytes(32)], note(first)), 422, client="ErrInvalidProof"
    )
    stale = "ErrCheckpointStale"
    table.post(
        "old size of a log not seen yet",
        request(3, grow(3, 5), note(first)),
        409,
        "0\n",
        kind=SIZE_TYPE,
        client=f"{stale} 0",
    )


def growing(table: Table) -> None:
    """As a log grows, with what does not fit in between."""
    stale, invalid = "ErrCheckpointStale", "ErrInvalidProof"
    table.signs("first checkpoint", 0, text(5))
    table.signs("the same again", 5, text(5))
    table.post("old size 0 later", request(0, [], note(text(9))), 409, "5\n", kind=SIZE_TYPE, client=f"{stale} 5")
    table.post(
        "old size too small", request(3, grow(3, 9), note(text(9))), 409, "5\n", kind=SIZE_TYPE, client=f"{stale} 5"
    )
    table.post(
        "old size too large", request(7, grow(7, 9), note(text(9))), 409, "5\n", kind=SIZE_TYPE, client=f"{stale} 5"
    )
    table.signs("growth", 5, text(9))
    table.post("another history", request(9, grow(9, 20, "b"), note(text(20, "b"))), 422, client=invalid)
    table.post("another root of the same size", request(9, [], note(text(9, "b"))), 422, client=invalid)
    table.post("growth without its proof", request(9, [], note(text(20))), 422, client=invalid)
    bent = [grow(9, 20)[0][::-1], *grow(9, 20)[1:]]
    table.post("proof with a hash bent", request(9, bent, note(text(20))), 422, client=invalid)
    table.signs("extension lines are signed too", 9, text(20, more="some extension\nand one more\n"))
    body = text(21)
    table.signs("new key of the log beside the old", 20, body, log_line(body), log_line(body, NEXT_SEED))
    body = text(22)
    unknown = [line(f"pq{i}.example", b"abcd" + b"\x42" * 4900) for i in range(15)]
    table.signs("fifteen unknown signatures of nearly 5 kB", 21, body, log_line(body), *unknown)
    table.get(
        "last checkpoint signed",
        f"/{sha(ORIGIN.encode()).hex()}/checkpoint",
        200,
        note(body, log_line(body), cosignature(body)),
    )
    table.get("hash in capitals", f"/{sha(ORIGIN.encode()).hex().upper()}/checkpoint", 404)
    table.get("key of the witness", "/", 200, f"{vkey(WITNESS, 4, WITNESS_SEED)}\n")


def malformed(table: Table) -> None:
    """What no client of good will sends; after it the witness is where it was."""
    good = request(22, grow(22, 23), note(text(23)))
    broken = {
        "nothing": "", "no empty line": good.replace("\n\n", "\n"), "line ends of DOS": good.replace("\n", "\r\n"),
        "NUL": good + "\0", "old size with a zero before": good.replace("old 22", "old 022"),
        "old size below 0": good.replace("old 22", "old -1"), "old size of 20 digits": good.replace("old 22", "old " + "9" * 20),
        "old size in other digits": good.replace("old 22", "old \u0662\u0662"), "no old size": good.partition("\n")[2],
        "hash of 31 bytes": request(22, [bytes(31)], note(text(23))),
        "sixty-four hashes": request(22, [bytes(32)] * 64, note(text(23))),
        "hash in URL spelling": good.replace(b64(grow(22, 23)[0]), "-_" * 21 + "-="),
        "size with a plus": request(22, grow(22, 23), note(text(23).replace("\n23\n", "\n+23\n"))),
        "signature without its dash": good.replace("\u2014 ", ""), "no signature": request(22, grow(22, 23), text(23) + "\n"),
    }  # fmt: skip
    for name, body in broken.items():
        table.post(name, body, 400)
    table.signs("and it goes on", 22, text(23))


def main() -> None:
    """Print the table."""
    table = Table()
    for part in (refusals, growing, malformed):
        part(table)
    setting = {
        "witness": {"name": WITNESS, "seed": WITNESS_SEED.hex(), "vkey": vkey(WITNESS, 4, WITNESS_SEED)},
        "logs": [vkey(ORIGIN, 1, LOG_SEED), vkey(ORIGIN, 1, NEXT_SEED)],
        "time_s": TIME_S,
    }
    sys.stdout.write(json.dumps({**setting, "cases": table.cases}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

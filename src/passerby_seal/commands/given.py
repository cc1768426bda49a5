"""Files that a command was given: packs, keys, parcels, proofs. What they hold is told; what is wrong with them, too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from passerby.errors import FormatError, OutputError, StorageError, UsageError
from passerby.files import write_atomic
from passerby.register import Heartbeat, LogReader, Policy, Proof, ProvenEntry, decode_entry, require
from passerby_seal.keys import CustodyKey, FileCustodyKey, RoleKey, SealingKey
from passerby_seal.pieces import AuthorityBoxes, FacePlan, Pack, PackFiles, ShareParcel
from passerby_seal.refusals import KeyFormatError, SealFormatError

MAX_BYTES = 8_000_000
_PROOFS = "`passerby register prove LOG N -o PROOF` writes the one; the other is the log's key and witnesses, docs/register.md"
_Key = TypeVar("_Key", bound=RoleKey)
PackPaths = Annotated[list[Path], typer.Argument(metavar="PACK...", help="A pack, or its parts in their order.")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
BoxesOption = Annotated[
    Path | None, typer.Option("--boxes", help="What the custodian handed over, as `seal unlock` writes it.")
]
UnfinishedOption = Annotated[
    bool, typer.Option("--unfinished", help="Of an hour that is still written: take what is there.")
]
ProofOption = Annotated[
    Path, typer.Option("--proof", help="Of the register's entry, as `passerby register prove LOG N -o` writes it.")
]
PolicyOption = Annotated[
    Path, typer.Option("--witnesses", help="The log's key and witnesses (C2SP tlog-policy) as you know them yourself.")
]


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        UsageError: it cannot be read, or is too long.
    """
    try:
        with path.open("rb") as file:
            found = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}", hint="name a file that is there") from exc
    if len(found) > MAX_BYTES:
        raise UsageError(f"{path} must be at most {MAX_BYTES} bytes", hint="this is another file")
    return found


@contextmanager
def opened_pack(paths: Sequence[Path], *, unfinished: bool = True) -> Iterator[Pack]:
    """Open a pack; of one that is still written, or was cut off, it is said that it is read as far as it goes.

    Args:
        paths: Its parts in their order.
        unfinished: Whether such a pack may be used at all.

    Raises:
        UsageError: there is no such file.
        StorageError: it cannot be read.
        SealCutError: it has no close, and must have one.
        SealError: it is none.
    """
    for path in paths:
        if not path.is_file():
            raise UsageError(
                f"pack {path} must be a file, there is none", hint="give HOUR.seal, or its parts in their order"
            )
    with PackFiles(*paths) as files:
        pack = Pack.read(files, unfinished=unfinished)
        if not pack.closed:
            typer.echo(
                f"warning: {paths[-1]} has no close: it is still written, or was cut off, and is read as far as it goes",
                err=True,
            )
        yield pack


def read_public(path: Path) -> SealingKey:
    """Return the public key in a file.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        return SealingKey.parse(read_file(path).decode("ascii", "replace"))
    except KeyFormatError as exc:
        raise UsageError(f"{path}: {exc.message}", hint=exc.hint) from exc


def read_key(kind: type[_Key], path: Path) -> _Key:
    """Return the private key in a file.

    Raises:
        UsageError: there is no such file, or it holds no key of this role.
        StorageError: it cannot be read, or others may read it.
    """
    if not path.is_file():
        raise UsageError(f"key {path} must be a file, there is none", hint="`passerby seal key` makes keys")
    try:
        return kind.load(path)
    except KeyFormatError as exc:
        raise UsageError(exc.message, hint=f"give the private key of a {kind.role}") from exc


def read_custody_key(path: Path) -> CustodyKey | FileCustodyKey:
    """Return a custodian's private key, of a camera and hour or of files.

    Raises:
        UsageError: there is no such file, or it holds no custodian's key.
        StorageError: it cannot be read, or others may read it.
    """
    try:
        return CustodyKey.load(path)
    except (KeyFormatError, StorageError):
        return read_key(FileCustodyKey, path)


def read_boxes(path: Path) -> AuthorityBoxes:
    """Return a custodian's boxes.

    Raises:
        UsageError: the file cannot be read.
        SealFormatError: it holds none.
    """
    return AuthorityBoxes.from_json(read_file(path))


def read_parcel(path: Path) -> ShareParcel:
    """Return a parcel of shares.

    Raises:
        UsageError: the file cannot be read.
        MalformedShareError: it holds none.
    """
    return ShareParcel.from_json(read_file(path))


def proven(proof: Path, witnesses: Path) -> ProvenEntry:
    """Return the entry that a proof holds, after log, path and witnesses' quorum were checked, offline.

    Raises:
        UsageError: a file cannot be read, or is no proof or policy.
        VerificationError: the entry does not stand in the log, or too few witnesses have seen it.
    """
    try:
        found, policy = Proof.parse(read_file(proof)), Policy.parse(read_file(witnesses).decode())
    except (FormatError, UnicodeDecodeError) as exc:
        raise UsageError(f"{proof} and {witnesses} must be a proof and a policy: {exc}", hint=_PROOFS) from exc
    if found.extra is None:
        raise UsageError(f"{proof} must hold the entry itself", hint="`passerby register prove` puts it there")
    return require(found, found.extra, policy, witnessed=True)


def named_pieces(pack: Pack, entry: ProvenEntry) -> list[int]:
    """Return the numbers of the pieces of a pack that an entry names; none where its kind names no pieces."""
    wanted = set(getattr(decode_entry(entry.entry), "pieces", ()))
    return [number for number, piece in pack.pieces.items() if piece.digest in wanted]


def roots_on_record(place: str, camera: str, vkey: str | None) -> dict[str, int]:
    """Return the roots that a camera's heartbeats put on record, each with its entry; all are checked as they are read.

    Raises:
        RegisterError: the log cannot be read, or does not hold together.
    """
    reader = LogReader.open(place, vkey=vkey)
    try:
        numbered = enumerate(reader.entries())
        stated = ((index, one) for index, one in numbered if isinstance(one, Heartbeat) and one.camera == camera)
        return {root: index for index, one in stated for root in one.sealed_roots or ()}
    finally:
        reader.close()


def recorded_in(pack: Pack, number: int, roots: Mapping[str, int]) -> int | None:
    """Return the entry that puts the root over a piece's leaf on record; None where none does."""
    tree = pack.tree_of(number)
    return None if tree is None else roots.get(tree.root.hex())


def read_plan(path: Path) -> tuple[str, FacePlan]:
    """Return the identifier and the plan of a test.

    Raises:
        UsageError: the file cannot be read, or holds none.
    """
    try:
        told = json.loads(read_file(path))
        return str(told["test"]), FacePlan.parse(told["value"], told["salt"])
    except (ValueError, KeyError, TypeError, RecursionError, SealFormatError) as exc:
        raise UsageError(f"{path} must be a plan as `seal test plan` writes it", hint="give the file of -o") from exc


def write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file whole, for its owner alone.

    Raises:
        UsageError: it is there already.
        OutputError: it cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path} must not exist yet", hint="choose another name")
    write_atomic(path, data, mode=mode)


def make_folder(path: Path) -> None:
    """Make a folder, for its owner alone.

    Raises:
        UsageError: something stands there already.
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError as exc:
        raise UsageError(f"{path} must not exist yet", hint="choose another name") from exc
    except OSError as exc:
        raise OutputError(f"cannot make {path}: {exc.strerror}", hint="choose a folder that you may write to") from exc

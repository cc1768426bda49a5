"""Nothing is released off the record: what an entry of the register allows, of what, and until when.

`register.require` alone makes a `ProvenEntry`, so that whoever gives out shares has checked log, proof and witnesses; here stands
what the entries must say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from passerby.errors import EntryError
from passerby.register import (
    Heartbeat,
    ProvenEntry,
    SealHeld,
    SealTestAnnounced,
    SealTestPlanned,
    commit,
    decode_entry,
    format_instant,
    leaf_hash,
)
from passerby_seal.keys import SealingKey
from passerby_seal.pieces.context import FILE_ORIGIN, HOUR
from passerby_seal.pieces.pack import Pack
from passerby_seal.refusals import NotOnRecordError, RetentionOverError, SealFormatError

MOST_TEST_PIECES = 8
"""Source: a choice; one face shown for at most ten minutes is a few pieces, and a test is no way to open a crowd."""


@dataclass(frozen=True, slots=True)
class FacePlan:
    """What a test's commitment fixed: at which camera a face is shown, and when.

    Attributes:
        value: The text that was committed to.
        salt: That it was committed with.
        camera: In the register.
        begin: Aware.
        end: Aware, later.
    """

    value: str
    salt: str
    camera: str
    begin: datetime
    end: datetime

    @classmethod
    def parse(cls, value: str, salt: str) -> FacePlan:
        """Read a plan.

        Raises:
            SealFormatError: it is none.
        """
        try:
            commit(value, salt)
            said = json.loads(value)
            camera, begin = said["camera"], datetime.fromisoformat(said["begin"]).astimezone(UTC)
            plan = cls(value, salt, camera, begin, begin + timedelta(seconds=said["seconds"]))
        except (EntryError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as exc:
            raise SealFormatError("plan of a test must tell camera, begin and seconds, got something else") from exc
        if not isinstance(camera, str) or plan.end <= plan.begin:
            raise SealFormatError("plan of a test must name its camera and last a while, got something else")
        return plan


@dataclass(frozen=True, slots=True)
class OpeningRecord:
    """What a test opening rests on, all of it proven to stand in the log.

    Attributes:
        entry: `test.announced`: the pieces, and the requester.
        planned: `test.planned` of the same test.
        plan: What that one fixed.
        heartbeats: Of the camera, with the roots that the pieces stand under; none for a file.
    """

    entry: ProvenEntry
    planned: ProvenEntry
    plan: FacePlan
    heartbeats: tuple[ProvenEntry, ...] = ()


def require_release(record: OpeningRecord, pack: Pack, pieces: Iterable[int], requester: SealingKey) -> bytes:
    """Return the leaf hash of an entry that allows shares of these pieces to go to this key.

    Raises:
        NotOnRecordError: it does not; or the test was not planned so, or a piece is not on record.
        UnknownPieceError, SealAlteredError: a piece is not there as it was sealed.
    """
    stated = decode_entry(record.entry.entry)
    if not isinstance(stated, SealTestAnnounced):
        raise NotOnRecordError(
            f"shares must rest on an opening that stands in the register, got an entry {stated.kind}"
        )
    if stated.requester != requester.digest:
        raise NotOnRecordError("shares must go to the requester whom the entry names, got another key")
    if len(stated.pieces) > MOST_TEST_PIECES:
        raise NotOnRecordError(f"a test must open at most {MOST_TEST_PIECES} pieces, names {len(stated.pieces)}")
    numbers = tuple(pieces)
    leaf = _named(record.entry, pack, numbers, stated)
    _check_planned(record, pack, stated)
    _check_roots(record, pack, numbers)
    return leaf


def require_hold(entry: ProvenEntry, pack: Pack, pieces: Iterable[int], now: datetime) -> tuple[bytes, str]:
    """Return the leaf hash of an entry that says that these pieces are held, and until when, as entries spell it.

    Raises:
        NotOnRecordError: it does not.
        RetentionOverError: the hold has ended.
        UnknownPieceError, SealAlteredError: a piece is not there as it was sealed.
    """
    stated = decode_entry(entry.entry)
    if not isinstance(stated, SealHeld):
        raise NotOnRecordError(f"a hold must rest on its entry in the register, got an entry {stated.kind}")
    leaf, until = _named(entry, pack, pieces, stated), format_instant(stated.until)
    require_before(until, now)
    return leaf, until


def require_unlock(entry: ProvenEntry, pack: Pack) -> None:
    """Pass only if an entry names a piece of this pack, to be opened or held.

    Raises:
        NotOnRecordError: it does not.
        SealAlteredError: the piece is not as it was sealed.
    """
    stated = decode_entry(entry.entry)
    if not isinstance(stated, SealTestAnnounced | SealHeld):
        raise NotOnRecordError(f"boxes must rest on an entry that names pieces of their pack, got {stated.kind}")
    named = [number for number, piece in pack.pieces.items() if piece.digest in stated.pieces]
    if not named:
        raise NotOnRecordError("boxes must rest on an entry that names pieces of their pack, names none of it")
    _named(entry, pack, named, stated)


def require_kept(pack: Pack, now: datetime) -> None:
    """Pass only within the retention that a pack was sealed under.

    Raises:
        RetentionOverError: it is over; whoever still has the hour's key or boxes should not.
    """
    over = pack.context.begins + HOUR + timedelta(seconds=pack.policy.retention_s)
    if now >= over:
        raise RetentionOverError(
            f"pieces must be within their retention, which ended at {format_instant(over)}", hint="destroy the boxes"
        )


def require_before(until: str, now: datetime) -> None:
    """Pass only before the end of a hold.

    Raises:
        RetentionOverError: it has ended.
    """
    if now >= datetime.fromisoformat(until):
        raise RetentionOverError(f"pieces must be held still, their hold ended at {until}", hint="destroy the hold")


def _named(entry: ProvenEntry, pack: Pack, pieces: Iterable[int], stated: SealTestAnnounced | SealHeld) -> bytes:
    _check_seen(entry, pack)
    if stated.camera != pack.context.camera:
        raise NotOnRecordError(f"entry must be of the pack's camera, {pack.context.camera}, is of {stated.camera}")
    for number in pieces:
        if pack.check_piece(number).digest not in stated.pieces:
            raise NotOnRecordError(f"piece must be one that the entry names, got {number}")
    return leaf_hash(entry.entry)


def _check_seen(entry: ProvenEntry, pack: Pack) -> None:
    if not entry.witnesses:
        raise NotOnRecordError("entry must be seen by witnesses before it counts, got one that none has signed")
    origin = pack.context.origin
    if origin not in (FILE_ORIGIN, entry.checkpoint.origin):
        raise NotOnRecordError(
            f"entry must stand in the log of the pack, {origin}, stands in {entry.checkpoint.origin}"
        )


def _check_planned(record: OpeningRecord, pack: Pack, announced: SealTestAnnounced) -> None:
    """Pass only if the test was planned for this pack's camera and hour, and witnesses saw that before the face was shown."""
    planned, plan = record.planned, record.plan
    _check_seen(planned, pack)
    stated, begins = decode_entry(planned.entry), pack.context.begins
    if not isinstance(stated, SealTestPlanned) or stated.test != announced.test:
        raise NotOnRecordError("a test must be planned in the register, got no test.planned of the same test")
    if (planned.checkpoint.origin, planned.index >= record.entry.index) != (record.entry.checkpoint.origin, False):
        raise NotOnRecordError("a test must be planned before it is announced, in the same log")
    if commit(plan.value, plan.salt) != stated.details.digest:
        raise NotOnRecordError("plan must be the one that test.planned fixed, got another")
    if plan.camera != pack.context.camera:
        raise NotOnRecordError(f"pack must be of the planned camera, {plan.camera}, is of {pack.context.camera}")
    if not begins <= plan.begin < plan.end <= begins + HOUR:
        raise NotOnRecordError(
            f"pack must hold the planned time, {format_instant(plan.begin)}, is of {pack.context.hour}"
        )
    seen_s = planned.time_s
    if stated.at >= plan.begin or seen_s is None or seen_s >= plan.begin.timestamp():
        raise NotOnRecordError(
            "a test must be planned, and witnesses must have seen that, before its face is shown, got it later",
            hint="`passerby register prove` the plan right after it was appended: its proof holds when it was seen",
        )


def _check_roots(record: OpeningRecord, pack: Pack, numbers: Iterable[int]) -> None:
    """Pass only if each piece stands under a root that a heartbeat of the camera put on record."""
    if pack.context.origin == FILE_ORIGIN:
        return
    roots: set[str] = set()
    for heartbeat in record.heartbeats:
        _check_seen(heartbeat, pack)
        stated = decode_entry(heartbeat.entry)
        if not isinstance(stated, Heartbeat) or stated.camera != pack.context.camera:
            raise NotOnRecordError(f"roots must stand in heartbeats of the pack's camera, got an entry {stated.kind}")
        roots.update(stated.sealed_roots or ())
    for number in numbers:
        tree = pack.tree_of(number)
        if tree is None or tree.root.hex() not in roots:
            raise NotOnRecordError(
                f"piece {number} must stand under a root in the heartbeats that were given, stands under none"
            )

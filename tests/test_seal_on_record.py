"""No share is released and none is held unless an entry of the register, seen by a witness, says just that."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.seal_tools import (
    AT,
    CAMERA,
    HOUR,
    LOG,
    PLANNED,
    SHOWN,
    TEST,
    counted,
    face_plan,
    holders,
    opening_record,
    planned,
    proven,
    read,
    sealed,
)

from passerby.errors import SealError
from passerby.register import Entry, FileSigner, ProvenEntry, Remark, SealHeld, SealTestAnnounced, format_instant
from passerby_seal.pieces import (
    FILE_ORIGIN,
    BucketContext,
    FacePlan,
    OpeningRecord,
    ShareParcel,
    combine,
    hold,
    open_piece,
    release,
    unlock,
)
from passerby_seal.pieces.opening import custody_boxes
from passerby_seal.refusals import ForeignShareError, NotOnRecordError, RetentionOverError, UnknownPieceError

WHO = holders()
DATA = sealed(WHO, b"first", b"second", b"third")
PACK = read(DATA)
BOXES = custody_boxes(PACK, WHO.custodian)
REQUESTER = WHO.requester.public
OPENING = SealTestAnnounced(
    at=AT,
    camera=CAMERA,
    test=TEST,
    requester=REQUESTER.digest,
    pieces=(PACK.pieces[0].digest, PACK.pieces[2].digest),
)
HELD = SealHeld(at=AT, camera=CAMERA, case="2" * 32, pieces=OPENING.pieces, until=AT + timedelta(days=60))


def released(entry: Entry, *pieces: int, **more: object) -> list[ShareParcel]:
    return [
        release(PACK, key, BOXES, pieces, requester=REQUESTER, record=opening_record(PACK, entry, **more), now=AT)  # type: ignore[arg-type]
        for key in WHO.authorities[:2]
    ]


def test_what_the_entry_names_is_opened() -> None:
    keys = combine(released(OPENING, 0, 2), WHO.requester, PACK)
    assert [open_piece(PACK, number, key).data for number, key in keys.items()] == [b"first", b"third"]
    assert open_piece(PACK, 2, combine(released(OPENING, 2), WHO.requester, PACK)[2]).data == b"third"


@pytest.mark.parametrize(
    ("entry", "pieces", "more"),
    [
        (OPENING, (0,), {"witnessed": False}),
        (OPENING, (0,), {"log": FileSigner("register.example/other", 1, b"o" * 32)}),
        (OPENING, (0, 1), {}),
        (OPENING.model_copy(update={"camera": "f" * 32}), (0,), {}),
        (OPENING.model_copy(update={"requester": "sha256:" + "0" * 64}), (0,), {}),
        (HELD, (0,), {}),
        (Remark(at=AT, text="an opening"), (0,), {}),
    ],
)
def test_what_it_does_not_say_is_refused(entry: Entry, pieces: tuple[int, ...], more: dict[str, object]) -> None:
    with pytest.raises(NotOnRecordError):
        released(entry, *pieces, **more)


def test_a_piece_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownPieceError):
        released(OPENING, 3)


def test_held_pieces_outlast_the_key_of_their_hour_and_no_others_do() -> None:
    holds = [
        ShareParcel.from_json(hold(PACK, key, BOXES, (0, 2), entry=proven(HELD), now=AT).to_json())
        for key in WHO.authorities
    ]
    parcels = [
        release(PACK, key, held, (2,), requester=REQUESTER, record=opening_record(PACK, OPENING), now=AT)
        for key, held in zip(WHO.authorities[1:], holds[1:], strict=True)
    ]
    assert open_piece(PACK, 2, combine(parcels, WHO.requester, PACK)[2]).data == b"third"
    named = OPENING.model_copy(update={"pieces": (PACK.pieces[1].digest,)})
    wrong: list[tuple[int, ShareParcel, SealTestAnnounced, int]] = [
        (0, holds[0], named, 1),
        (0, holds[1], OPENING, 2),
        (0, replace(holds[1], authority=1), OPENING, 2),
        (0, replace(holds[0], pieces=(0, 1)), named, 1),
        (1, parcels[0], OPENING, 2),
    ]
    for index, held, entry, piece in wrong:
        with pytest.raises(ForeignShareError):
            release(
                PACK,
                WHO.authorities[index],
                held,
                (piece,),
                requester=REQUESTER,
                record=opening_record(PACK, entry),
                now=AT,
            )


@pytest.mark.parametrize(
    ("entry", "pieces"), [(OPENING, (0,)), (HELD, (1,)), (HELD.model_copy(update={"camera": "f" * 32}), (0,))]
)
def test_a_hold_is_on_record_as_well(entry: Entry, pieces: tuple[int, ...]) -> None:
    with pytest.raises(NotOnRecordError):
        hold(PACK, WHO.authorities[0], BOXES, pieces, entry=proven(entry), now=AT)
    with pytest.raises(NotOnRecordError):
        hold(PACK, WHO.authorities[0], BOXES, (0,), entry=proven(HELD, witnessed=False), now=AT)


def test_a_file_has_no_log_of_its_own() -> None:
    """Its pieces are named by any log that the authority's own policy trusts."""
    pack = read(sealed(WHO, b"first", context=BucketContext(FILE_ORIGIN, CAMERA, HOUR)))
    boxes = custody_boxes(pack, WHO.custodian)
    entry = OPENING.model_copy(update={"pieces": (pack.pieces[0].digest,)})
    record = replace(opening_record(pack, entry), heartbeats=())
    parcels = [
        release(pack, key, boxes, (0,), requester=REQUESTER, record=record, now=AT) for key in WHO.authorities[:2]
    ]
    assert open_piece(pack, 0, combine(parcels, WHO.requester, pack)[0]).data == b"first"


def test_damage_of_a_named_piece_is_seen_before_anything_is_released() -> None:
    place = DATA.index(PACK.chunk(2, 0)) + 50
    pack = read(DATA[:place] + bytes([DATA[place] ^ 1]) + DATA[place + 1 :])
    with pytest.raises(SealError, match="piece 2 is not what was sealed"):
        release(
            pack, WHO.authorities[0], BOXES, (2,), requester=REQUESTER, record=opening_record(PACK, OPENING), now=AT
        )


PLAN = face_plan()
RECORD = opening_record(PACK, OPENING)
SEEN_S = round(PLANNED.timestamp())
MANY = OPENING.model_copy(update={"pieces": (*OPENING.pieces, *(f"sha256:{n:064x}" for n in range(7)))})
DECOY = read(sealed(WHO, b"first", b"second", b"third"))


def planned_so(
    plan: FacePlan, *, at: datetime = PLANNED, seen_s: int = SEEN_S, witnessed: bool = True, log: FileSigner = LOG
) -> OpeningRecord:
    proof = proven(planned(plan, at=at), seen_s=seen_s, witnessed=witnessed, log=log)
    return replace(RECORD, plan=plan, planned=proof)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (replace(RECORD, planned=RECORD.entry), "no test.planned"),
        (replace(RECORD, planned=proven(planned(PLAN, test="9" * 32), seen_s=SEEN_S)), "of the same test"),
        (replace(RECORD, planned=proven(planned(PLAN), seen_s=SEEN_S, index=1)), "before it is announced"),
        (planned_so(PLAN, witnessed=False), "seen by witnesses"),
        (planned_so(PLAN, log=FileSigner("register.example/other", 1, b"o" * 32)), "log of the pack"),
        (replace(RECORD, plan=face_plan(begin=SHOWN + timedelta(minutes=1))), "the one that test.planned fixed"),
        (planned_so(face_plan(camera="f" * 32)), "of the planned camera"),
        (planned_so(face_plan(begin=SHOWN + timedelta(hours=1))), "hold the planned time"),
        (planned_so(face_plan(begin=SHOWN + timedelta(minutes=39), seconds=61)), "hold the planned time"),
        (planned_so(PLAN, at=SHOWN), "before its face is shown"),
        (planned_so(PLAN, seen_s=round(SHOWN.timestamp())), "before its face is shown"),
        (opening_record(PACK, MANY), "at most 8"),
    ],
)
def test_a_test_that_was_not_planned_so_opens_nothing(record: OpeningRecord, says: str) -> None:
    """A lone test.announced, or one written after somebody passed, is a way to open anybody."""
    with pytest.raises(NotOnRecordError, match=says):
        release(PACK, WHO.authorities[0], BOXES, (0,), requester=REQUESTER, record=record, now=AT)


@pytest.mark.parametrize(
    ("heartbeats", "says"),
    [
        ((), "under none"),
        ((proven(counted(DECOY)),), "under none"),
        ((proven(counted(PACK), witnessed=False),), "seen by witnesses"),
        ((proven(counted(PACK, "f" * 32)),), "heartbeats of the pack's camera"),
        ((proven(OPENING),), "heartbeats of the pack's camera"),
    ],
)
def test_a_piece_whose_root_is_in_no_heartbeat_is_not_released(heartbeats: tuple[ProvenEntry, ...], says: str) -> None:
    """A gateway that kept the signer could show another pack than it put on record."""
    record = replace(RECORD, heartbeats=heartbeats)
    with pytest.raises(NotOnRecordError, match=says):
        release(PACK, WHO.authorities[0], BOXES, (0,), requester=REQUESTER, record=record, now=AT)


OVER = PACK.context.begins + timedelta(hours=1, seconds=WHO.policy.retention_s)


def test_boxes_open_nothing_once_the_retention_that_they_were_sealed_under_is_over() -> None:
    key, last = WHO.authorities[0], OVER - timedelta(seconds=1)
    unlock(PACK, WHO.custodian, entry=proven(OPENING), now=last)
    release(PACK, key, BOXES, (0,), requester=REQUESTER, record=RECORD, now=last)
    hold(PACK, key, BOXES, (0,), entry=proven(HELD), now=last)
    with pytest.raises(RetentionOverError):
        unlock(PACK, WHO.custodian, entry=proven(OPENING), now=OVER)
    with pytest.raises(RetentionOverError):
        release(PACK, key, BOXES, (0,), requester=REQUESTER, record=RECORD, now=OVER)
    with pytest.raises(RetentionOverError):
        hold(PACK, key, BOXES, (0,), entry=proven(HELD), now=OVER)


@pytest.mark.parametrize(
    "entry",
    [
        Remark(at=AT, text="an opening"),
        OPENING.model_copy(update={"pieces": (DECOY.pieces[0].digest,)}),
        HELD.model_copy(update={"camera": "f" * 32}),
    ],
)
def test_a_custodian_hands_nothing_out_off_the_record(entry: Entry) -> None:
    with pytest.raises(NotOnRecordError):
        unlock(PACK, WHO.custodian, entry=proven(entry), now=AT)
    with pytest.raises(NotOnRecordError):
        unlock(PACK, WHO.custodian, entry=proven(HELD, witnessed=False), now=AT)
    assert unlock(PACK, WHO.custodian, entry=proven(HELD), now=AT).context == PACK.binding.digest


def test_a_hold_ends() -> None:
    key, last = WHO.authorities[0], HELD.until - timedelta(seconds=1)
    held = hold(PACK, key, BOXES, (0,), entry=proven(HELD), now=AT)
    assert held.until == format_instant(HELD.until)
    release(PACK, key, held, (0,), requester=REQUESTER, record=RECORD, now=last)
    with pytest.raises(RetentionOverError):
        release(PACK, key, held, (0,), requester=REQUESTER, record=RECORD, now=HELD.until)
    longer = replace(held, until=format_instant(HELD.until + timedelta(days=1)))
    with pytest.raises(ForeignShareError):
        release(PACK, key, longer, (0,), requester=REQUESTER, record=RECORD, now=HELD.until)
    ended = HELD.model_copy(update={"at": AT - timedelta(hours=2), "until": AT})
    with pytest.raises(RetentionOverError):
        hold(PACK, key, BOXES, (0,), entry=proven(ended), now=AT)

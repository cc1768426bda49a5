"""No share is released and none is held unless an entry of the register, seen by a witness, says just that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.seal_tools import AT, CAMERA, HOUR, holders, proven, read, sealed

from passerby.errors import SealError
from passerby.register import Entry, FileSigner, Remark, SealHeld, SealTestAnnounced
from passerby_seal.pieces import FILE_ORIGIN, BucketContext, ShareParcel, combine, hold, open_piece, release, unlock
from passerby_seal.refusals import ForeignShareError, NotOnRecordError, UnknownPieceError

WHO = holders()
DATA = sealed(WHO, b"first", b"second", b"third")
PACK = read(DATA)
BOXES = unlock(PACK, WHO.custodian)
REQUESTER = WHO.requester.public
OPENING = SealTestAnnounced(
    at=AT,
    camera=CAMERA,
    test="1" * 32,
    requester=REQUESTER.digest,
    pieces=(PACK.pieces[0].digest, PACK.pieces[2].digest),
)
HELD = SealHeld(at=AT, camera=CAMERA, case="2" * 32, pieces=OPENING.pieces, until=AT + timedelta(days=60))


def released(entry: Entry, *pieces: int, **more: object) -> list[ShareParcel]:
    return [
        release(PACK, key, BOXES, pieces, requester=REQUESTER, entry=proven(entry, **more))  # type: ignore[arg-type]
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
        ShareParcel.from_json(hold(PACK, key, BOXES, (0, 2), entry=proven(HELD)).to_json()) for key in WHO.authorities
    ]
    parcels = [
        release(PACK, key, held, (2,), requester=REQUESTER, entry=proven(OPENING))
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
            release(PACK, WHO.authorities[index], held, (piece,), requester=REQUESTER, entry=proven(entry))


@pytest.mark.parametrize(
    ("entry", "pieces"), [(OPENING, (0,)), (HELD, (1,)), (HELD.model_copy(update={"camera": "f" * 32}), (0,))]
)
def test_a_hold_is_on_record_as_well(entry: Entry, pieces: tuple[int, ...]) -> None:
    with pytest.raises(NotOnRecordError):
        hold(PACK, WHO.authorities[0], BOXES, pieces, entry=proven(entry))
    with pytest.raises(NotOnRecordError):
        hold(PACK, WHO.authorities[0], BOXES, (0,), entry=proven(HELD, witnessed=False))


def test_a_file_has_no_log_of_its_own() -> None:
    """Its pieces are named by any log that the authority's own policy trusts."""
    pack = read(sealed(WHO, b"first", context=BucketContext(FILE_ORIGIN, CAMERA, HOUR)))
    boxes = unlock(pack, WHO.custodian)
    entry = OPENING.model_copy(update={"pieces": (pack.pieces[0].digest,)})
    parcels = [release(pack, key, boxes, (0,), requester=REQUESTER, entry=proven(entry)) for key in WHO.authorities[:2]]
    assert open_piece(pack, 0, combine(parcels, WHO.requester, pack)[0]).data == b"first"


def test_damage_of_a_named_piece_is_seen_before_anything_is_released() -> None:
    place = DATA.index(PACK.chunk(2, 0)) + 50
    pack = read(DATA[:place] + bytes([DATA[place] ^ 1]) + DATA[place + 1 :])
    with pytest.raises(SealError, match="piece 2 is not what was sealed"):
        release(pack, WHO.authorities[0], BOXES, (2,), requester=REQUESTER, entry=proven(OPENING))

"""Whatever is wrong with shares, keys or parcels is refused by its own error, and nothing is decrypted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.seal_tools import CAMERA, ENTRY, HOUR, ORIGIN, Holders, holders, parcel_of, read, sealed

from passerby.errors import SealError
from passerby_seal.keys import AuthorityKey, CustodyKey, FileCustodyKey, RequesterKey
from passerby_seal.pieces import (
    AuthorityBoxes,
    BucketContext,
    Pack,
    PieceKey,
    ShareParcel,
    combine,
    open_piece,
)
from passerby_seal.pieces.opening import authority_shares, custody_boxes, lock_shares
from passerby_seal.refusals import (
    DoubledShareError,
    ForeignShareError,
    MalformedShareError,
    SealAlteredError,
    SealFormatError,
    TooFewSharesError,
    UnknownPieceError,
    WrongAuthorityKeyError,
    WrongCameraError,
    WrongCustodyKeyError,
    WrongHourError,
    WrongRequesterKeyError,
    WrongShareError,
)

WHO = holders(3, 5)
DATA = sealed(WHO, b"first", b"second", b"third")
PACK = read(DATA)
OTHER = read(sealed(WHO, b"first", b"second", b"third"))
BOXES = custody_boxes(PACK, WHO.custodian)
PARCELS = tuple(parcel_of(PACK, WHO, BOXES, authority, 0, 2) for authority in range(1, 6))
FIELDS = ("authority", "box", "boxes", "context", "entry", "format", "pieces")
OTHERS = tuple(parcel_of(OTHER, WHO, custody_boxes(OTHER, WHO.custodian), authority, 0, 2) for authority in range(1, 6))


def relocked(authority: int, change: Callable[[dict[int, dict[int, bytearray]]], None]) -> ShareParcel:
    """Return what an authority releases that changes its shares before it locks them."""
    key = WHO.authorities[authority - 1]
    shares = authority_shares(PACK, key, BOXES, (0, 2))
    change(shares)
    return lock_shares("release", PACK, shares, (key, WHO.requester.public), ENTRY)


def flip_all(shares: dict[int, dict[int, bytearray]]) -> None:
    for held in shares.values():
        for share in held.values():
            share[7] ^= 4


def flip_shared(shares: dict[int, dict[int, bytearray]]) -> None:
    """Of the seed that the first three authorities hold, so that none contradicts another."""
    shares[2][9][0] ^= 1


def drop_one(shares: dict[int, dict[int, bytearray]]) -> None:
    shares[0].popitem()


def lengthen(shares: dict[int, dict[int, bytearray]]) -> None:
    shares[2][min(shares[2])] += b"\0"


@pytest.mark.parametrize(
    ("parcels", "refused"),
    [
        ((), TooFewSharesError),
        (PARCELS[:2], TooFewSharesError),
        ((PARCELS[0], PARCELS[1], PARCELS[0]), DoubledShareError),
        ((*PARCELS[:3], PARCELS[2]), DoubledShareError),
        ((*PARCELS[:2], OTHERS[2]), ForeignShareError),
        ((*PARCELS[:2], replace(OTHERS[2], context=PACK.binding.digest)), ForeignShareError),
        ((*PARCELS[:2], replace(PARCELS[2], authority=4)), ForeignShareError),
        ((*PARCELS[:2], replace(PARCELS[2], authority=6)), ForeignShareError),
        ((*PARCELS[:2], replace(PARCELS[2], authority=0)), ForeignShareError),
        ((*PARCELS[:2], replace(PARCELS[2], entry=bytes(32))), ForeignShareError),
        (tuple(replace(one, entry=bytes(32)) for one in PARCELS[:3]), WrongRequesterKeyError),
        ((*PARCELS[:2], parcel_of(PACK, WHO, BOXES, 3, 0)), ForeignShareError),
        ((*PARCELS[:2], parcel_of(PACK, WHO, BOXES, 3, 0, 1)), ForeignShareError),
        (tuple(replace(one, pieces=(0, 1)) for one in PARCELS[:3]), WrongRequesterKeyError),
        ((*PARCELS[:2], replace(PARCELS[2], kind="hold")), ForeignShareError),
        ((*PARCELS[:2], replace(PARCELS[2], box=PARCELS[2].box[:-1])), ForeignShareError),
        ((*PARCELS[:2], replace(PARCELS[2], box=b"")), ForeignShareError),
        ((*PARCELS[:2], relocked(3, drop_one)), MalformedShareError),
        ((*PARCELS[:2], relocked(3, lengthen)), MalformedShareError),
        ((*PARCELS[:2], relocked(3, flip_all)), WrongShareError),
        (tuple(relocked(authority, flip_shared) for authority in (1, 2, 3)), WrongShareError),
    ],
)  # fmt: skip
def test_shares_that_do_not_make_a_key_are_refused(parcels: tuple[ShareParcel, ...], refused: type[SealError]) -> None:
    with pytest.raises(refused) as caught:
        combine(parcels, WHO.requester, PACK)
    assert type(caught.value) is refused


def test_a_share_that_only_one_authority_holds_is_held_to_the_commitment() -> None:
    who = holders(2, 2)  # each seed has one holder, so that nobody can contradict
    pack = read(sealed(who, b"first"))
    boxes = custody_boxes(pack, who.custodian)
    shares = authority_shares(pack, who.authorities[0], boxes, (0,))
    flip_all(shares)
    wrong = lock_shares("release", pack, shares, (who.authorities[0], who.requester.public), ENTRY)
    with pytest.raises(WrongShareError, match="authority 1, authority 2"):
        combine([wrong, parcel_of(pack, who, boxes, 2, 0)], who.requester, pack)


def test_another_requester_opens_no_parcel() -> None:
    with pytest.raises(WrongRequesterKeyError):
        combine(PARCELS[:3], RequesterKey.make(name="somebody else"), PACK)


@pytest.mark.parametrize(
    ("key", "refused"),
    [
        (CustodyKey.make(camera=CAMERA, hour=HOUR), WrongCustodyKeyError),
        (CustodyKey.make(camera=CAMERA, hour="2026-11-30T11"), WrongHourError),
        (CustodyKey.make(camera="f" * 32, hour=HOUR), WrongCameraError),
        (FileCustodyKey.make(name="archive"), WrongCustodyKeyError),
    ],
)
def test_another_custody_key_opens_no_pack(key: CustodyKey, refused: type[SealError]) -> None:
    with pytest.raises(refused) as caught:
        custody_boxes(PACK, key)
    assert type(caught.value) is refused


@pytest.mark.parametrize(
    "change", [{"camera": "f" * 32}, {"hour": "2026-11-30T11"}, {"origin": "register.example/other"}]
)
def test_a_box_that_was_moved_to_another_hour_or_camera_does_not_open(change: dict[str, str]) -> None:
    """Whoever writes a header anew, with a signing key of their own, cannot take the box with them."""
    context = replace(PACK.context, **change)  # type: ignore[arg-type]
    moved = read(sealed(WHO, b"first", context=context))
    moved.outer = PACK.outer
    seed = bytearray(WHO.custodian.seed)
    key = CustodyKey(seed, {"camera": context.camera, "hour": context.hour})
    with pytest.raises(SealAlteredError):
        custody_boxes(moved, key)


def test_another_authority_gets_no_shares() -> None:
    with pytest.raises(WrongAuthorityKeyError):
        authority_shares(PACK, AuthorityKey.make(name="authority 1"), BOXES, (0,))
    with pytest.raises(ForeignShareError):
        authority_shares(OTHER, WHO.authorities[0], BOXES, (0,))
    swapped = AuthorityBoxes(BOXES.context, (BOXES.boxes[1], BOXES.boxes[0], *BOXES.boxes[2:]))
    with pytest.raises(SealAlteredError):
        authority_shares(PACK, WHO.authorities[0], swapped, (0,))
    with pytest.raises(ForeignShareError):
        authority_shares(PACK, WHO.authorities[0], AuthorityBoxes(BOXES.context, BOXES.boxes[:4]), (0,))


def keys_of(pack: Pack, who: Holders, *pieces: int) -> dict[int, PieceKey]:
    boxes = custody_boxes(pack, who.custodian)
    parcels = [parcel_of(pack, who, boxes, authority, *pieces) for authority in range(1, who.policy.needed + 1)]
    return combine(parcels, who.requester, pack)


def test_a_key_opens_its_own_piece_only() -> None:
    keys = keys_of(PACK, WHO, 0, 2)
    with pytest.raises(ForeignShareError):
        open_piece(PACK, 2, keys[0])
    with pytest.raises(ForeignShareError):
        open_piece(OTHER, 0, keys[0])
    with pytest.raises(UnknownPieceError):
        open_piece(PACK, 3, keys[0])
    keys[0].forget()
    assert keys[0].stream == bytearray(32)
    with pytest.raises(SealAlteredError):
        open_piece(PACK, 0, keys[0])


def test_m_minus_one_seeds_lack_one_for_each_piece() -> None:
    """What two of three-of-five hold together is never everything: the missing share is uniformly random."""
    for first in range(5):
        for second in range(first):
            both = [authority_shares(PACK, WHO.authorities[index], BOXES, (0,))[0] for index in (first, second)]
            assert len(set(both[0]) | set(both[1])) == 9


@given(st.data())
def test_a_parcel_says_what_it_said_or_is_refused(data: st.DataObject) -> None:
    raw = bytearray(PARCELS[0].to_json())
    assert ShareParcel.from_json(bytes(raw)) == PARCELS[0]
    place = data.draw(st.integers(0, len(raw) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "drop", "double"]))
    if change == "flip":
        raw[place] ^= 1 << data.draw(st.integers(0, 7))
    elif change == "cut":
        del raw[place:]
    elif change == "drop":
        del raw[place]
    else:
        raw[place:place] = raw[place : place + 40]
    try:
        parcel = ShareParcel.from_json(bytes(raw))
    except MalformedShareError:
        return
    with pytest.raises(SealError):
        combine([parcel, *PARCELS[1:3]], WHO.requester, PACK)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=12,
)


@given(JSONS)
def test_any_other_json_is_no_parcel_and_no_boxes(value: object) -> None:
    raw = json.dumps(value).encode()
    with pytest.raises(MalformedShareError):
        ShareParcel.from_json(raw)
    with pytest.raises(SealFormatError):
        AuthorityBoxes.from_json(raw)


@pytest.mark.parametrize(
    "change",
    [
        {"pieces": (2, 0)},
        {"pieces": (0, 0)},
        {"pieces": ()},
        {"pieces": (0, 1 << 18)},
        {"pieces": (-1, 0)},
        {"pieces": (False, True)},
        {"pieces": tuple(range(1025))},
        {"authority": 256},
        {"entry": b"short"},
        {"context": b""},
        {"kind": "warrant"},
    ],
)
def test_parcels_have_bounds(change: dict[str, object]) -> None:
    with pytest.raises(MalformedShareError):
        ShareParcel.from_json(replace(PARCELS[0], **change).to_json())  # type: ignore[arg-type]


def test_boxes_and_parcels_pass_as_files() -> None:
    assert AuthorityBoxes.from_json(BOXES.to_json()) == BOXES
    parcels = [ShareParcel.from_json(parcel.to_json()) for parcel in PARCELS[2:]]
    assert open_piece(PACK, 2, combine(parcels, WHO.requester, PACK)[2]).data == b"third"


def test_keys_are_kept_in_files_of_their_owner(tmp_path: Path) -> None:
    for key in (WHO.authorities[0], WHO.custodian, WHO.requester):
        path = tmp_path / key.role
        key.save(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert type(key).load(path).public == key.public
        assert type(key).load(path).about == key.about
    path = tmp_path / "authority"
    with pytest.raises(SealFormatError, match="role requester, got authority"):
        RequesterKey.load(path)
    context = BucketContext(ORIGIN, CAMERA, HOUR)
    assert len(context.bucket) == 16

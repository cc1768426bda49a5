"""Patches: what is cut out of a frame is one face's own pixels, and what is sealed of it comes back."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.seal_tools import CAMERA, HOUR, ORIGIN, Memory, holders, parcel_of, read

from passerby.media import frame_planes
from passerby.veil import HIDDEN, UncoveredFaces
from passerby_seal.patches import Patch, PatchEncoder, PatchSealer, SealLimits, cut_patches, decode_piece, own_pixels
from passerby_seal.patches.cutting import AS_LARGE, GUARD
from passerby_seal.patches.records import Placement, number, picture_bytes, read_pictures
from passerby_seal.pieces import BucketContext, OpenedPiece, PieceWriter, SealBucket, combine, open_piece
from passerby_seal.pieces.layout import MOST_CHUNKS
from passerby_seal.pieces.opening import custody_boxes
from passerby_seal.pieces.writer import CHUNK_BYTES
from passerby_seal.refusals import BucketFullError, SealFormatError

SIZE = (320, 192)
FRAME_NS = 40_000_000
WHO = holders()
STREAM_MB = 0.6
"""What one open encoder takes, measured with faces of 90 pixels."""


def picture(number: int = 0) -> av.VideoFrame:
    """Return a frame of waves that move; its blue-difference chroma tells left from right."""
    frame = av.VideoFrame(*SIZE, "yuv420p")
    luma, blue, red = frame_planes(frame)
    x, y = np.arange(SIZE[0]), np.arange(SIZE[1])[:, None]
    luma[:] = 128 + 50 * np.sin((x + 2 * number) / 6) * np.sin((y + number) / 7)
    blue[:] = np.arange(SIZE[0] // 2)
    red[:] = 128
    return frame


def told(boxes: list[list[float]], *, tracks: tuple[int, ...], stretches: list[int], frame: int = 0) -> UncoveredFaces:
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return UncoveredFaces(picture(frame), frame * FRAME_NS, xyxy, tracks, np.array(stretches, np.intp))


def walk(frames: int, *, first: int = 0, step: float = 2.0, side: float = 40.0, stretch: int = 1) -> Iterator[Patch]:
    for n in range(first, first + frames):
        x = 40 + step * (n - first)
        yield from cut_patches(
            told([[x, 60, x + side, 60 + 1.2 * side]], tracks=(1,), stretches=[stretch], frame=n)
        ).patches


def sealed(patches: Iterator[Patch], limits: SealLimits | None = None) -> tuple[list[OpenedPiece], PatchSealer]:
    """Return the pieces of one frame's patch after the other, opened by two of the three authorities."""
    memory = Memory()
    with SealBucket(BucketContext(ORIGIN, CAMERA, HOUR), WHO.policy, WHO.custodian.public, memory) as bucket:
        sealer = PatchSealer(bucket, limits)
        for patch in patches:
            sealer.take([patch])
        sealer.close()
    pack = read(bytes(memory))
    numbers = sorted(pack.pieces)
    boxes = custody_boxes(pack, WHO.custodian)
    keys = combine([parcel_of(pack, WHO, boxes, n, *numbers) for n in (1, 2)], WHO.requester, pack)
    return [open_piece(pack, n, keys[n]) for n in numbers], sealer


class FullAfter:
    """A bucket that has room for so many pieces."""

    def __init__(self, bucket: SealBucket, room: int) -> None:
        self._bucket, self._room = bucket, room

    def open_piece(self) -> PieceWriter:
        if not self._room:
            raise BucketFullError("bucket must hold no more")
        self._room -= 1
        return self._bucket.open_piece()


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(np.mean((one.astype(float) - two) ** 2), 1e-9)))


def test_what_is_sealed_comes_back_with_its_time_and_place() -> None:
    patches = list(walk(40))
    (piece,), sealer = sealed(iter(patches))
    shown = list(decode_piece(piece))
    assert [one.box for one in shown] == [patch.box for patch in patches]
    assert [one.ms for one in shown] == [n * 40 for n in range(40)]
    for one, patch in zip(shown, patches, strict=True):
        assert [plane.shape for plane in one.planes] == [plane.shape for plane in patch.planes]
        assert psnr(one.planes[0], patch.planes[0]) > 30
    assert shown[0].rgb().shape == (*patches[0].planes[0].shape, 3)
    assert (sealer.counts.sealed, sealer.counts.unsealed, sealer.pieces, sealer.open_faces) == (40, 0, 1, 0)


def test_a_piece_ends_after_its_time_and_where_the_face_outgrows_its_canvas() -> None:
    pieces, _ = sealed(walk(30), SealLimits(piece_s=0.4))
    assert [piece.meta["frames"] for piece in pieces] == [10, 10, 10]
    grows = (patch for n in range(30) for patch in walk(1, first=n, side=40.0 + 3 * n))
    pieces, sealer = sealed(grows)
    assert len(pieces) > 1
    assert sum(piece.meta["frames"] for piece in pieces) == sealer.counts.sealed == 30
    assert len({tuple(piece.meta["canvas"]) for piece in pieces}) == len(pieces)


def test_who_is_away_for_longer_than_a_stream_waits_is_in_another_piece() -> None:
    """Also where nobody but the patch itself says how late it is."""
    pieces, _ = sealed(iter([*walk(5), *walk(5, first=1250)]))
    assert [piece.meta["frames"] for piece in pieces] == [5, 5]


def test_a_piece_ends_before_it_is_larger_than_the_format_allows() -> None:
    pieces, sealer = sealed(walk(40), SealLimits(piece_bytes=2000))
    assert len(pieces) > 1
    assert sum(piece.meta["frames"] for piece in pieces) == sealer.counts.sealed == 40
    assert max(len(piece.data) for piece in pieces) < 6000
    assert SealLimits().piece_bytes < MOST_CHUNKS * CHUNK_BYTES / 2


def test_a_bucket_that_is_full_seals_what_is_open_and_counts_the_rest() -> None:
    with SealBucket(BucketContext(ORIGIN, CAMERA, HOUR), WHO.policy, WHO.custodian.public, Memory()) as bucket:
        sealer = PatchSealer(FullAfter(bucket, 1))  # type: ignore[arg-type]  # what a sealer needs of a bucket
        for patch in [*walk(3), *walk(3, first=3, stretch=2), *walk(3, first=6)]:
            sealer.take([patch])
        sealer.close()
    assert (sealer.counts.sealed, sealer.counts.behind, sealer.pieces) == (6, 3, 1)


def test_what_all_streams_of_a_camera_take_is_bounded() -> None:
    assert SealLimits().most_open * STREAM_MB < 200


def test_stretches_of_a_track_are_pieces_apart() -> None:
    two = [*walk(5), *walk(5, first=5, stretch=2)]
    pieces, _ = sealed(iter(two))
    assert [piece.meta["frames"] for piece in pieces] == [5, 5]


def test_what_comes_too_late_or_is_too_much_is_not_sealed_and_counted() -> None:
    patches = list(walk(6))
    _, sealer = sealed(iter([*patches, patches[2]]))
    assert (sealer.counts.sealed, sealer.counts.behind) == (6, 1)
    others = (patch for n in range(4) for patch in walk(1, first=n, stretch=n))
    _, sealer = sealed(others, SealLimits(most_open=2))
    assert (sealer.counts.sealed, sealer.counts.behind) == (2, 2)


def test_nobody_gets_what_may_be_two_peoples() -> None:
    cut = cut_patches(told([[40, 60, 80, 110], [200, 60, 240, 110]], tracks=(1, 2), stretches=[-1, 7]))
    assert [(patch.track, patch.stretch) for patch in cut.patches] == [(2, 7)]
    assert (cut.unsure, cut.small, cut.behind) == (1, 0, 0)
    late = cut_patches(told([[40, 60, 80, 110]], tracks=(1,), stretches=[7]), within_s=-1.0)
    assert (late.patches, late.behind) == ([], 1)


def test_a_face_of_which_little_is_its_own_is_left_out() -> None:
    cut = cut_patches(told([[40, 60, 80, 110], [42, 58, 86, 112]], tracks=(1, 2), stretches=[1, 2]))
    assert (cut.patches, cut.small) == ([], 2)


def test_who_is_hidden_behind_a_face_is_in_nobodys_patch() -> None:
    face, place = [100.0, 60.0, 140.0, 110.0], [88.0, 65.0, 152.0, 115.0]
    (patch,) = cut_patches(told([face, place], tracks=(3, HIDDEN), stretches=[1, -1])).patches
    x0, y0, _, _ = patch.box
    kept = patch.planes[0] != 128
    assert kept[70 - y0 : 100 - y0, 108 - x0 : 132 - x0].mean() > 0.9
    assert not kept[66 - y0 : 114 - y0, : 94 - x0].any()


boxes = st.lists(
    st.tuples(st.integers(0, 280), st.integers(0, 160), st.integers(12, 90), st.integers(12, 90)),
    min_size=2,
    max_size=6,
)


@given(boxes)
def test_no_pixel_is_two_peoples_and_none_lies_in_a_larger_face(places: list[tuple[int, int, int, int]]) -> None:
    xyxy = np.array([[x, y, x + w, y + h] for x, y, w, h in places], np.float32)
    whole = (0, 0, 400, 400)
    mine = [own_pixels(row, xyxy, whole)[0].repeat(2, 0).repeat(2, 1) for row in range(len(xyxy))]
    in_boxes = np.zeros((400, 400), int)
    sides = np.sqrt((xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1]))
    for row, (x0, y0, x1, y1) in enumerate(xyxy.astype(int).tolist()):
        faces = np.zeros((400, 400), bool)
        faces[y0:y1, x0:x1] = True
        in_boxes += mine[row] & faces
        for other, (a0, b0, a1, b1) in enumerate(xyxy.astype(int).tolist()):
            if other != row and sides[other] * AS_LARGE > sides[row]:
                assert not mine[row][b0:b1, a0:a1].any(), "it is in the box of a face that is about as large, or larger"
            elif other != row:
                guard = GUARD * sides[row]
                outside = np.ones((400, 400), bool)
                outside[round(y0 + guard) : round(y1 - guard), round(x0 + guard) : round(x1 - guard)] = False
                assert not (mine[row] & outside)[b0:b1, a0:a1].any(), "a margin holds another's face"
    assert in_boxes.max() <= 1


@given(st.integers(0, 2**60))
def test_numbers_come_back(value: int) -> None:
    units = b"\0\0\0\1\x65" + b"x" * 9
    data = b"\1\0" + picture_bytes(Placement(0, value, 3, -4, 5, 6), Placement(), units)
    headers, pictures = read_pictures(data)
    assert (headers, list(pictures)) == (b"", [(Placement(0, value, 3, -4, 5, 6), units)])
    assert len(number(value)) <= 9


@pytest.fixture(scope="module")
def piece() -> OpenedPiece:
    (one,), _ = sealed(walk(12))
    return one


@given(st.data())
def test_damaged_data_is_refused_or_shows_something_but_never_breaks(piece: OpenedPiece, data: st.DataObject) -> None:
    raw = bytearray(piece.data)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    try:
        for one in decode_piece(OpenedPiece(0, piece.meta, bytes(raw[:cut]))):
            assert one.planes[0].size
    except SealFormatError:
        pass


@pytest.mark.parametrize(
    "change", [{"codec": "vp9"}, {"frames": "12"}, {"canvas": [16]}, {"begin_ms": None}, {"frames": 11}]
)
def test_a_wrong_meta_is_refused(piece: OpenedPiece, change: dict[str, object]) -> None:
    with pytest.raises(SealFormatError):
        list(decode_piece(OpenedPiece(0, piece.meta | change, piece.data)))


def test_an_encoder_says_when_a_face_no_longer_fits() -> None:
    small, large = next(walk(1, side=24.0)), next(walk(1, side=60.0))
    assert PatchEncoder(small).fits(small)
    assert not PatchEncoder(small).fits(large)
    assert not PatchEncoder(large).fits(small)

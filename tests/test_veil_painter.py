"""Covering: what stands under a cover leaves no trace in the frame, and no face reaches beyond its cover."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from passerby.config import PORTRAIT
from passerby.errors import UnsupportedError, UsageError, VeilError
from passerby.values import Boxes, Zone
from passerby.veil.cover import fills
from passerby.veil.cover import painter as cover
from passerby.veil.cover import pixels as planes
from passerby.veil.settings import REVERSIBLE_STYLES, CoverSettings, CoverStyle

WIDTH, HEIGHT = 99, 75
PLANAR = [f"yuv{k}p{b}" for k in ("420", "422", "444") for b in ("", "10le", "12le")]
FORMATS = [
    *PLANAR, "yuvj420p", "yuvj422p", "yuvj444p", "yuv440p", "yuv411p", "yuv410p", "yuva420p", "yuva444p", "yuva420p10le",
    "nv12", "nv21", "nv16", "nv24", "p010le", "p012le", "p210le", "p410le", "gray", "gray10le", "gray12le", "gray16le",
    "ya8", "gbrp", "gbrp10le", "gbrp12le", "gbrap", "rgb24", "bgr24", "rgba", "bgra", "argb", "abgr", "rgb0", "0bgr",
    "rgb48le", "rgba64le", "yuyv422", "uyvy422", "yvyu422",
]  # fmt: skip
SAFE = [style for style in CoverStyle if style not in REVERSIBLE_STYLES]
BOXES: Boxes = np.array([[5.3, 7.9, 21.2, 30.5], [60, 40, 98.7, 74.9], [-9, 50, 6, 66], [30, 30, 34, 33]], np.float32)


def settings_of(style: CoverStyle, **more: object) -> CoverSettings:
    return CoverSettings(style=style, image=PORTRAIT, allow_reversible=True, **more)  # type: ignore[arg-type]


def random_frame(name: str, seed: int, width: int = WIDTH, height: int = HEIGHT) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, name)
    layout = planes.layout_of(name)
    for elements in planes.elements_of(frame, layout):
        draw = np.random.default_rng(seed).integers(0, 1 << layout.bits, elements.shape)
        elements[:] = (draw << layout.shift).astype(layout.dtype)
    return frame


def content(frame: av.VideoFrame) -> list[np.ndarray]:
    return [elements.copy() for elements in planes.elements_of(frame, planes.layout_of(frame.format.name))]


def cover_mask(frame_format: str, boxes: Boxes, scale: float = 1.3, *, interlaced: bool = False) -> list[np.ndarray]:
    """Says by plain loops which elements the cover takes: written from the rule, not from the code."""
    layout = planes.layout_of(frame_format)
    wide, high = layout.block
    high = 4 if interlaced and high > 1 else high
    picture = np.zeros((HEIGHT + 8, WIDTH + 8), bool)
    for x0, y0, x1, y1 in cover.with_margin(boxes, scale, max(WIDTH, HEIGHT)):
        for top in range(0, HEIGHT, high):
            for left in range(0, WIDTH, wide):
                if left < x1 and left + wide > x0 and top < y1 and top + high > y0:
                    picture[top : top + high, left : left + wide] = True
    masks = []
    for sheet in layout.sheets:
        rows, columns = -(-HEIGHT // 2**sheet.sy), -(-WIDTH // 2**sheet.sx)
        small = picture[:: 2**sheet.sy, :: 2**sheet.sx][:rows, :columns]
        masks.append(small.repeat(len(sheet.channels), axis=1))
    return masks


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("style", SAFE)
def test_what_is_under_the_cover_leaves_no_trace(name: str, style: CoverStyle) -> None:
    one, two = random_frame(name, 1), random_frame(name, 1)
    masks = cover_mask(name, BOXES)
    for elements, other, mask in zip(
        planes.elements_of(two, planes.layout_of(name)), content(random_frame(name, 2)), masks, strict=True
    ):
        assert mask.any()
        np.copyto(elements, other, where=mask)
    before = content(one)
    assert any((a != b).any() for a, b in zip(before, content(two), strict=True)), "the inputs differ"
    painters = [cover.Painter(settings_of(style), WIDTH, HEIGHT) for _ in range(2)]
    counts = [painter.paint(frame, BOXES) for painter, frame in zip(painters, (one, two), strict=True)]
    assert counts[0] == counts[1] > 0
    for a, b, old, mask in zip(content(one), content(two), before, masks, strict=True):
        assert np.array_equal(a, b), "bit-identical whatever was hidden"
        assert np.array_equal(a[~mask], old[~mask]), "nothing outside the cover is touched"


@pytest.mark.parametrize("name", ["yuv420p", "nv12", "yuv420p10le", "rgb24", "yuyv422"])
@pytest.mark.parametrize("style", sorted(REVERSIBLE_STYLES))
def test_reversible_styles_stay_inside_the_cover_and_do_depend(name: str, style: CoverStyle) -> None:
    one, two = random_frame(name, 1), random_frame(name, 2)
    before, masks = content(one), cover_mask(name, BOXES)
    for frame in (one, two):
        cover.Painter(settings_of(style), WIDTH, HEIGHT).paint(frame, BOXES)
    for a, old, mask in zip(content(one), before, masks, strict=True):
        assert np.array_equal(a[~mask], old[~mask])
        assert (a[mask] != old[mask]).mean() > 0.5
    assert any((a[m] != b[m]).any() for a, b, m in zip(content(one), content(two), masks, strict=True))


@pytest.mark.parametrize("name", [n for n in FORMATS if not n.startswith("gray") and n != "ya8"])
@pytest.mark.parametrize(("matrix", "wide"), [(1, 1), (6, 1), (1, 2), (6, 2)])
def test_colour_is_right_in_the_matrix_and_range_of_the_frame(name: str, matrix: int, wide: int) -> None:
    frame = random_frame(name, 3, 64, 48)
    frame.colorspace, frame.color_range = matrix, wide
    colour = (200, 60, 30)
    painter = cover.Painter(CoverSettings(fill=colour), 64, 48)
    assert painter.paint(frame, BOXES, whole=True) == 64 * 48
    full = wide == 2 or name.startswith(("yuvj", "gbr")) or planes.layout_of(name).full
    seen = frame.reformat(
        format="rgb24",
        src_colorspace={1: "ITU709", 6: "SMPTE170M"}[matrix],
        dst_colorspace={1: "ITU709", 6: "SMPTE170M"}[matrix],
        src_color_range="JPEG" if full else "MPEG",
        dst_color_range="JPEG",
    ).to_ndarray()
    assert np.abs(seen.astype(int) - colour).max() <= 4


def test_unstated_matrix_is_the_one_that_players_take() -> None:
    frames = {rows: random_frame("yuv420p", 0, 16, rows) for rows in (576, 720)}
    found = {rows: planes.space_of(frame, planes.layout_of("yuv420p")) for rows, frame in frames.items()}
    assert (found[576].kr, found[720].kr) == (0.299, 0.2126)


def test_alpha_is_opaque_under_the_cover() -> None:
    frame = random_frame("yuva420p", 4)
    cover.Painter(CoverSettings(), WIDTH, HEIGHT).paint(frame, BOXES)
    alpha = content(frame)[3]
    assert (alpha[cover_mask("yuva420p", BOXES)[3]] == 255).all()


def test_interlaced_frame_is_covered_by_whole_rows_of_both_fields() -> None:
    frame = random_frame("yuv420p", 5)
    before = content(frame)
    source = av.VideoFrame.from_ndarray(np.zeros((HEIGHT // 2 * 2, 96), np.uint8), "gray")
    assert not source.interlaced_frame
    brush_settings = cover.Painter(CoverSettings(), WIDTH, HEIGHT)
    layout = planes.layout_of("yuv420p")
    brush = brush_settings.brush_for(layout, planes.space_of(frame, layout), interlaced=True)
    brush.paint(planes.elements_of(frame, layout), BOXES, whole=False)
    for new, old, mask in zip(content(frame), before, cover_mask("yuv420p", BOXES, interlaced=True), strict=True):
        assert np.array_equal(new[~mask], old[~mask])
        assert (new[mask] == new[mask][0]).all()


coordinate = st.floats(-300, 400, width=32)
box = st.tuples(coordinate, coordinate, coordinate, coordinate)


@settings(max_examples=150, deadline=None)
@given(
    boxes=st.lists(box, min_size=1, max_size=4),
    scale=st.floats(1, 3),
    size=st.tuples(st.integers(1, 130), st.integers(1, 130)),
    turns=st.integers(0, 3),
    name=st.sampled_from(["yuv420p", "yuv410p", "nv12", "rgb24", "yuyv422", "p010le"]),
)
def test_every_box_is_covered_whole(
    boxes: list[tuple[float, ...]], scale: float, size: tuple[int, int], turns: int, name: str
) -> None:
    width, height = size
    rows: Boxes = np.array(boxes, np.float32)
    for _ in range(turns):  # a clip shot upright is coded lying down: the same box in the coded picture's axes
        rows = np.stack([rows[:, 1], -rows[:, 2] + width, rows[:, 3], -rows[:, 0] + width], axis=1)
    frame = av.VideoFrame(width, height, name)
    layout = planes.layout_of(name)
    for elements in planes.elements_of(frame, layout):
        elements[:] = 0
    counted = cover.Painter(CoverSettings(mask_scale=scale, fill=(255, 40, 90)), width, height).paint(frame, rows)
    covered = np.ones((height, width), bool)
    for sheet, elements in zip(layout.sheets, planes.elements_of(frame, layout), strict=True):
        units = (elements.reshape(len(elements), -1, len(sheet.channels)) != 0).all(axis=2)
        covered &= units.repeat(2**sheet.sy, axis=0).repeat(2**sheet.sx, axis=1)[:height, :width]
    assert int(covered.sum()) == counted
    for x0, y0, x1, y1 in rows.astype(float):
        left, right, top, bottom = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        inside = covered[
            max(0, int(np.floor(top))) : max(0, int(np.ceil(bottom))),
            max(0, int(np.floor(left))) : max(0, int(np.ceil(right))),
        ]
        assert inside.all()


def test_mask_scale_of_a_small_face_means_what_it_means_in_deface() -> None:
    # of scale_bb in deface.py: the share above 1 of each side is added on both sides
    found = cover.with_margin(np.array([[100, 100, 110, 112]], np.float32), 1.3, 640)
    assert found.round(3).tolist() == [[97, 96.4, 113, 115.6]]


@given(
    side=st.floats(8, 600),
    ratio=st.floats(0.5, 2),
    scale=st.floats(1, 2),
    more=st.floats(0, 1),
    long_side=st.integers(320, 4000),
)
def test_margin_grows_with_the_scale_and_shrinks_with_the_size(
    side: float, ratio: float, scale: float, more: float, long_side: int
) -> None:
    def margin(wide: float, mask_scale: float) -> float:
        box: Boxes = np.array([[1000, 1000, 1000 + wide, 1000 + wide * ratio]], np.float32)
        x0, y0, x1, y1 = cover.with_margin(box, mask_scale, long_side)[0]
        assert x0 <= box[0, 0]
        assert y0 <= box[0, 1]
        assert x1 >= box[0, 2]
        assert y1 >= box[0, 3]
        return float((1000 - x0) / wide)

    assert margin(side, scale + more) >= margin(side, scale) - 1e-6
    assert margin(2 * side, scale) <= margin(side, scale) + 1e-4
    assert margin(side, scale) <= max(scale - 1, 8 / side) + 1e-3


def test_tiny_face_gets_a_cover_of_the_least_size() -> None:
    x0, y0, x1, y1 = cover.with_margin(np.array([[50, 50, 51, 52]], np.float32), 1.3)[0]
    assert (x1 - x0, y1 - y0) == (8, 8)
    assert (x0 + x1, y0 + y1) == (101, 102)


@given(rows=st.lists(box, min_size=1, max_size=4), scale=st.floats(1, 3), long_side=st.integers(64, 4000))
def test_cover_of_a_head_contains_the_cover_of_its_face(
    rows: list[tuple[float, ...]], scale: float, long_side: int
) -> None:
    boxes: Boxes = np.array(rows, np.float32)
    face = cover.with_margin(boxes, scale, long_side)
    head = cover.with_margin(boxes, scale, long_side, heads=True)
    assert (head[:, :2] <= face[:, :2]).all()
    assert (head[:, 2:] >= face[:, 2:]).all()
    longer = np.abs(boxes[:, 2:].astype(float) - boxes[:, :2]).max(axis=1, keepdims=True)
    assert (head[:, 2:] - head[:, :2] >= cover.HEAD_SIDE * longer - 1e-6).all()
    turned = np.stack([boxes[:, 1], -boxes[:, 2], boxes[:, 3], -boxes[:, 0]], axis=1)
    expected = np.stack([head[:, 1], -head[:, 2], head[:, 3], -head[:, 0]], axis=1)
    assert np.allclose(cover.with_margin(turned, scale, long_side, heads=True), expected), (
        "clips may be coded lying down"
    )


@pytest.mark.parametrize("name", ["yuv420p", "p010le", "rgb24"])
def test_painted_head_is_the_square_around_the_face_in_whole_blocks(name: str) -> None:
    boxes: Boxes = np.array([[40, 30, 50, 42]], np.float32)
    painted = []
    for heads in (False, True):
        frame = random_frame(name, 8)
        painter = cover.Painter(CoverSettings(mask_scale=1, heads=heads), WIDTH, HEIGHT)
        assert painter.paint(frame, boxes) >= painter.area_px(boxes) * 0.8
        painted.append([new != old for new, old in zip(content(frame), content(random_frame(name, 8)), strict=True)])
    square: Boxes = np.array([[45 - 10.8, 36 - 10.8, 45 + 10.8, 36 + 10.8]], np.float32)
    for mask, few, more in zip(cover_mask(name, square, 1), *painted, strict=True):
        assert not (more & ~mask).any()
        assert more[mask].mean() > 0.9, "but for elements that had the fill's value"
        assert few.sum() < more.sum() / 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_box_that_cannot_be_placed_covers_the_whole_frame(bad: float) -> None:
    frame = random_frame("yuv420p", 6)
    rows: Boxes = np.array([[1, 2, 3, bad]], np.float32)
    painter = cover.Painter(
        CoverSettings(exclude_zones=(Zone(((0, 0), (0.4, 0), (0.4, 0.4), (0, 0.4))),)), WIDTH, HEIGHT
    )
    assert painter.paint(frame, rows) == WIDTH * HEIGHT
    assert all((elements == elements[0, 0]).all() for elements in content(frame))


def test_zone_is_covered_without_any_face_and_wins_over_exclude_zones() -> None:
    zone = Zone(((0.5, 0), (1, 0), (1, 1), (0.5, 1)), "screen")
    poster = Zone(((0.3, 0.1), (0.7, 0.1), (0.7, 0.6), (0.3, 0.6)), "poster")
    painter = cover.Painter(CoverSettings(zones=(zone,), exclude_zones=(poster,), fill=(9, 9, 9)), WIDTH, HEIGHT)
    pixels = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    count = painter.paint_rgb(pixels, np.array([[0, 0, WIDTH, HEIGHT]], np.float32))
    assert (pixels[:, 49:] == 9).all(), "the zone, also where the poster hangs"
    assert (pixels[12:40, 36:46] == 200).all(), "the poster stays clear of boxes"
    assert (pixels[:5] == 9).all()
    assert count == (pixels[..., 0] == 9).sum()
    untouched = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    painter.paint_rgb(untouched, np.zeros((0, 4), np.float32))
    assert (untouched[:, 49:] == 9).all()
    assert (untouched[:, :46] == 200).all()


@pytest.mark.parametrize("name", ["yuv420p", "nv12", "yuyv422", "yuv410p"])
def test_exclude_zone_clears_no_chroma_of_a_face_beside_it(name: str) -> None:
    poster = Zone(((0.11, 0.13), (0.47, 0.13), (0.47, 0.55), (0.11, 0.55)), "poster")
    frame = random_frame(name, 7)
    before = content(frame)
    cover.Painter(CoverSettings(exclude_zones=(poster,)), WIDTH, HEIGHT).paint(
        frame, np.array([[0, 0, WIDTH, HEIGHT]], np.float32)
    )
    for sheet, new, old in zip(planes.layout_of(name).sheets, content(frame), before, strict=True):
        n, across, down = len(sheet.channels), 2**sheet.sx, 2**sheet.sy
        clear = np.zeros(new.shape, bool)
        top, bottom = int(np.ceil(0.13 * HEIGHT / down)), int(0.55 * HEIGHT / down)
        left, right = int(np.ceil(0.11 * WIDTH / across)), int(0.47 * WIDTH / across)
        clear[top:bottom, left * n : right * n] = True
        kept = (new == old) & clear
        assert kept.sum() > 0.5 * clear.sum()
        assert (new[~clear].reshape(-1) != old[~clear].reshape(-1)).mean() > 0.9


def test_whole_frame_ignores_exclude_zones() -> None:
    poster = Zone(((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4)))
    pixels = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    painter = cover.Painter(CoverSettings(style=CoverStyle.NOISE, exclude_zones=(poster,)), WIDTH, HEIGHT)
    assert painter.paint_rgb(pixels, np.zeros((0, 4), np.float32), whole=True) == WIDTH * HEIGHT
    assert (pixels == 112).all()


@pytest.mark.parametrize(("shape", "dtype"), [((), np.uint8), ((3,), np.uint8), ((4,), np.uint8), ((3,), np.uint16)])
def test_pictures_of_several_kinds_are_covered(shape: tuple[int, ...], dtype: type) -> None:
    pixels: np.ndarray = np.zeros((HEIGHT, WIDTH, *shape), dtype)
    assert cover.Painter(CoverSettings(), WIDTH, HEIGHT).paint_rgb(pixels, BOXES[:1]) > 0
    top = np.iinfo(dtype).max
    expected = [round(112 / 255 * top)] * 3 + [top]
    assert np.atleast_1d(pixels[20, 12]).tolist() == expected[: shape[0] if shape else 1]
    assert not pixels[60, 40].any()


def test_nothing_tells_tracks_apart() -> None:
    for style in SAFE:
        frames = [random_frame("yuv420p", 8) for _ in range(2)]
        for frame, boxes in zip(frames, (BOXES, BOXES[::-1]), strict=True):
            cover.Painter(settings_of(style), WIDTH, HEIGHT).paint(frame, boxes)
        for a, b in zip(content(frames[0]), content(frames[1]), strict=True):
            assert np.array_equal(a, b), "the order of tracks does not show"


def test_noise_does_not_move_with_the_face() -> None:
    painter = cover.Painter(CoverSettings(style=CoverStyle.NOISE), WIDTH, HEIGHT)
    frames = [random_frame("yuv420p", 9) for _ in range(2)]
    for frame, shift in zip(frames, (0, 3), strict=True):
        painter.paint(frame, np.array([[20 + shift, 20, 50 + shift, 60]], np.float32))
    one, two = (content(frame)[0][20:60, 25:50] for frame in frames)
    assert np.array_equal(one, two)
    assert one.std() > 5


def test_mosaic_is_as_coarse_on_a_small_face_as_on_a_large_one() -> None:
    for side in (20, 60):
        pixels: np.ndarray = np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8)
        cover.Painter(settings_of(CoverStyle.MOSAIC, mosaic_cells=5), 200, 200).paint_rgb(
            pixels, np.array([[100, 100, 100 + side, 100 + side]], np.float32)
        )
        x0, _, x1, _ = np.rint(cover.with_margin(np.array([[100, 100, 100 + side, 100 + side]]), 1.3, 200)[0]).astype(
            int
        )
        across = pixels[100 + side // 2, x0:x1]
        assert len(np.flatnonzero(np.diff(across.astype(int)))) <= 5


def test_avatar_is_a_head_on_a_flat_ground() -> None:
    image = np.asarray(fills.avatar_image())
    assert tuple(image[10, 10]) == fills.AVATAR_GROUND
    assert tuple(image[200, 256]) == fills.AVATAR_FIGURE
    pixels = np.zeros((200, 200, 3), np.uint8)
    cover.Painter(CoverSettings(style=CoverStyle.AVATAR, mask_scale=1), 200, 200).paint_rgb(
        pixels, np.array([[50, 50, 150, 150]], np.float32)
    )
    assert tuple(pixels[52, 52]) == fills.AVATAR_GROUND
    assert tuple(pixels[90, 100]) == fills.AVATAR_FIGURE


def test_clear_parts_of_a_users_picture_are_filled(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    pixels = np.full((HEIGHT, WIDTH, 3), 7, np.uint8)
    settings_ = CoverSettings(style=CoverStyle.IMAGE, image=tmp_path / "clear.png", fill=(1, 2, 3))
    cover.Painter(settings_, WIDTH, HEIGHT).paint_rgb(pixels, BOXES[:1])
    assert tuple(pixels[20, 12]) == (1, 2, 3)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (CoverSettings(style=CoverStyle.BLUR), "can be undone"),
        (CoverSettings(style=CoverStyle.MOSAIC), "can be undone"),
        (CoverSettings(mask_scale=0.9), "mask scale must be 1 or more, got 0.9"),
        (CoverSettings(mask_scale=float("nan")), "mask scale must be 1 or more"),
        (CoverSettings(style=CoverStyle.IMAGE), "img needs a picture"),
        (CoverSettings(style=CoverStyle.IMAGE, image=Path(__file__)), "replacement picture must be a picture file"),
        (
            CoverSettings(exclude_zones=(Zone(((0, 0), (1, 0), (1, 0.5), (0, 0.5)), "wall"),)),
            r"at most 25% of the picture, got 4\d% \(wall\)",
        ),
    ],
)
def test_wrong_settings_are_refused(wrong: CoverSettings, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        cover.Painter(wrong, WIDTH, HEIGHT)


def test_unknown_pixel_format_and_other_size_are_refused() -> None:
    painter = cover.Painter(CoverSettings(), 64, 48)
    with pytest.raises(UnsupportedError, match="got pal8"):
        painter.paint(av.VideoFrame(64, 48, "pal8"), BOXES)
    with pytest.raises(VeilError, match="frame must be 64x48, got 64x50"):
        painter.paint(av.VideoFrame(64, 50, "yuv420p"), BOXES)
    for wrong in (np.zeros((48, 64, 2), np.uint8), np.zeros((48, 64, 3), np.float32), np.zeros((64, 48, 3), np.uint8)):
        with pytest.raises(VeilError, match="picture must be 48 rows of 64 pixels"):
            painter.paint_rgb(wrong, BOXES)
    with pytest.raises(VeilError, match="contiguous and writable"):
        painter.paint_rgb(np.zeros((48, 128, 3), np.uint8)[:, ::2], BOXES)


def test_exposed_share_counts_pixels_of_the_face() -> None:
    face = np.array([10, 10, 20, 20], np.float32)
    for covers, share in (
        ([], 1.0),
        ([[0, 0, 30, 30]], 0.0),
        ([[10, 10, 15, 20]], 0.5),
        ([[0, 0, 15, 15], [0, 0, 20, 12]], 0.65),
    ):
        assert cover.exposed_share(face, np.array(covers, np.float32).reshape(-1, 4)) == pytest.approx(share)

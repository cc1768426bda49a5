"""Pictures of phones, scanners and cameras: HEIC, AVIF, BMP, GIF, pages of TIFF, 16 bits; what rides along stays behind."""

from __future__ import annotations

import io
import shlex
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from typer.testing import CliRunner

from passerby import veil
from passerby.cli.app import build
from passerby.config import PORTRAIT
from passerby.errors import UnreadableError, UnsupportedError, UsageError
from passerby.media import ContentKind, expand_inputs, plan_outputs, read_picture, write_picture
from passerby.media.content import sniff_bytes
from passerby.media.pictures.picture import MAX_PIXELS
from passerby.media.refusals import refusal
from passerby.values import Track

TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270}


def scene(width: int = 128, height: int = 96) -> Image.Image:
    with Image.open(PORTRAIT) as portrait:
        return portrait.convert("RGB").crop((150, 40, 150 + width, 40 + height))


def portrait() -> Image.Image:
    with Image.open(PORTRAIT) as image:
        return image.convert("RGB")


def heic(image: Image.Image | None = None, **options: Any) -> bytes:  # noqa: ANN401 - the encoder's own options
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image or scene()).save(buffer, quality=95, **options)
    return buffer.getvalue()


def difference(one: NDArray[Any], two: NDArray[Any]) -> float:
    return float(np.abs(one.astype(int) - two.astype(int)).mean())


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# --- HEIC and AVIF ---


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_phone_pictures_are_read_as_they_are_shown(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    if suffix == ".heic":
        put(path, heic(exif=exif.tobytes()))
    else:
        scene().save(path, exif=exif.tobytes(), quality=95)
    shown = scene().transpose(TURNS[orientation]) if orientation > 1 else scene()
    picture = read_picture(path)
    assert difference(picture.rgb, np.asarray(shown)) < 4
    assert orientation == 1 or "EXIF left out" in picture.notes


@pytest.mark.parametrize("suffix", [".heic", ".avif", ".heif"])
def test_they_are_written_where_the_suffix_asks_for_them(tmp_path: Path, suffix: str) -> None:
    scene().save(tmp_path / "a.png")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    scene().save(tmp_path / "p.png", icc_profile=profile)
    for name in ("a.png", "p.png"):
        picture = read_picture(tmp_path / name)
        write_picture(picture, tmp_path / f"b{suffix}", keep_metadata=True)
        again = read_picture(tmp_path / f"b{suffix}")
        assert again.format == ("AVIF" if suffix == ".avif" else "HEIC")
        assert difference(again.rgb, picture.rgb) < 4
        assert again.icc == picture.icc


def test_unasked_they_become_jpeg_and_gif_png(tmp_path: Path) -> None:
    put(tmp_path / "a.heic", heic())
    scene().save(tmp_path / "b.avif")
    scene().save(tmp_path / "c.gif")
    scene().save(tmp_path / "d.bmp")
    jobs = plan_outputs(expand_inputs([str(tmp_path)]), f"{tmp_path}/out/")
    assert sorted(job.target.name for job in jobs) == ["a.jpg", "b.jpg", "c.png", "d.bmp"]
    write_picture(read_picture(tmp_path / "c.gif"), tmp_path / "c.unknown")
    assert sniff_bytes((tmp_path / "c.unknown").read_bytes()).name == "PNG"
    with pytest.raises(UsageError, match=r"not written as \.gif"):
        write_picture(read_picture(tmp_path / "d.bmp"), tmp_path / "d.gif")


def test_another_format_is_said_before_anything_is_veiled(tmp_path: Path) -> None:
    put(tmp_path / "a.heic", heic(scene(64, 64)))
    done = CliRunner().invoke(build(), ["veil", str(tmp_path / "a.heic"), "--no-manifest"])
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("a.heic (HEIC) is written as a_veiled.jpg")
    assert (tmp_path / "a_veiled.jpg").exists()


def test_what_stands_beside_the_picture_of_a_phone_is_named_and_never_written(tmp_path: Path) -> None:
    file = pillow_heif.from_pillow(scene())
    file.add_from_pillow(scene().rotate(180))
    buffer = io.BytesIO()
    file.save(buffer, quality=90, exif=b"Exif\0\0" + Image.Exif().tobytes(), xmp=b"<x:xmpmeta/>")
    clip = b"\0\0\0\x10ftypmp42\0\0\0\0" + b"BARE" * 50
    data = buffer.getvalue() + struct.pack(">I", 8 + len(clip)) + b"mpvd" + clip
    picture = read_picture(put(tmp_path / "a.heic", data))
    assert picture.rgb.shape == (96, 128, 3)
    assert {"1 further picture left out", "video of a motion photograph left out", "XMP left out"} <= set(picture.notes)
    for suffix in (".heic", ".jpg", ".avif", ".png"):
        write_picture(picture, tmp_path / f"b{suffix}", keep_metadata=True)
        written = (tmp_path / f"b{suffix}").read_bytes()
        assert b"BARE" not in written
        assert b"mpvd" not in written
        if suffix == ".heic":
            made = pillow_heif.open_heif(io.BytesIO(written))
            assert len(made) == 1
            assert not made.info["thumbnails"]
            assert not made.info["depth_images"]
            assert not made.info["aux"]


def test_a_motion_photograph_is_a_still_and_its_clip_goes(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    portrait().save(buffer, "JPEG")
    clip = b"\0\0\0\x10ftypmp42\0\0\0\0" + b"BARE" * 50
    path = put(tmp_path / "MVIMG.jpg", buffer.getvalue() + clip)
    assert [one.kind.value for one in expand_inputs([str(path)]).sources] == ["picture"]
    picture = read_picture(path)
    assert "video of a motion photograph left out" in picture.notes
    write_picture(picture, tmp_path / "b.jpg")
    assert b"BARE" not in (tmp_path / "b.jpg").read_bytes()


def test_alpha_of_a_phone_picture_is_laid_over_white(tmp_path: Path) -> None:
    rgba = np.dstack([np.asarray(scene()), np.full((96, 128), 255, np.uint8)])
    rgba[:32, :, 3] = 0
    image = Image.fromarray(rgba)
    image.save(tmp_path / "a.avif", quality=95)
    put(tmp_path / "a.heic", heic(image))
    for name in ("a.avif", "a.heic"):
        picture = read_picture(tmp_path / name)
        assert picture.rgb[:30].min() > 245
        assert "transparency laid over white" in picture.notes


def test_hdr_is_refused_and_wide_colours_keep_their_meaning(tmp_path: Path) -> None:
    data = _avif()
    place = data.index(b"colrnclx") + 8
    hdr = data[: place + 2] + b"\0\x10" + data[place + 4 :]
    with pytest.raises(UnsupportedError, match="HDR") as refused:
        read_picture(put(tmp_path / "hdr.avif", hdr))
    assert f"magick {tmp_path}/hdr.avif" in str(refused.value.hint)
    wide = data[:place] + b"\0\x0c" + data[place + 2 :]
    assert read_picture(put(tmp_path / "p3.avif", wide)).icc is not None


# --- pages and depth of TIFF ---


def deep_scene(channels: int) -> NDArray[np.uint16]:
    wide = np.asarray(scene()).astype(np.uint16) * 257
    noise = np.random.default_rng(5).integers(0, 256, wide.shape, np.uint16)
    deep = np.clip(wide.astype(int) - noise, 0, 65535).astype(np.uint16)
    if channels == 4:
        return np.dstack([deep, np.full(deep.shape[:2], 65535, np.uint16)])
    return deep if channels == 3 else np.ascontiguousarray(deep[..., 0])


TIFFS: dict[str, dict[str, Any]] = {
    "plain": {},
    "deflate": {"compression": "zlib"},
    "predicted": {"compression": "zlib", "predictor": True},
    "big end first": {"byteorder": ">"},
    "tiles": {"tile": (32, 32)},
    "strips": {"rowsperstrip": 8},
}


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", TIFFS)
def test_sixteen_bits_come_back_to_the_bit(tmp_path: Path, kind: str, channels: int) -> None:
    deep = deep_scene(channels)
    tifffile.imwrite(
        tmp_path / "a.tif", deep, photometric="minisblack" if channels == 1 else "rgb", metadata=None, **TIFFS[kind]
    )
    picture = read_picture(tmp_path / "a.tif")
    wanted = deep[..., :3] if channels > 1 else deep
    assert picture.deep is not None
    assert np.array_equal(picture.rgb, picture.deep >> 8)
    for suffix in (".tif", ".png"):
        write_picture(picture, tmp_path / f"b{suffix}")
        again = read_picture(tmp_path / f"b{suffix}").deep
        assert again is not None
        assert np.array_equal(again[..., 0] if channels == 1 else again, wanted)
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), wanted), "another reader sees the same"


def test_covers_go_through_all_sixteen_bits(tmp_path: Path) -> None:
    deep = np.asarray(portrait()).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", metadata=None)
    done = veil.veil_file(tmp_path / "a.tif", tmp_path / "b.tif")
    assert len(done.tracks) == 1
    x0, y0, x1, y1 = done.tracks[0].xyxy[0].astype(int)
    written = tifffile.imread(tmp_path / "b.tif")
    assert written.dtype == np.uint16
    assert written[y0:y1, x0:x1].std(axis=(0, 1)).max() == 0
    assert np.array_equal(written[:8], deep[:8])


def many_pages(path: Path) -> list[tuple[int, int]]:
    """Pages of other sizes, modes and depths, faces on two of them, and a small copy that is no page."""
    small = portrait().resize((256, 256))
    with tifffile.TiffWriter(path) as file:
        file.write(np.asarray(portrait()), photometric="rgb", compression="zlib", metadata=None)
        file.write(np.asarray(small.resize((64, 64))), photometric="rgb", subfiletype=1, metadata=None)
        file.write(np.asarray(small.convert("L")).astype(np.uint16) * 257, photometric="minisblack", metadata=None)
        file.write(np.zeros((40, 30), np.uint8), photometric="minisblack", metadata=None)
    return [(512, 512), (256, 256), (30, 40)]


def test_every_page_is_veiled_and_kept(tmp_path: Path) -> None:
    sizes = many_pages(tmp_path / "a.tif")
    done = veil.veil_file(tmp_path / "a.tif", tmp_path / "b.tif")
    assert [track.first for track in done.tracks] == [0, 1]
    assert (done.report.frames, done.report.frames_with_cover) == (3, 2)
    pages = read_picture(tmp_path / "b.tif").pages
    assert [(page.rgb.shape[1], page.rgb.shape[0]) for page in pages] == sizes
    for track in done.tracks:
        x0, y0, x1, y1 = track.xyxy[0].astype(int)
        assert pages[track.first].rgb[y0:y1, x0:x1].std(axis=(0, 1)).max() == 0
    with Image.open(tmp_path / "b.tif") as image:
        assert getattr(image, "n_frames", 1) == 3, "no small copy is left"
    with pytest.raises(UsageError, match="holds one picture, got 3 pages"):
        write_picture(read_picture(tmp_path / "a.tif"), tmp_path / "c.jpg")


def test_boxes_by_hand_count_pages_as_frames(tmp_path: Path) -> None:
    many_pages(tmp_path / "a.tif")
    box = np.array([[4, 4, 20, 20]], np.float32)
    tracks = (Track(1, 1, box, np.ones(1, np.float32)), Track(2, 9, box, np.ones(1, np.float32)))
    done = veil.veil_file(tmp_path / "a.tif", tmp_path / "b.tif", tracks=tracks)
    assert done.still is not None
    assert [px > 0 for px in done.still.covered_px] == [False, True, True], (
        "what lies behind the last page counts on it"
    )


def test_verifying_examines_every_page(tmp_path: Path) -> None:
    many_pages(tmp_path / "a.tif")
    detector = veil.Detector(veil.FindSettings())
    try:
        result = veil.verify_file(tmp_path / "a.tif", [detector])
    finally:
        detector.close()
    assert (result.frames, result.examined) == (3, 3)
    assert {place.best.frame for place in result.exposed} == {0, 1}


def test_previews_below_a_page_are_not_written(tmp_path: Path) -> None:
    bare = np.asarray(portrait())
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(bare, photometric="rgb", subifds=1, metadata=None)
        file.write(bare[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    picture = read_picture(tmp_path / "a.tif")
    assert "previews left out" in picture.notes
    write_picture(picture, tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert len(written.pages) == 1
        assert not written.pages[0].subifds


# --- what is refused ---


def raw(kind: str) -> bytes:
    buffer = io.BytesIO()
    small = np.zeros((32, 32, 3), np.uint8)
    with tifffile.TiffWriter(buffer) as file:
        if kind == "NEF":  # a small copy first, the sensor below it
            file.write(small, photometric="rgb", subfiletype=1, subifds=1, metadata=None)
            file.write(np.zeros((64, 64), np.uint16), photometric=32803, metadata=None)
        elif kind == "ARW":
            file.write(small, photometric="rgb", subfiletype=1, metadata=None)
        elif kind == "DNG":
            file.write(small, photometric="rgb", extratags=[(50706, 1, 4, b"\1\4\0\0", True)], metadata=None)
        else:
            file.write(np.zeros((64, 64), np.uint16), photometric=32803, metadata=None)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["NEF", "ARW", "DNG", "PEF"])
def test_raw_photographs_in_the_dress_of_tiff_are_refused_with_a_command(tmp_path: Path, kind: str) -> None:
    path = put(tmp_path / f"my picture.{kind}", raw(kind))
    with pytest.raises(UnsupportedError, match="must be developed, got a raw photograph") as refused:
        read_picture(path)
    command = shlex.split(str(refused.value.hint).removeprefix("develop it first: "))
    assert command[0] in {"dcraw", "ffmpeg"}
    assert str(path) in command


@pytest.mark.parametrize(
    ("head", "program"),
    [
        (b"II*\0\x10\0\0\0CR\2\0", "dcraw"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "exiftool"),
        (b"FUJIFILMCCD-RAW 0201", "dcraw"),
        (b"IIRO\x08\0\0\0", "dcraw"),
        (b"IIU\0\x18\0\0\0", "dcraw"),
        (b"FOVb\0\0\2\0", "dcraw"),
        (b"%PDF-1.7", "pdftoppm"),
        (b"8BPS\0\1", "ffmpeg"),
        (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc", "ffmpeg"),
    ],
)
def test_refusals_say_a_command(head: bytes, program: str) -> None:
    content = sniff_bytes(head)
    assert content.kind in {ContentKind.UNSUPPORTED, ContentKind.BUNDLE}
    error = refusal(Path("-my file.xyz"), content)
    command = shlex.split(str(error.hint).rpartition("veil what it writes: ")[2])
    assert command[0] == program
    assert "./-my file.xyz" in command, "a name that begins like an option is no option"


ODD: dict[str, Callable[[Path], object]] = {
    "colours of floats": lambda path: tifffile.imwrite(path, np.zeros((9, 9, 3), np.float32), photometric="rgb"),
    "grey of floats": lambda path: tifffile.imwrite(path, np.zeros((9, 9), np.float32)),
    "doubles": lambda path: tifffile.imwrite(path, np.zeros((9, 9), np.float64)),
    "whole numbers of 32 bits": lambda path: tifffile.imwrite(path, np.zeros((9, 9), np.uint32)),
    "colours in planes of 16 bits": lambda path: tifffile.imwrite(
        path, np.zeros((3, 9, 9), np.uint16), photometric="rgb", planarconfig="separate"
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_samples_are_refused_with_a_command(tmp_path: Path, kind: str) -> None:
    ODD[kind](tmp_path / "a.tif")
    with pytest.raises(UnsupportedError) as refused:
        read_picture(tmp_path / "a.tif")
    assert f"magick {tmp_path}/a.tif" in str(refused.value.hint)


# --- GIF, BMP ---


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bitmaps_and_still_gifs_are_read_as_others_read_them(tmp_path: Path, mode: str) -> None:
    image = scene().convert(mode)
    image.save(tmp_path / "a.bmp")
    image.save(tmp_path / "a.gif")
    for name in ("a.bmp", "a.gif"):
        with Image.open(tmp_path / name) as other:
            shown = np.asarray(ImageOps.exif_transpose(other).convert("RGB"))
        assert np.array_equal(read_picture(tmp_path / name).rgb, shown)


def test_a_gif_moves_when_it_has_two_pictures_whatever_it_says(tmp_path: Path) -> None:
    one, two = scene(), scene().rotate(180)
    one.save(tmp_path / "still.gif", loop=0)
    assert sniff_bytes((tmp_path / "still.gif").read_bytes()).name == "GIF"
    one.save(tmp_path / "moves.gif", save_all=True, append_images=[two])
    moves = (tmp_path / "moves.gif").read_bytes()
    assert b"NETSCAPE" not in moves
    assert len(moves) > 4096
    assert [job.content for job in expand_inputs([str(tmp_path / "moves.gif")]).sources] == ["animated GIF"]


# --- bounds ---


@pytest.mark.parametrize("format_", ["HEIC", "AVIF", "GIF", "BMP", "TIFF"])
def test_pictures_that_would_fill_the_memory_are_refused_before_decoding(tmp_path: Path, format_: str) -> None:
    wide, high = 20000, 15000
    if format_ == "GIF":
        data = b"GIF89a" + struct.pack("<HH", wide, high) + bytes(3) + b"," + struct.pack("<4HB", 0, 0, wide, high, 0)
        data += b"\2\2\x4c\1\0;"
    elif format_ == "BMP":
        data = b"BM" + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, wide, high, 1, 24, 0, 0, 0, 0, 0, 0)
    elif format_ == "TIFF":
        data = b"II*\0\x08\0\0\0" + struct.pack("<H", 5)
        for tag, value in ((256, wide), (257, high), (258, 8), (262, 1), (273, 8)):
            data += struct.pack("<HHII", tag, 4, 1, value)
        data += bytes(4)
    else:
        data = heic() if format_ == "HEIC" else _avif()
        place = data.index(b"ispe") + 8
        data = data[:place] + struct.pack(">II", wide, high) + data[place + 8 :]
    assert wide * high > MAX_PIXELS
    with pytest.raises((UnsupportedError, UnreadableError)):
        read_picture(put(tmp_path / "a", data))


def test_pages_are_bounded_together(tmp_path: Path) -> None:
    data = b"II*\0\x08\0\0\0"
    for page in range(3):
        data += struct.pack("<H", 6)
        for tag, value in ((256, 9000), (257, 9000), (258, 8), (262, 1), (273, 8), (278, 9000)):
            data += struct.pack("<HHII", tag, 4, 1, value)
        data += struct.pack("<I", len(data) + 4 if page < 2 else 0)
    with pytest.raises((UnsupportedError, UnreadableError)):
        read_picture(put(tmp_path / "a.tif", data))


def _avif() -> bytes:
    buffer = io.BytesIO()
    scene().save(buffer, "AVIF")
    return buffer.getvalue()

"""One picture in, one picture out: turned as shown, in the right colours, coded as finely as before."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin

from passerby.config import PORTRAIT
from passerby.errors import OutputError, UnsupportedError, UsageError
from passerby.files import atomic_file
from passerby.media import Picture, read_picture, sniff_file, write_picture
from passerby.media.pictures.pixels import pixels_of
from passerby.media.pictures.quality import FRESH_QUALITY
from passerby.media.pictures.readers import open_page

SUFFIXES = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF"}


def scene(width: int = 120, height: int = 80) -> Image.Image:
    """A picture with no symmetry at all."""
    with Image.open(PORTRAIT) as portrait:
        return portrait.convert("RGB").crop((150, 40, 150 + width, 40 + height))


def seen(path: Path) -> NDArray[np.uint8]:
    """What Pillow's own front door makes of a file."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def tables(path: Path) -> list[int]:
    with JpegImagePlugin.JpegImageFile(path) as image:
        return list(image.quantization[0])


def save(image: Image.Image, path: Path, **options: Any) -> Path:  # noqa: ANN401 - Pillow's own options
    image.save(path, format=SUFFIXES[path.suffix], **options)
    return path


def difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(np.abs(a.astype(np.int16) - b.astype(np.int16)).mean())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pixels_are_those_that_another_reader_sees(tmp_path: Path, suffix: str) -> None:
    path = save(scene(), tmp_path / f"a{suffix}")
    picture = read_picture(path)
    assert picture.format.upper() == SUFFIXES[suffix]
    assert picture.rgb.dtype == np.uint8
    assert picture.rgb.flags.c_contiguous
    assert picture.rgb.flags.writeable
    assert np.array_equal(picture.rgb, seen(path))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_written_picture_is_the_array(tmp_path: Path, suffix: str) -> None:
    picture = read_picture(save(scene(), tmp_path / f"a{suffix}"))
    picture.rgb[10:40, 20:60] = (112, 112, 112)
    write_picture(picture, tmp_path / f"b{suffix}")
    again = seen(tmp_path / f"b{suffix}")
    if suffix in {".png", ".tif"}:
        assert np.array_equal(again, picture.rgb)
    else:
        assert difference(again, picture.rgb) < 4
        assert difference(again[16:32, 24:56], picture.rgb[16:32, 24:56]) < 2


@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("target", [*SUFFIXES, ".jpeg", ".TIFF", ".JPG"])
def test_format_follows_the_output_name(tmp_path: Path, source: str, target: str) -> None:
    picture = read_picture(save(scene(), tmp_path / f"a{source}"))
    write_picture(picture, tmp_path / f"b{target}")
    wanted = {".jpeg": "JPEG", ".tiff": "TIFF"} | SUFFIXES
    with Image.open(tmp_path / f"b{target}") as written:
        assert written.format == wanted[target.lower()]
        assert difference(np.asarray(written.convert("RGB")), picture.rgb) < 4


def test_output_without_a_picture_suffix_keeps_the_format(tmp_path: Path) -> None:
    picture = read_picture(save(scene(), tmp_path / "a.webp"))
    write_picture(picture, tmp_path / "b.unknown")
    assert sniff_file(tmp_path / "b.unknown").name == "WebP"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_picture_is_turned_as_shown_and_stays_so(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(scene(), tmp_path / f"a{suffix}", exif=exif.tobytes())
    picture = read_picture(path)
    with Image.open(path) as image:
        shown = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert np.array_equal(picture.rgb, shown)
    write_picture(picture, tmp_path / f"b{suffix}", keep_metadata=True)
    with Image.open(tmp_path / f"b{suffix}") as written:
        assert written.size == (shown.shape[1], shown.shape[0])
        assert written.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 3), (17, 9)])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_smallest_and_oddest_sizes_work(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    path = save(Image.new("RGB", size, (200, 30, 60)), tmp_path / f"a{suffix}")
    picture = read_picture(path)
    assert picture.rgb.shape == (size[1], size[0], 3)
    write_picture(picture, tmp_path / f"b{suffix}")
    assert seen(tmp_path / f"b{suffix}").shape == (size[1], size[0], 3)


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 70), height=st.integers(1, 70), seed=st.integers(0, 2**31), orientation=st.integers(1, 8))
def test_any_lossless_picture_comes_back_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, seed: int, orientation: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    stored = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(folder / "a.png", exif=exif.tobytes())
    first = read_picture(folder / "a.png")
    write_picture(first, folder / "b.png")
    second = read_picture(folder / "b.png")
    assert np.array_equal(first.rgb, second.rgb)
    assert sorted(first.rgb.reshape(-1, 3).tolist()) == sorted(stored.reshape(-1, 3).tolist())


@pytest.mark.parametrize("quality", [35, 50, 75, 85, 92, 95])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_jpeg_is_coded_as_finely_as_its_source(tmp_path: Path, quality: int, subsampling: int) -> None:
    picture = read_picture(save(scene(), tmp_path / "a.jpg", quality=quality, subsampling=subsampling))
    assert picture.encoding.quality == quality
    assert picture.encoding.subsampling == subsampling
    write_picture(picture, tmp_path / "b.jpg")
    again = read_picture(tmp_path / "b.jpg")
    assert again.encoding == picture.encoding
    assert difference(again.rgb, picture.rgb) < 2.5


def test_jpeg_tables_of_a_camera_are_not_passed_on(tmp_path: Path) -> None:
    own = [list(range(3, 67)), list(range(5, 69))]
    path = save(scene(), tmp_path / "a.jpg", qtables=own)
    picture = read_picture(path)
    write_picture(picture, tmp_path / "b.jpg")
    before, after = tables(path), tables(tmp_path / "b.jpg")
    assert before != after
    assert 0.8 < sum(before) / sum(after) < 1.25


def test_jpeg_from_a_lossless_source_is_fine(tmp_path: Path) -> None:
    picture = read_picture(save(scene(), tmp_path / "a.png"))
    write_picture(picture, tmp_path / "b.jpg")
    assert read_picture(tmp_path / "b.jpg").encoding.quality == FRESH_QUALITY
    assert read_picture(tmp_path / "b.jpg").encoding.subsampling == 0


def test_webp_stays_lossless_where_it_was(tmp_path: Path) -> None:
    picture = read_picture(save(scene(), tmp_path / "a.webp", lossless=True))
    write_picture(picture, tmp_path / "b.webp")
    assert np.array_equal(read_picture(tmp_path / "b.webp").rgb, picture.rgb)


def test_same_pixels_give_the_same_bytes(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        written = []
        for name, comment in (("a", "one"), ("b", "another")):
            exif = Image.Exif()
            exif[0x010E] = comment
            picture = read_picture(save(scene(), tmp_path / f"{name}{suffix}", exif=exif.tobytes()))
            write_picture(picture, tmp_path / f"{name}2{suffix}")
            written.append((tmp_path / f"{name}2{suffix}").read_bytes())
        assert written[0] == written[1], suffix


# --- samples other than 8-bit RGB ---


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_grey_becomes_rgb(tmp_path: Path, suffix: str) -> None:
    path = save(scene().convert("L"), tmp_path / f"a{suffix}")
    picture = read_picture(path)
    assert np.array_equal(picture.rgb, seen(path))
    picture.rgb[:20, :20] = (255, 0, 0)
    write_picture(picture, tmp_path / f"b{suffix}")
    assert read_picture(tmp_path / f"b{suffix}").rgb[5, 5, 0] > 200


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("mode", ["1", "P"])
def test_black_and_white_and_palettes_become_rgb(tmp_path: Path, suffix: str, mode: str) -> None:
    path = save(scene().convert(mode), tmp_path / f"a{suffix}")
    assert np.array_equal(read_picture(path).rgb, seen(path))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_grey_is_kept_where_the_output_can_hold_it(tmp_path: Path, suffix: str) -> None:
    deep = (np.arange(256 * 4, dtype=np.uint16) * 64).reshape(32, 32)
    path = save(Image.fromarray(deep), tmp_path / f"a{suffix}")
    picture = read_picture(path)
    assert np.array_equal(picture.rgb[..., 1], (deep >> 8).astype(np.uint8))
    assert not any("16 bits" in note for note in picture.notes)
    for target in (".png", ".tif"):
        assert write_picture(picture, tmp_path / f"b{target}") == ()
        with Image.open(tmp_path / f"b{target}") as written:
            assert np.array_equal(np.asarray(written), deep)
    assert write_picture(picture, tmp_path / "b.jpg") == ("16 bits a channel became 8",)


def test_sixteen_bit_rgb_png_is_kept_to_the_bit(tmp_path: Path) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (9, 7, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    (tmp_path / "a.png").write_bytes(png((7, 9, 16, 2, 0, 0, 0), [(b"IDAT", zlib.compress(rows))]))
    picture = read_picture(tmp_path / "a.png")
    assert np.abs(picture.rgb.astype(int) - (deep.astype(int) >> 8)).max() <= 1
    assert not any("16 bits" in note for note in picture.notes)
    write_picture(picture, tmp_path / "b.png")
    again = read_picture(tmp_path / "b.png").deep
    assert again is not None
    assert np.array_equal(again, deep)


def png(header: tuple[int, ...], chunks: list[tuple[bytes, bytes]]) -> bytes:
    blocks = [(b"IHDR", struct.pack(">IIBBBBB", *header)), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in blocks
    )


def test_transparency_is_laid_over_white_and_hides_nothing(tmp_path: Path) -> None:
    rgba = np.dstack([np.asarray(scene()), np.full((80, 120), 255, np.uint8)])
    rgba[:40, :, 3] = 0  # a face may stand in pixels that nobody sees
    rgba[40:60, :, 3] = 128
    Image.fromarray(rgba).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert (picture.rgb[:40] == 255).all()
    half = (rgba[40:60, :, :3].astype(float) * 128 + 255 * 127) / 255
    assert np.abs(picture.rgb[40:60] - half).max() <= 1
    assert np.array_equal(picture.rgb[60:], rgba[60:, :, :3])
    assert "transparency laid over white" in picture.notes
    write_picture(picture, tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes()[25] == 2, "colour type: RGB without alpha"


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_opaque_alpha_is_dropped_without_a_word(tmp_path: Path, suffix: str) -> None:
    path = save(scene().convert("RGBA"), tmp_path / f"a{suffix}", **({"lossless": True} if suffix == ".webp" else {}))
    picture = read_picture(path)
    assert np.array_equal(picture.rgb, np.asarray(scene()))
    assert not any("transparency" in note for note in picture.notes)


def test_palette_and_colour_key_transparency_are_laid_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 1), 1)
    image.save(tmp_path / "a.png", transparency=0)
    picture = read_picture(tmp_path / "a.png")
    assert tuple(picture.rgb[0, 0]) == (255, 255, 255)
    assert tuple(picture.rgb[1, 1]) == (200, 100, 50)
    rgb = Image.new("RGB", (4, 4), (1, 2, 3))
    rgb.putpixel((2, 2), (9, 9, 9))
    rgb.save(tmp_path / "k.png", transparency=(1, 2, 3))
    assert tuple(read_picture(tmp_path / "k.png").rgb[0, 0]) == (255, 255, 255)
    assert tuple(read_picture(tmp_path / "k.png").rgb[2, 2]) == (9, 9, 9)


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_without_profile_is_converted_and_said(tmp_path: Path, suffix: str) -> None:
    path = save(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), tmp_path / f"a{suffix}")
    picture = read_picture(path)
    assert picture.rgb[4, 4, 0] > 240
    assert picture.rgb[4, 4, 1] < 10
    assert any("CMYK without a colour profile" in note for note in picture.notes)


def test_ycck_jpeg_is_not_taken_for_cmyk(tmp_path: Path) -> None:
    # Adobe stores inks inverted: what YCC must give for red is cyan, (0, 255, 255)
    y, cb, cr = 179, 171, 0
    buffer = io.BytesIO()
    Image.new("CMYK", (16, 16), (255 - y, 255 - cb, 255 - cr, 0)).save(buffer, "JPEG", quality=100)
    data = buffer.getvalue()
    place = data.index(b"Adobe") + 11
    assert data[place] == 0, "transform: none"
    (tmp_path / "a.jpg").write_bytes(data[:place] + b"\x02" + data[place + 1 :])
    red, green, blue = (int(value) for value in read_picture(tmp_path / "a.jpg").rgb[8, 8])
    assert red > 240
    assert green < 20
    assert blue < 20


@pytest.mark.parametrize(
    ("mode", "words"),
    [("F", "whole numbers"), ("I", "whole numbers"), ("LAB", "RGB, grey or CMYK")],
    ids=["F", "I", "LAB"],
)
def test_samples_that_cannot_be_shown_right_are_refused(tmp_path: Path, mode: str, words: str) -> None:
    save(Image.new(mode, (8, 8)), tmp_path / "a.tif")
    with pytest.raises(UnsupportedError, match=words) as refusal:
        read_picture(tmp_path / "a.tif")
    assert "8" in str(refusal.value.hint)


def test_sixteen_bit_tiff_with_white_as_zero_is_refused(tmp_path: Path) -> None:
    save(Image.fromarray(np.zeros((4, 4), np.uint16)), tmp_path / "a.tif", tiffinfo={262: 0})
    with pytest.raises(UnsupportedError, match="black as zero"):
        read_picture(tmp_path / "a.tif")


def test_eight_bit_tiff_with_white_as_zero_is_shown_right(tmp_path: Path) -> None:
    save(Image.fromarray(np.full((4, 4), 40, np.uint8)), tmp_path / "a.tif", tiffinfo={262: 0})
    with Image.open(tmp_path / "a.tif") as image:
        assert np.array_equal(read_picture(tmp_path / "a.tif").rgb, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_large_pictures_are_the_same_in_strips(tmp_path: Path, mode: str) -> None:
    image = scene().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)
    else:
        image = image.convert("RGB").convert(mode) if mode in {"1", "CMYK", "P"} else image.convert(mode)
    options = {"transparency": 3} if mode == "P" else {}
    path = save(image, tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), **options)
    whole = read_picture(path)
    data = path.read_bytes()
    with open_page(data, whole.format) as opened:
        strips = pixels_of(opened, lambda: open_page(data, whole.format), strip_px=7 * 120)
    assert np.array_equal(strips.rgb, whole.rgb)
    assert strips.notes == whole.notes
    assert whole.rgb.std() > 10


# --- sizes ---


def test_picture_of_twenty_thousand_pixels_width_works(tmp_path: Path) -> None:
    save(Image.new("RGB", (20000, 40), (5, 6, 7)), tmp_path / "a.jpg")
    picture = read_picture(tmp_path / "a.jpg")
    assert picture.rgb.shape == (40, 20000, 3)
    write_picture(picture, tmp_path / "b.png")
    write_picture(picture, tmp_path / "b.jpg")
    with pytest.raises(UsageError, match="at most 16383 pixels") as refusal:
        write_picture(picture, tmp_path / "b.webp")
    assert "PNG" in str(refusal.value.hint)


def test_picture_that_claims_too_many_pixels_is_refused_before_decoding(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png((20000, 20000, 8, 2, 0, 0, 0), [(b"IDAT", zlib.compress(bytes(1000)))]))
    with pytest.raises(UnsupportedError, match="at most 178 million pixels, got 20000x20000") as refusal:
        read_picture(tmp_path / "a.png")
    assert refusal.value.hint


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_memory_for_a_large_picture_is_bounded(tmp_path: Path) -> None:
    save(Image.new("RGB", (6000, 5000), (90, 80, 70)), tmp_path / "a.jpg")  # 30 million pixels
    code = """
        import resource, sys
        from pathlib import Path
        from passerby.media import read_picture, write_picture
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        picture = read_picture(Path(sys.argv[1]) / "a.jpg")
        write_picture(picture, Path(sys.argv[1]) / "b.jpg")
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 30e6)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert float(result.stdout) < 10, "bytes a pixel"


def test_encoder_that_fails_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot encode a 3x0 picture as JPEG"):
        write_picture(Picture(np.zeros((0, 3, 3), np.uint8)), tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_picture_and_atomic_file_fit_together(tmp_path: Path) -> None:
    source = save(scene(), tmp_path / "a.jpg")
    with atomic_file(tmp_path / "a_veiled.jpg", overwrite=False, inputs=[source]) as beside:
        write_picture(read_picture(source), beside)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "a_veiled.jpg"]


def test_srgb_profile_is_kept_as_numbers(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for suffix in SUFFIXES:
        picture = read_picture(save(scene(), tmp_path / f"a{suffix}", icc_profile=profile))
        write_picture(picture, tmp_path / f"b{suffix}")
        with Image.open(tmp_path / f"b{suffix}") as written:
            kept = written.info["icc_profile"]
        assert b"built-in" not in kept
        assert b"lcms" not in kept
        assert ImageCms.ImageCmsProfile(io.BytesIO(kept)).profile.xcolor_space == "RGB "

"""Broken, foreign and moving files are refused by name, and never crash or half work."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from passerby.errors import MediaError, UnreadableError, UnsupportedError
from passerby.media import Picture, read_picture

NOISE = Image.fromarray(np.random.default_rng(3).integers(0, 256, (24, 31, 3), np.uint8))


def coded(format_: str, image: Image.Image = NOISE, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's own options
    buffer = io.BytesIO()
    image.save(buffer, format=format_, **options)
    return buffer.getvalue()


def frames(format_: str) -> bytes:
    return coded(format_, save_all=True, append_images=[NOISE.rotate(180)])


def heic(image: Image.Image = NOISE) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=90)
    return buffer.getvalue()


# one file per mistake, with words that the message must hold
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "zero bytes": (b"", "an empty file"),
    "zeros": (bytes(5000), "nothing but zero bytes"),
    "text": (b"Dear all,\nthis is no picture.\n", "got text"),
    "text that says it is XML": (b"<?xml version='1.0'?><svg/>", "XML text"),
    "a PDF": (b"%PDF-1.7 ...", "a PDF document"),
    "an archive": (b"PK\x03\x04....", "a ZIP archive"),
    "a clip": (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "got MP4"),
    "noise": (random.Random(1).randbytes(5000), "unknown format"),
    "JPEG cut off": (coded("JPEG")[:-300], "JPEG picture is cut off or broken"),
    "JPEG with nothing but its first bytes": (b"\xff\xd8\xff\xe0", "JPEG picture is cut off or broken"),
    "JPEG without its tables": (coded("JPEG").replace(b"\xff\xdb", b"\xff\xef"), "broken"),
    "PNG cut off": (coded("PNG")[:900], "PNG picture is cut off or broken"),
    "PNG with a wrong checksum": (coded("PNG").replace(b"IHDR\0\0\0\x1f", b"IHDR\0\0\0\x1e"), "broken"),
    "WebP cut off": (coded("WEBP")[:200], "WebP picture is cut off or broken"),
    "TIFF cut off": (coded("TIFF")[:600], "TIFF picture is cut off or broken"),
    "GIF cut off": (coded("GIF")[:400], "GIF picture is cut off or broken"),
    "BMP cut off": (coded("BMP")[:400], "BMP picture is cut off or broken"),
    "AVIF cut off": (coded("AVIF")[:400], "AVIF picture is cut off or broken"),
    "HEIC cut off": (heic()[:400], "HEIC picture is cut off or broken"),
    "HEIC of a name alone": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC picture is cut off or broken"),
    "TIFF of nothing": (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "TIFF picture is cut off or broken"),
}
UNSUPPORTED: dict[str, tuple[bytes, str]] = {
    "JPEG 2000": (coded("JPEG2000"), "got JPEG 2000"),
    "sequence of HEIF": (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc", "got HEIF sequence"),
    "Photoshop": (b"8BPS\0\x01", "got Photoshop"),
    "moving PNG": (frames("PNG"), "single still, got an animated PNG"),
    "moving WebP": (frames("WEBP"), "single still, got an animated WebP"),
    "raw photograph": (coded("TIFF", tiffinfo={50706: b"\x01\x04\0\0"}), "raw photograph"),
}


@pytest.mark.parametrize("mistake", UNREADABLE)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a"])
def test_what_is_no_whole_picture_is_unreadable(tmp_path: Path, mistake: str, name: str) -> None:
    data, words = UNREADABLE[mistake]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableError, match=words) as refusal:
        read_picture(tmp_path / name)
    assert name in refusal.value.message, "the file is named"
    assert (tmp_path / name).read_bytes() == data


@pytest.mark.parametrize("mistake", UNSUPPORTED)
def test_what_cannot_be_veiled_right_is_refused_by_name(tmp_path: Path, mistake: str) -> None:
    data, words = UNSUPPORTED[mistake]
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(UnsupportedError, match=words) as refusal:
        read_picture(tmp_path / "a.jpg")
    assert refusal.value.hint, "it says what to do"


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_wrong_suffix_does_not_matter(tmp_path: Path, format_: str) -> None:
    (tmp_path / "a.mp4").write_bytes(coded(format_))
    assert read_picture(tmp_path / "a.mp4").format.upper() == format_


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "HEIC", "AVIF", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 0.97])
def test_no_part_of_a_picture_passes_for_the_whole(tmp_path: Path, format_: str, share: float) -> None:
    image = NOISE.resize((200, 150))
    data = heic(image) if format_ == "HEIC" else coded(format_, image)
    (tmp_path / "a").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableError):
        read_picture(tmp_path / "a")


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        read_picture(tmp_path / "nowhere.jpg")
    with pytest.raises(UnreadableError, match="directory"):
        read_picture(tmp_path)


def test_file_beyond_the_size_limit_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.tif").open("wb") as file:
        file.write(coded("TIFF"))
        file.truncate(1_000_000_001)  # a hole, takes no room
    with pytest.raises(UnsupportedError, match="at most 1000 MB"):
        read_picture(tmp_path / "a.tif")


def test_several_previews_in_a_tiff_are_not_pages(tmp_path: Path) -> None:
    small = NOISE.resize((8, 8))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    NOISE.save(tmp_path / "a.tif", save_all=True, append_images=[small])
    with Image.open(tmp_path / "a.tif") as image:
        image.seek(1)
        assert image.tag_v2[254] == 1  # type: ignore[attr-defined]
    assert read_picture(tmp_path / "a.tif").rgb.shape == (24, 31, 3)


def drop(data: bytearray, place: int, value: int) -> None:
    del data[place : place + value]


def insert(data: bytearray, place: int, value: int) -> None:
    data[place:place] = bytes([value]) * (value % 9)


def change(data: bytearray, place: int, value: int) -> None:
    data[place] = value


EXIF = Image.Exif()
EXIF[0x0112] = 6
EXIF[0x010F] = "maker"
SEEDS = [
    coded(format_, NOISE.convert(mode), exif=EXIF.tobytes())
    for format_ in ("JPEG", "PNG", "WEBP", "TIFF")
    for mode in ("RGB", "RGBA", "P", "L")
    if not (format_ == "JPEG" and mode in {"RGBA", "P"}) and not (format_ == "WEBP" and mode in {"P", "L"})
]
SEEDS += [heic(), coded("AVIF"), coded("BMP"), coded("GIF"), frames("TIFF")]
SEEDS += [coded("TIFF", Image.fromarray(np.arange(24 * 31, dtype=np.uint16).reshape(24, 31) * 88))]
MISTAKES = st.lists(
    st.tuples(st.sampled_from([change, change, drop, insert]), st.integers(0, 2000), st.integers(0, 255)),
    min_size=1,
    max_size=6,
)


def read_or_refuse(path: Path) -> Picture | str:
    try:
        return read_picture(path)
    except MediaError as error:
        return error.message


@settings(max_examples=400, deadline=None)
@given(seed=st.sampled_from(SEEDS), mistakes=MISTAKES)
def test_any_broken_picture_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    seed: bytes,
    mistakes: list[tuple[Callable[[bytearray, int, int], None], int, int]],
) -> None:
    data = bytearray(seed)
    for mistake, place, value in mistakes:
        if data:  # all of it may have been dropped
            mistake(data, place % len(data), value)
    path = tmp_path_factory.getbasetemp() / "broken.bin"
    path.write_bytes(data)
    outcome = read_or_refuse(path)
    assert str(path) in outcome if isinstance(outcome, str) else outcome.rgb.ndim == 3

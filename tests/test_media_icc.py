"""A colour profile keeps its colours and loses everything else."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from passerby.media import read_picture
from passerby.media.pictures.icc import clean_profile, colour_space

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def xyz(*numbers: float) -> bytes:
    return b"XYZ \0\0\0\0" + fixed(*numbers)


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def profile(space: bytes, kind: bytes, pcs: bytes, tags: dict[bytes, bytes], version: int = 2) -> bytes:
    text = b"SECRET-NAME OF A PERSON\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    everything = {b"desc": description, b"cprt": b"text\0\0\0\0" + text, b"wtpt": xyz(0.9642, 1, 0.8249)} | tags
    table, body, start = b"", b"", 132 + 12 * len(everything)
    for name, data in everything.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = bytearray(128)
    header[0:4] = struct.pack(">I", start + len(body))
    header[4:8] = b"CMMx"
    header[8] = version
    header[12:24] = kind + space + pcs
    header[24:36] = struct.pack(">6H", 2020, 1, 2, 3, 4, 5)
    header[36:40] = b"acsp"
    header[48:56] = b"MAKEMODL"
    header[68:80] = fixed(0.9642, 1, 0.8249)
    header[80:84] = b"CREA"
    return bytes(header) + struct.pack(">I", len(everything)) + table + body


WIDE = profile(
    b"RGB ",
    b"mntr",
    b"XYZ ",
    {
        b"rXYZ": xyz(0.5151, 0.2412, -0.0011), b"gXYZ": xyz(0.2919, 0.6922, 0.0419), b"bXYZ": xyz(0.1572, 0.0666, 0.7841),
        b"rTRC": gamma(2.2), b"gTRC": gamma(2.2), b"bTRC": gamma(2.2), b"priv": b"text\0\0\0\0SECRET-SERIAL",
    },
)  # fmt: skip
"""Colours of Display P3, and private words."""
GREY = profile(b"GRAY", b"mntr", b"XYZ ", {b"kTRC": gamma(1.0)})


def cmyk_profile() -> bytes:
    """A table from four inks to Lab: black and the mean of the inks darken, cyan and magenta and yellow tint."""
    cells = bytearray()
    for cell in range(16):
        c, m, y, k = (cell >> 3) & 1, (cell >> 2) & 1, (cell >> 1) & 1, cell & 1
        cells += bytes([round(255 * (1 - k) * (1 - (c + m + y) / 6)), 128 + 40 * (m - c), 128 + 40 * (y - c)])
    ramp = bytes(range(256))
    table = (
        b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + ramp * 4 + bytes(cells) + ramp * 3
    )
    return profile(b"CMYK", b"prtr", b"Lab ", {b"A2B0": table})


def shown(data: bytes, image: Image.Image) -> NDArray[np.uint8]:
    """What a colour-managed viewer shows on an sRGB screen."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(data))
    result = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert result is not None
    return np.asarray(result)


RAMP = Image.fromarray(np.random.default_rng(5).integers(0, 256, (16, 16, 3), np.uint8))


@pytest.mark.parametrize("data", [SRGB, WIDE], ids=["version 4", "version 2"])
def test_cleaned_profile_shows_the_same_colours(data: bytes) -> None:
    cleaned = clean_profile(data)
    assert cleaned is not None
    assert np.array_equal(shown(cleaned, RAMP), shown(data, RAMP))
    assert clean_profile(cleaned) == cleaned, "cleaning again changes nothing"


def test_cleaned_profile_holds_no_words() -> None:
    cleaned = clean_profile(WIDE)
    assert cleaned is not None
    for word in [b"SECRET", b"MAKE", b"MODL", b"CREA", b"CMMx", b"\x07\xe4"]:
        assert word in WIDE
        assert word not in cleaned
    assert not np.array_equal(shown(cleaned, RAMP), shown(SRGB, RAMP)), "it is not simply sRGB"


def test_two_profiles_with_the_same_colours_become_one() -> None:
    assert clean_profile(WIDE) == clean_profile(WIDE.replace(b"SECRET", b"PUBLIC").replace(b"MAKE", b"ELSE"))


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        WIDE[:100],
        WIDE[:-40],
        WIDE.replace(b"acsp", b"xxxx"),
        WIDE.replace(b"rXYZ", b"zXYZ"),
        WIDE[:8] + b"\x09" + WIDE[9:],
        WIDE[:128] + b"\xff\xff\xff\xff" + WIDE[132:],
        WIDE.replace(b"curv\0\0\0\0\0\0\0\x01", b"curv\0\0\0\0\xff\xff\xff\xff"),
        WIDE.replace(b"curv", b"text"),
        WIDE.replace(b"XYZ \0", b"text\0"),
        bytes(5_000_000),
    ],
)
def test_broken_profiles_are_not_kept(broken: bytes) -> None:
    assert clean_profile(broken) is None


def test_table_profiles_are_not_kept() -> None:
    assert clean_profile(cmyk_profile()) is None
    assert clean_profile(GREY) is None
    assert colour_space(cmyk_profile()) == "CMYK"
    assert colour_space(GREY) == "GRAY"
    assert colour_space(b"junk") is None


@settings(deadline=None)
@given(st.integers(0, len(WIDE) - 1), st.integers(0, 255))
def test_any_changed_byte_is_survived(place: int, value: int) -> None:
    data = bytearray(WIDE)
    data[place] = value
    cleaned = clean_profile(bytes(data))
    assert cleaned is None or b"SECRET" not in cleaned


def test_wide_colours_of_a_picture_stay_wide(tmp_path: Path) -> None:
    RAMP.save(tmp_path / "a.png", icc_profile=WIDE)
    picture = read_picture(tmp_path / "a.png")
    assert np.array_equal(picture.rgb, np.asarray(RAMP))
    assert picture.icc == clean_profile(WIDE)


def test_picture_with_a_cmyk_table_is_converted_through_it(tmp_path: Path) -> None:
    inks = Image.fromarray(np.random.default_rng(6).integers(0, 256, (16, 16, 4), np.uint8), mode=None).convert("RGBA")
    cmyk = Image.frombytes("CMYK", inks.size, inks.tobytes())
    cmyk.save(tmp_path / "a.tif", icc_profile=cmyk_profile())
    picture = read_picture(tmp_path / "a.tif")
    assert np.abs(picture.rgb.astype(int) - shown(cmyk_profile(), cmyk)).max() <= 1
    assert picture.icc is None
    assert "colours converted to sRGB" in picture.notes


def test_grey_picture_with_a_profile_is_converted_through_it(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 128).save(tmp_path / "a.png", icc_profile=GREY)
    picture = read_picture(tmp_path / "a.png")
    assert 185 <= picture.rgb[0, 0, 1] <= 190, "linear 128 is sRGB 188"
    assert "colours converted to sRGB" in picture.notes


def test_profile_for_other_samples_is_left_out_and_said(tmp_path: Path) -> None:
    RAMP.save(tmp_path / "a.png", icc_profile=GREY)
    picture = read_picture(tmp_path / "a.png")
    assert np.array_equal(picture.rgb, np.asarray(RAMP))
    assert picture.icc is None
    assert any("profile left out" in note for note in picture.notes)


def test_broken_profile_is_left_out_and_said(tmp_path: Path) -> None:
    RAMP.save(tmp_path / "a.png", icc_profile=b"junk" * 100)
    picture = read_picture(tmp_path / "a.png")
    assert picture.icc is None
    assert any("profile left out" in note for note in picture.notes)


def test_adobe_rgb_that_only_exif_tells_gets_its_profile(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 65535, 0xA005: {1: "R03"}}
    RAMP.save(tmp_path / "a.png", exif=exif.tobytes())
    picture = read_picture(tmp_path / "a.png")
    assert any("Adobe RGB" in note for note in picture.notes)
    assert picture.icc is not None
    assert clean_profile(picture.icc) == picture.icc
    # 128 is light of (128/255)**2.2 = 0.2195, which is 129 in sRGB; grey stays grey
    assert tuple(shown(picture.icc, Image.new("RGB", (1, 1), (128, 128, 128)))[0, 0]) == (129, 129, 129)
    assert tuple(shown(picture.icc, Image.new("RGB", (1, 1), (0, 255, 0)))[0, 0])[:2] == (0, 255)
    assert shown(picture.icc, Image.new("RGB", (1, 1), (255, 0, 0)))[0, 0, 0] == 255
    assert shown(picture.icc, Image.new("RGB", (1, 1), (200, 120, 120)))[0, 0, 0] > 210, "redder than in sRGB"

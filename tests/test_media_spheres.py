"""What files say of a sphere: read, kept where players need it, and nothing else with it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from passerby.media import Sphere, StereoLayout, probe_clip, read_picture, transcode, write_picture
from passerby.media.spheres import say_sphere, sphere_of_xmp
from passerby.media.spheres.sphere import part_of_sphere

PART = Sphere(left=0.25, top=0.25, width=0.5, height=0.5)
SECRET = b"<dc:creator>Somebody</dc:creator>"


def picture(path: Path, sphere: Sphere) -> Path:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 128, 3), np.uint8))
    xmp = sphere.as_xmp(128, 64).replace(b"</x:xmpmeta>", SECRET + b"</x:xmpmeta>")
    if path.suffix == ".png":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
        image.save(path, pnginfo=texts)
    else:
        image.save(path, xmp=xmp)
    return path


@pytest.mark.parametrize("source", [".jpg", ".png", ".webp", ".avif"])
@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".avif", ".heic", ".tif"])
def test_a_still_picture_goes_on_saying_what_it_shows(tmp_path: Path, source: str, target: str) -> None:
    read = read_picture(picture(tmp_path / f"a{source}", PART))
    assert read.sphere == PART
    write_picture(read, tmp_path / f"b{target}")
    assert b"Somebody" not in (tmp_path / f"b{target}").read_bytes()
    assert read_picture(tmp_path / f"b{target}").sphere == PART


def test_sixteen_bits_say_it_too(tmp_path: Path) -> None:
    read = read_picture(picture(tmp_path / "a.png", PART))
    read.deep = read.rgb.astype(np.uint16) * 257
    for target in ("b.png", "b.tif"):
        write_picture(read, tmp_path / target)
        assert read_picture(tmp_path / target).sphere == PART


def test_an_ordinary_picture_says_nothing(tmp_path: Path) -> None:
    Image.new("RGB", (64, 32)).save(tmp_path / "a.jpg", xmp=b'<x:xmpmeta GPano:ProjectionType="cylindrical"/>')
    assert read_picture(tmp_path / "a.jpg").sphere is None


@pytest.mark.parametrize(
    "said",
    [
        b'GPano:ProjectionType="equirectangular"',
        b"<GPano:ProjectionType>equirectangular</GPano:ProjectionType>",
        b'GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="0" GPano:FullPanoHeightPixels="9"',
        b'GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="9999999" GPano:FullPanoHeightPixels="9999999"',
    ],
)
def test_what_says_too_little_or_too_much_shows_the_whole_sphere(said: bytes) -> None:
    assert sphere_of_xmp(b"<x " + said + b"/>", (128, 64)) == Sphere()


@given(st.floats(-1, 2), st.floats(-1, 2), st.floats(-1, 2), st.floats(-1, 2))
def test_any_numbers_give_a_part_of_the_sphere(left: float, top: float, width: float, height: float) -> None:
    part = part_of_sphere(left, top, width, height)
    assert 0 <= part.left < 1
    assert 0 <= part.top < 1
    assert part.left + part.width < 1.002
    assert part.top + part.height < 1.002


def clip(path: Path, *, fast: bool = False) -> Path:
    options = {"movflags": "+faststart"} if fast else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for number in range(30):
            shade = np.full((64, 128, 3), 8 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def means(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize(
    "sphere",
    [
        Sphere(),
        replace(PART, turn_deg=(90.0, -10.5, 3.0)),
        Sphere(stereo=StereoLayout.OVER),
        Sphere(stereo=StereoLayout.BESIDE),
    ],
)
def test_a_clip_says_what_it_shows_and_plays_as_before(
    tmp_path: Path, suffix: str, sphere: Sphere, *, fast: bool
) -> None:
    path = clip(tmp_path / f"a{suffix}", fast=fast)
    before = means(path)
    assert probe_clip(path).sphere is None
    say_sphere(path, sphere)
    assert means(path) == before
    said = probe_clip(path).sphere
    assert said is not None
    assert said.stereo is sphere.stereo
    assert said.turn_deg == sphere.turn_deg
    assert np.allclose(
        (said.left, said.top, said.width, said.height),
        (sphere.left, sphere.top, sphere.width, sphere.height),
        atol=1e-6,
    )


def test_the_output_of_a_clip_says_it_too(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4")
    say_sphere(path, Sphere(stereo=StereoLayout.OVER))
    transcode(path, tmp_path / "b.mp4", edit=lambda *_: None, needs_edit=lambda *_: False)
    assert probe_clip(tmp_path / "b.mp4").sphere == Sphere(stereo=StereoLayout.OVER)
    assert means(tmp_path / "b.mp4") == pytest.approx(means(path), abs=2)
    shutil.copy(path, tmp_path / "c.mp4")
    report = transcode(path, tmp_path / "b.mkv", edit=lambda *_: None, needs_edit=lambda *_: False)
    assert any("not told" in note for note in report.notes)


def test_the_words_of_version_1_are_read(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4")
    say_sphere(path, Sphere())
    data = path.read_bytes()
    path.write_bytes(data.replace(b"sv3d", b"free"))
    assert probe_clip(path).sphere == Sphere()


def test_what_is_no_clip_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x10ftypisom" + bytes(40))
    with pytest.raises(ValueError, match="no moov"):
        say_sphere(path, Sphere())
    assert path.read_bytes() == b"\0\0\0\x10ftypisom" + bytes(40)

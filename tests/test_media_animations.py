"""Animated WebP and AVIF as clips: every picture, at its own time, and nothing of what is transparent."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from passerby import veil
from passerby.config import PORTRAIT
from passerby.errors import UnreadableError, UnsupportedError
from passerby.media import ClipReader, expand_inputs, plan_outputs, probe_clip, scaled_rgb
from passerby.media.animations import MAX_PIXELS

TIMES_MS = [100, 40, 40, 200, 10]


def pictures(mode: str = "RGB") -> list[Image.Image]:
    with Image.open(PORTRAIT) as portrait:
        scene = portrait.convert("RGB").resize((160, 120))
    moved = [Image.fromarray(np.roll(np.asarray(scene), 9 * step, axis=1)) for step in range(len(TIMES_MS))]
    return [one.convert(mode) for one in moved]


def moving(path: Path, frames: list[Image.Image], **options: object) -> Path:
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=TIMES_MS, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_every_picture_is_a_frame_at_its_own_time(tmp_path: Path, suffix: str) -> None:
    path = moving(tmp_path / f"a{suffix}", pictures(), quality=95)
    with ClipReader(path) as clip:
        frames = list(clip.frames())
        times = [round(frame.time_s * 1000) for frame in frames]
        assert not clip.record.truncated
    assert times == [0, 100, 140, 180, 380]
    for frame, wanted in zip(frames, pictures(), strict=True):
        shown = scaled_rgb(frame.picture, 160, 120)
        assert np.abs(shown.astype(int) - np.asarray(wanted)).mean() < 6


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_it_is_veiled_as_a_clip(tmp_path: Path, suffix: str) -> None:
    path = moving(tmp_path / f"a{suffix}", pictures(), quality=95)
    (job,) = plan_outputs(expand_inputs([str(path)]))
    assert job.target.suffix == ".mp4"
    done = veil.veil_file(path, job.target)
    assert (done.report.frames, done.report.frames_with_cover) == (5, 5)
    with av.open(str(job.target)) as written:
        assert [round(1000 * frame.time) for frame in written.decode(video=0)] == [0, 100, 140, 180, 380]


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    frames = pictures("RGBA")
    for frame in frames:
        frame.paste((200, 0, 0, 0), (0, 0, 160, 60))
    path = moving(tmp_path / "a.webp", frames, lossless=True, exact=True)
    with ClipReader(path) as clip:
        for shown in clip.frames():
            assert scaled_rgb(shown.picture, 160, 120)[:58].min() > 250


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_what_is_cut_off_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = moving(tmp_path / f"a{suffix}", pictures())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableError, match="cut off or broken"):
        probe_clip(path)


def test_pictures_beyond_the_limit_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    side = 8000
    assert side * side > MAX_PIXELS
    canvas = b"\2\0\0\0" + (side - 1).to_bytes(3, "little") * 2
    anim = b"ANIM" + (6).to_bytes(4, "little") + bytes(6)
    still = moving(tmp_path / "a.webp", pictures()).read_bytes()
    frames = still[still.index(b"ANMF") :]
    body = b"WEBPVP8X" + (10).to_bytes(4, "little") + canvas + anim + frames
    (tmp_path / "b.webp").write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    with pytest.raises((UnsupportedError, UnreadableError)):
        probe_clip(tmp_path / "b.webp")

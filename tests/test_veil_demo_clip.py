"""The demo clip: what it says about the faces is true of its pixels."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from passerby.errors import UnreadableError
from passerby.veil.tools import demo_clip as clip


def test_faces_stand_where_the_truth_says() -> None:
    pictures = [(np.asarray(picture).astype(int), truth) for picture, truth in clip.demo_frames(2, (640, 360))]
    empty = pictures[0][0]
    seen = set()
    bare = round(len(pictures) * clip.BARE_SHARE)
    for number, (picture, truth) in enumerate(pictures):
        changed = np.abs(picture - empty).max(axis=2) > 20
        for person, (x0, y0, x1, y1) in zip(truth.person, truth.xyxy.astype(int), strict=True):
            assert changed[y0:y1, x0:x1].mean() > 0.5
            seen.add(int(person))
        assert (changed.sum() == 0) == (len(truth.xyxy) == 0) == (number < bare)
    assert seen == set(range(len(clip.ACTORS)))


def test_sizes_run_from_ten_to_a_hundred_and_twenty_pixels() -> None:
    wide = [x1 - x0 for _, truth in clip.demo_frames(6, (640, 360)) for x0, _, x1, _ in truth.xyxy.tolist()]
    assert 5 <= min(wide) <= 10.5
    assert 115 <= max(wide) <= 121


def test_clip_has_the_frames_that_were_asked_for(tmp_path: Path) -> None:
    truths = clip.demo_clip(tmp_path / "demo.mp4", 1.2, (320, 180))
    with av.open(str(tmp_path / "demo.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == len(truths) == 30
    assert (frames[0].width, frames[0].height) == (320, 180)
    assert len(truths[0].xyxy) == 0
    assert len(truths[-1].xyxy) > 3


def test_missing_portrait_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="portrait must be at"):
        next(clip.demo_frames(1, (64, 36), portrait=tmp_path / "none.png"))

"""Pictures that others are predicted from are missed when they are missing, and no others."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.gateway.picture.scene import Scene, SceneSettings
from passerby.media.h264.losses import ReferenceLosses
from passerby.media.h264.units import NalType, nal_type, nal_units

OPTIONS = {
    "plain": {"bf": "0", "g": "12"},
    "one key frame": {"bf": "0", "g": "300"},
    "b-frames": {"bf": "3", "b-adapt": "0", "b-pyramid": "none", "g": "25"},
    "slices": {"bf": "0", "slices": "3", "g": "20"},
}


@lru_cache
def access_units(name: str) -> tuple[bytes, ...]:
    scene = Scene(SceneSettings(192, 96, 12.5, 1))
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = 192, 96, "yuv420p", 25
    encoder.options = {"preset": "ultrafast", **OPTIONS[name]}
    frames = [scene.frame(number) for number in range(60)]
    for number, frame in enumerate(frames):
        frame.pts = number
    return tuple(bytes(packet) for frame in [*frames, None] for packet in encoder.encode(frame))


def slice_of(unit: bytes) -> bytes:
    return next(nal for nal in nal_units(unit) if nal_type(nal) in {NalType.SLICE, NalType.IDR})


@pytest.mark.parametrize("name", OPTIONS)
@given(lost=st.sets(st.integers(1, 59), max_size=6))
@settings(max_examples=40, deadline=None)
def test_what_is_missing_is_missed_at_the_next_picture(name: str, lost: set[int]) -> None:
    losses, missing = ReferenceLosses(), False
    for number, unit in enumerate(access_units(name)):
        head = slice_of(unit)
        if number in lost and nal_type(head) != NalType.IDR:  # after which numbers begin anew, and may fit by chance
            missing = missing or bool(head[0] & 0x60)  # what nobody refers to is not missed
            continue
        refresh = nal_type(head) == NalType.IDR
        assert losses.missing_before(unit) == (missing and not refresh), number
        if head[0] & 0x60:
            missing = False


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_what_cannot_be_read_says_nothing(junk: list[bytes]) -> None:
    losses = ReferenceLosses()
    for data in junk:
        losses.missing_before(b"\x00\x00\x01" + data)
    first, second = access_units("plain")[:2]
    losses.missing_before(first)
    assert not losses.missing_before(second)

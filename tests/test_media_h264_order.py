"""Slices say the order in which pictures are shown, as the times of packets do."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.media_clips import make_clip

from passerby.errors import BitstreamError
from passerby.media.h264 import NalType, OrderCoding, OrderCounter, nal_type, parse_avcc, parse_sps, split_lengths


def counted(path: Path) -> list[tuple[int, int, bool]]:
    """Return time, counted place and whether it is a refresh, of each picture in decoding order."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        config = parse_avcc(stream.codec_context.extradata or b"")
        coding, counter, found = parse_sps(config.sps[0]).order, OrderCounter(), []
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None:
                units = split_lengths(memoryview(packet), config.length_bytes)
                unit = next(unit for unit in units if nal_type(unit) in {NalType.SLICE, NalType.IDR})
                found.append((packet.pts, counter.count(unit, coding), nal_type(unit) == NalType.IDR))
        return found


@pytest.mark.parametrize(
    "options",
    [
        {"bf": "3", "b-adapt": "0", "g": "7"},
        {"bf": "16", "b-adapt": "0", "g": "300", "b-pyramid": "strict"},
        {"bf": "2", "b-adapt": "0", "g": "20", "x264-params": "open-gop=1"},
        {"bf": "0", "g": "10"},
        {"bf": "3", "slices": "3", "g": "11"},
    ],
)
def test_counted_order_is_that_of_showing(tmp_path: Path, options: dict[str, str]) -> None:
    path = make_clip(tmp_path / "a.mp4", size=(32, 48), frames=150, options={"preset": "ultrafast"} | options)
    groups: list[list[tuple[int, int]]] = []
    for time, place, refresh in counted(path):
        if refresh:
            groups.append([])
        groups[-1].append((time, place))
    for group in groups:
        assert sorted(group) == sorted(group, key=lambda pair: pair[1])
        assert len({place for _, place in group}) == len(group)


def test_a_count_that_wraps_goes_on() -> None:
    counter, coding = OrderCounter(), OrderCoding(frame_number_bits=4, kind=0, count_bits=4)
    places = [counter.count(slice_of(low, refresh=low_index == 0), coding) for low_index, low in enumerate(WRAPPING)]
    assert places == [0, 8, 4, 16, 12, 24]


WRAPPING = (0, 8, 4, 0, 12, 8)


def slice_of(low: int, *, refresh: bool) -> bytes:
    """Write the head of a slice: four bits of frame number, four bits of count; every second one is referred to."""
    head = 0x65 if refresh else (0x41 if low in {0, 8} else 0x01)
    bits = "1" + "011" + "1" + "0000" + ("1" if refresh else "") + f"{low:04b}" + "1"
    return bytes([head]) + int(bits.ljust(24, "0"), 2).to_bytes(3, "big")


def test_an_order_by_pattern_is_refused() -> None:
    with pytest.raises(BitstreamError, match="must say their order by a count, got a pattern"):
        OrderCounter().count(slice_of(0, refresh=True), OrderCoding(4, 1, 0))


@given(st.binary(min_size=1, max_size=40).filter(lambda data: data[0] < 0x80), st.integers(0, 2))
def test_any_slice_is_counted_or_refused(data: bytes, kind: int) -> None:
    try:
        place = OrderCounter().count(data, OrderCoding(4, kind, 4))
    except BitstreamError:
        return
    assert -(1 << 5) <= place <= 1 << 5

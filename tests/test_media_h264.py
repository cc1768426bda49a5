from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.errors import BitstreamError
from passerby.media import h264
from passerby.media.h264 import BitReader, NalType, find_parameter_sets, parse_avcc, parse_pps, parse_sps

# written by x264 core 165 for 160x120, 8 bits, 4:2:0, High, level 1.1; and by a camera for 768x432, Main, level 3.1
X264_SPS = bytes.fromhex("6764000bacd942847e5c0440000003004000000c83c50a6580")
X264_PPS = bytes.fromhex("68ebe3cb22c0")
CAMERA_SPS = bytes.fromhex("674d401f965281806f4d41818190000003001000000301484040")
AVCC = bytes.fromhex("0164000bffe10019") + X264_SPS + bytes.fromhex("010006") + X264_PPS + bytes.fromhex("fdf8f800")


def extradata(width: int, height: int, pix_fmt: str, options: dict[str, str]) -> bytes:
    """Return what x264 writes before its stream."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    context.time_base = Fraction(1, 25)
    context.flags |= 1 << 22
    context.options = options
    context.open()
    return context.extradata or b""


def test_sps_of_x264_and_of_a_camera() -> None:
    sps = parse_sps(X264_SPS)
    assert (sps.number, sps.profile, sps.level) == (0, 100, 11)
    assert (sps.coded_px, sps.crop_px) == ((160, 128), (0, 0, 0, 8))
    assert sps.eight_bit_420
    assert sps.frames_only
    camera = parse_sps(CAMERA_SPS)
    assert (camera.profile, camera.level, camera.coded_px, camera.crop_px) == (77, 31, (768, 432), (0, 0, 0, 0))


def test_pps() -> None:
    pps = parse_pps(X264_PPS)
    assert (pps.number, pps.sps, pps.simple) == (0, 0, True)


@pytest.mark.parametrize(
    ("size", "pix_fmt", "options", "coded", "crop", "plain", "frames"),
    [
        ((64, 48), "yuv420p", {}, (64, 48), (0, 0, 0, 0), True, True),
        ((62, 50), "yuv420p", {}, (64, 64), (0, 2, 0, 14), True, True),
        ((64, 48), "yuv422p", {}, (64, 48), (0, 0, 0, 0), False, True),
        ((64, 48), "yuv444p", {}, (64, 48), (0, 0, 0, 0), False, True),
        ((64, 48), "yuv420p10le", {}, (64, 48), (0, 0, 0, 0), False, True),
        ((64, 48), "yuv420p", {"crf": "0"}, (64, 48), (0, 0, 0, 0), False, True),
        ((64, 48), "yuv420p", {"x264-params": "tff=1"}, (64, 64), (0, 0, 0, 16), True, False),
        ((64, 48), "yuv420p", {"x264-params": "crop-rect=2,4,6,8"}, (64, 48), (2, 6, 4, 8), True, True),
        ((64, 48), "yuv420p", {"x264-params": "cqm=jvt"}, (64, 48), (0, 0, 0, 0), True, True),
        ((64, 48), "yuv420p", {"profile": "baseline"}, (64, 48), (0, 0, 0, 0), True, True),
        ((64, 48), "yuv420p", {"x264-params": "sps-id=7"}, (64, 48), (0, 0, 0, 0), True, True),
    ],
)
def test_sps_says_what_x264_was_told(
    size: tuple[int, int], pix_fmt: str, options: dict[str, str], coded: tuple[int, int],
    crop: tuple[int, int, int, int], plain: bool, frames: bool,
) -> None:  # fmt: skip
    units = h264.nal_units(extradata(*size, pix_fmt, options))
    sps = parse_sps(next(unit for unit in units if h264.nal_type(unit) == NalType.SPS))
    assert (sps.coded_px, sps.crop_px, sps.eight_bit_420, sps.frames_only) == (coded, crop, plain, frames)
    pps = parse_pps(next(unit for unit in units if h264.nal_type(unit) == NalType.PPS))
    assert pps.sps == sps.number == pps.number == (7 if "sps-id=7" in options.get("x264-params", "") else 0)


def test_avcc_round_trip() -> None:
    config = parse_avcc(AVCC)
    assert (config.length_bytes, config.sps, config.pps) == (4, (X264_SPS,), (X264_PPS,))
    assert h264.build_avcc(list(config.sps), list(config.pps)) == AVCC
    both = parse_avcc(h264.build_avcc([CAMERA_SPS, X264_SPS], [X264_PPS, X264_PPS]))
    assert both.sps == (CAMERA_SPS, X264_SPS)


def test_avcc_takes_the_highest_profile_and_level() -> None:
    record = h264.build_avcc([CAMERA_SPS, X264_SPS], [X264_PPS])
    assert (record[1], record[3]) == (100, 31)


@pytest.mark.parametrize("cut", range(len(AVCC) - 5))
def test_avcc_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(BitstreamError):
        parse_avcc(AVCC[:cut])


@pytest.mark.parametrize(
    "unit", [b"", b"\xe7\x64", b"\x67", b"\x67\x64\x00", X264_PPS, X264_SPS[:6], b"\x67" + b"\0" * 90]
)
def test_sps_that_is_none_is_refused(unit: bytes) -> None:
    with pytest.raises(BitstreamError):
        parse_sps(unit)


@pytest.mark.parametrize("unit", [b"", b"\x68", X264_SPS, b"\x68\x00\x00"])
def test_pps_that_is_none_is_refused(unit: bytes) -> None:
    with pytest.raises(BitstreamError):
        parse_pps(unit)


def test_slice_that_switches_streams_is_refused() -> None:
    # first_mb 0, slice_type 3 (SP)
    with pytest.raises(BitstreamError, match="switches streams"):
        h264.slice_head(memoryview(bytes((0x41, 0b1_00100_1_1))))


@given(st.lists(st.binary(min_size=1, max_size=600), max_size=8))
def test_lengths_join_and_split(units: list[bytes]) -> None:
    data = h264.with_lengths(units)
    assert [bytes(unit) for unit in h264.split_lengths(memoryview(data), 4)] == units


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4), st.integers(1, 3))
def test_packet_whose_lengths_do_not_add_up_is_refused(units: list[bytes], missing: int) -> None:
    data = h264.with_lengths(units)
    for wrong in (data[: -min(missing, len(units[-1]))], data + b"\0" * missing):
        with pytest.raises(BitstreamError):
            list(h264.split_lengths(memoryview(wrong), 4))


def test_lengths_that_look_like_start_codes_are_lengths() -> None:
    units = [b"\x65" + b"\xaa" * (256 + k) for k in range(0, 256, 37)]
    assert [len(u) for u in h264.split_lengths(memoryview(h264.with_lengths(units)), 4)] == [len(u) for u in units]


def test_user_data_is_dropped_and_nothing_else() -> None:
    message, picture = b"\x06\x05\x01\x80", b"\x65\x88\x84"
    packet = b"\x00\x00\x01" + message + b"\x00\x00\x00\x01" + picture
    assert h264.nal_units(h264.without_user_data(packet)) == [picture]
    timing = b"\x00\x00\x01\x06\x01\x01\x80\x00\x00\x01" + picture
    assert h264.without_user_data(timing) == timing


@given(st.integers(0, 2**31 - 2))
def test_exp_golomb(number: int) -> None:
    data = to_bytes(golomb(number))
    assert BitReader(data).ue() == number
    assert BitReader(data).se() == ((number + 1) // 2 if number % 2 else -(number // 2))


@given(st.binary(max_size=80))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    for parse in (parse_sps, parse_pps, parse_avcc, h264.message_types, h264.nal_type):
        with suppress(BitstreamError):
            parse(data)
    with suppress(BitstreamError):
        h264.slice_head(memoryview(data))
    with suppress(BitstreamError):
        sets = find_parameter_sets(h264.nal_units(data))
        assert sets is None or min(sets.size) > 0


@given(st.sampled_from([X264_SPS, CAMERA_SPS]), st.data())
def test_sps_with_one_byte_changed_parses_to_a_possible_size_or_is_refused(sound: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(sound) - 1))
    unit = sound[:at] + data.draw(st.binary(min_size=1, max_size=1)) + sound[at + 1 :]
    with suppress(BitstreamError):
        sps = parse_sps(unit)
        assert sps.number <= 31
        assert all(0 < shown <= coded <= 16880 for shown, coded in zip(sps.shown_px, sps.coded_px, strict=True))


def golomb(number: int) -> str:
    """Return a number as the bits of clause 9.1."""
    bits = f"{number + 1:b}"
    return "0" * (len(bits) - 1) + bits


def to_bytes(bits: str) -> bytes:
    """Return bits as bytes, filled up with zeros."""
    size = -(-len(bits) // 8)
    return int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")


def baseline_sps(*, number: int = 0, order: int = 2, columns: int = 4, right: int = 0) -> bytes:
    """Return a parameter set of profile 66, 64 rows high, that says what it is told."""
    crop = "1" + "".join(golomb(value) for value in (0, right, 0, 0)) if right else "0"
    head = golomb(number) + golomb(0) + golomb(order) + golomb(1) + "0"
    return bytes((0x67, 66, 0, 10)) + to_bytes(head + golomb(columns - 1) + golomb(3) + "11" + crop + "01")


def test_sps_made_by_hand_is_read() -> None:
    assert parse_sps(baseline_sps()).shown_px == (64, 64)
    assert parse_sps(baseline_sps(number=31, columns=1055, right=3)).shown_px == (16874, 64)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"number": 32}, "at most 31"),
        ({"order": 3}, "at most 2"),
        ({"columns": 1056}, "level 6.2"),
        ({"right": 32}, "must leave something"),
    ],
)
def test_sps_that_says_what_no_stream_may_is_refused(said: dict[str, int], words: str) -> None:
    with pytest.raises(BitstreamError, match=words):
        parse_sps(baseline_sps(**said))

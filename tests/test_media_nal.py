from __future__ import annotations

from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.media.clips import nal
from passerby.media.clips.nal import BitReader, NalError, parse_avcc, parse_pps, parse_sps

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
    units = nal.split_start_codes(extradata(*size, pix_fmt, options))
    sps = parse_sps(next(unit for unit in units if nal.unit_type(unit) == nal.SPS))
    assert (sps.coded_px, sps.crop_px, sps.eight_bit_420, sps.frames_only) == (coded, crop, plain, frames)
    pps = parse_pps(next(unit for unit in units if nal.unit_type(unit) == nal.PPS))
    assert pps.sps == sps.number == pps.number == (7 if "sps-id=7" in options.get("x264-params", "") else 0)


def test_avcc_round_trip() -> None:
    config = parse_avcc(AVCC)
    assert (config.length_bytes, config.sps, config.pps) == (4, (X264_SPS,), (X264_PPS,))
    assert nal.build_avcc(list(config.sps), list(config.pps)) == AVCC
    both = parse_avcc(nal.build_avcc([CAMERA_SPS, X264_SPS], [X264_PPS, X264_PPS]))
    assert both.sps == (CAMERA_SPS, X264_SPS)


def test_avcc_takes_the_highest_profile_and_level() -> None:
    record = nal.build_avcc([CAMERA_SPS, X264_SPS], [X264_PPS])
    assert (record[1], record[3]) == (100, 31)


@pytest.mark.parametrize("cut", range(len(AVCC) - 5))
def test_avcc_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(NalError):
        parse_avcc(AVCC[:cut])


@pytest.mark.parametrize(
    "unit", [b"", b"\xe7\x64", b"\x67", b"\x67\x64\x00", X264_PPS, X264_SPS[:6], b"\x67" + b"\0" * 90]
)
def test_sps_that_is_none_is_refused(unit: bytes) -> None:
    with pytest.raises(NalError):
        parse_sps(unit)


@pytest.mark.parametrize("unit", [b"", b"\x68", X264_SPS, b"\x68\x00\x00"])
def test_pps_that_is_none_is_refused(unit: bytes) -> None:
    with pytest.raises(NalError):
        parse_pps(unit)


def test_slice_that_switches_streams_is_refused() -> None:
    # first_mb 0, slice_type 3 (SP)
    with pytest.raises(NalError, match="switches streams"):
        nal.slice_head(memoryview(bytes((0x41, 0b1_00100_1_1))))


@given(st.lists(st.binary(min_size=1, max_size=600), max_size=8))
def test_lengths_join_and_split(units: list[bytes]) -> None:
    data = nal.with_lengths(units)
    assert [bytes(unit) for unit in nal.split_lengths(memoryview(data), 4)] == units


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4), st.integers(1, 3))
def test_packet_whose_lengths_do_not_add_up_is_refused(units: list[bytes], missing: int) -> None:
    data = nal.with_lengths(units)
    for wrong in (data[: -min(missing, len(units[-1]))], data + b"\0" * missing):
        with pytest.raises(NalError):
            list(nal.split_lengths(memoryview(wrong), 4))


def test_lengths_that_look_like_start_codes_are_lengths() -> None:
    units = [b"\x65" + b"\xaa" * (256 + k) for k in range(0, 256, 37)]
    assert [len(u) for u in nal.split_lengths(memoryview(nal.with_lengths(units)), 4)] == [len(u) for u in units]


def test_user_data_is_dropped_and_nothing_else() -> None:
    message, picture = b"\x06\x05\x01\x80", b"\x65\x88\x84"
    packet = b"\x00\x00\x01" + message + b"\x00\x00\x00\x01" + picture
    assert nal.split_start_codes(nal.without_user_data(packet)) == [picture]
    timing = b"\x00\x00\x01\x06\x01\x01\x80\x00\x00\x01" + picture
    assert nal.without_user_data(timing) == timing


@given(st.integers(0, 2**31 - 2))
def test_exp_golomb(number: int) -> None:
    bits = f"{number + 1:b}"
    text = "0" * (len(bits) - 1) + bits
    data = int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
    assert BitReader(data).ue() == number
    assert BitReader(data).se() == ((number + 1) // 2 if number % 2 else -(number // 2))


@given(st.binary(max_size=80))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    for parse in (parse_sps, parse_pps, parse_avcc):
        try:
            parse(data)
        except NalError:
            continue

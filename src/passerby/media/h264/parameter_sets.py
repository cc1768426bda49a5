"""Sequence and picture parameter sets. What is not understood is refused, never guessed.

Spec: ITU-T H.264 (08/2021), clauses 7.3.2.1, 7.3.2.2 and their semantics in 7.4.2; RFC 6184 and RFC 6381 for the names.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from passerby.errors import BitstreamError
from passerby.media.h264.bits import BitReader, unescape
from passerby.media.h264.units import NalType, nal_type

_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose sets say their chroma format. Source: clause 7.3.2.1.1."""
_MACROBLOCK_PX = 16
_MOST_MACROBLOCKS = 1055
"""In a row or a column. Source: table A-1 and A.3.1, level 6.2: the root of 8 * 139264."""


@dataclass(frozen=True, slots=True)
class OrderCoding:
    """How slices say in which order pictures are shown.

    Attributes:
        frame_number_bits: log2_max_frame_num.
        kind: pic_order_cnt_type: 0 a count in each slice, 1 a pattern, 2 in decoding order.
        count_bits: log2_max_pic_order_cnt_lsb where ``kind`` is 0.
    """

    frame_number_bits: int
    kind: int
    count_bits: int


@dataclass(frozen=True, slots=True)
class Sps:
    """What must be known of a sequence parameter set.

    Attributes:
        number: seq_parameter_set_id.
        profile: profile_idc.
        level: level_idc.
        eight_bit_420: Chroma 4:2:0 and 8 bits, without lossless coding.
        frames_only: No fields.
        coded_px: Width and height of all decoded samples.
        crop_px: Columns and rows left out: left, right, top, bottom.
        order: How pictures say in which order they are shown.
        gaps_allowed: Numbers of pictures may be left out on purpose.
    """

    number: int
    profile: int
    level: int
    eight_bit_420: bool
    frames_only: bool
    coded_px: tuple[int, int]
    crop_px: tuple[int, int, int, int]
    order: OrderCoding
    gaps_allowed: bool

    @property
    def shown_px(self) -> tuple[int, int]:
        """Width and height after cropping."""
        left, right, top, bottom = self.crop_px
        return self.coded_px[0] - left - right, self.coded_px[1] - top - bottom


@dataclass(frozen=True, slots=True)
class Pps:
    """What must be known of a picture parameter set.

    Attributes:
        number: pic_parameter_set_id.
        sps: seq_parameter_set_id.
        simple: One slice group, and no redundant pictures.
    """

    number: int
    sps: int
    simple: bool


@dataclass(frozen=True, slots=True)
class _Chroma:
    """Chroma format: whether it is 4:2:0 with 8 bits, and the step of cropping in columns and rows."""

    plain: bool = True
    step_px: tuple[int, int] = (2, 2)


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """The parameter sets that a stream begins with, one of each, as whole units without start codes."""

    sps: bytes
    pps: bytes

    @property
    def codec(self) -> str:
        """The codec string of RFC 6381, such as ``avc1.640020``."""
        return "avc1." + self.sps[1:4].hex()

    @property
    def profile_level_id(self) -> str:
        """``profile-level-id`` of RFC 6184."""
        return self.sps[1:4].hex().upper()

    @property
    def sprop(self) -> str:
        """``sprop-parameter-sets`` of RFC 6184."""
        return ",".join(base64.b64encode(part).decode("ascii") for part in (self.sps, self.pps))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as shown, in pixels.

        Raises:
            BitstreamError: The sequence parameter set does not parse.
        """
        return parse_sps(self.sps).shown_px


def find_parameter_sets(units: Sequence[bytes]) -> ParameterSets | None:
    """Return the first parameter set of either kind among some units, or None when either is missing.

    Raises:
        BitstreamError: A unit is broken.
    """
    sps = next((unit for unit in units if nal_type(unit) == NalType.SPS), None)
    pps = next((unit for unit in units if nal_type(unit) == NalType.PPS), None)
    return ParameterSets(sps, pps) if sps and pps else None


def parse_sps(unit: bytes) -> Sps:
    """Read a sequence parameter set, up to where its cropping stands.

    Raises:
        BitstreamError: It is none, ends early, or says what the specification does not allow.
    """
    if nal_type(unit) != NalType.SPS:
        raise BitstreamError("H.264 unit must be a sequence parameter set, got another")
    reader = BitReader(unescape(unit))
    profile, _, level = reader.bits(8), reader.bits(8), reader.bits(8)
    number = reader.ue(31)
    chroma = _read_chroma(reader) if profile in _HIGH_PROFILES else _Chroma()
    order = _read_order_coding(reader)
    reader.ue()  # max_num_ref_frames
    gaps_allowed = reader.flag()
    width, height = (reader.ue() + 1) * _MACROBLOCK_PX, (reader.ue() + 1) * _MACROBLOCK_PX
    frames_only = reader.flag()
    if not frames_only:
        height *= 2
        reader.flag()  # mb_adaptive_frame_field_flag
    if max(width, height) > _MOST_MACROBLOCKS * _MACROBLOCK_PX:
        raise BitstreamError(f"H.264 picture must fit level 6.2, got {width}x{height}")
    reader.flag()  # direct_8x8_inference_flag
    crop = _read_crop(reader, chroma.step_px, fields=not frames_only) if reader.flag() else (0, 0, 0, 0)
    if crop[0] + crop[1] >= width or crop[2] + crop[3] >= height:
        raise BitstreamError(f"H.264 cropping must leave something of {width}x{height}, got {crop}")
    return Sps(number, profile, level, chroma.plain, frames_only, (width, height), crop, order, gaps_allowed)


def _read_crop(reader: BitReader, step_px: tuple[int, int], *, fields: bool) -> tuple[int, int, int, int]:
    across, down = step_px[0], step_px[1] * (1 + fields)
    left, right, top, bottom = (reader.ue() * step for step in (across, across, down, down))
    return left, right, top, bottom


def _read_chroma(reader: BitReader) -> _Chroma:
    chroma = reader.ue(3)
    separate = chroma == 3 and reader.flag()  # separate_colour_plane_flag
    deep = reader.ue(6) + reader.ue(6)  # both bit depths, minus 8
    lossless = reader.flag()
    if reader.flag():  # seq_scaling_matrix_present_flag
        for index in range(8 if chroma != 3 else 12):
            if reader.flag():
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    steps = {1: (2, 2), 2: (2, 1)}
    step_px = (1, 1) if separate else steps.get(chroma, (1, 1))
    return _Chroma(chroma == 1 and deep == 0 and not lossless, step_px)


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last


def _read_order_coding(reader: BitReader) -> OrderCoding:
    frame_number_bits = reader.ue(12) + 4
    kind, count_bits = reader.ue(2), 0
    if kind == 0:
        count_bits = reader.ue(12) + 4
    elif kind == 1:
        reader.flag()
        reader.se()
        reader.se()
        for _ in range(reader.ue(255)):
            reader.se()
    return OrderCoding(frame_number_bits, kind, count_bits)


def parse_pps(unit: bytes) -> Pps:
    """Read a picture parameter set.

    Raises:
        BitstreamError: It is none, ends early, or says what the specification does not allow.
    """
    if nal_type(unit) != NalType.PPS:
        raise BitstreamError("H.264 unit must be a picture parameter set, got another")
    reader = BitReader(unescape(unit))
    number, sps = reader.ue(255), reader.ue(31)
    reader.bits(2)  # entropy_coding_mode_flag, bottom_field_pic_order_in_frame_present_flag
    if reader.ue():  # num_slice_groups_minus1
        return Pps(number, sps, simple=False)
    reader.ue()
    reader.ue()
    reader.bits(3)  # weighting
    for _ in range(3):
        reader.se()
    reader.bits(2)  # deblocking_filter_control_present_flag, constrained_intra_pred_flag
    return Pps(number, sps, simple=not reader.flag())

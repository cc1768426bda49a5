"""H.264 byte streams, read strictly: units, parameter sets, slice heads. What is not understood is refused, never guessed.

Spec: ITU-T H.264 (08/2021), clauses 7.3.1, 7.3.2.1, 7.3.2.2, 7.3.3, annex E; ISO/IEC 14496-15 clause 5.3.3 (``avcC``).
Only what copying needs: one picture a packet, frames (no fields), 4:2:0 with 8 bits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SLICE, PARTITION_A, PARTITION_B, PARTITION_C, IDR = 1, 2, 3, 4, 5
SEI, SPS, PPS, DELIMITER, END_OF_SEQUENCE, END_OF_STREAM, FILLER = 6, 7, 8, 9, 10, 11, 12
_USER_DATA_UNREGISTERED = 5
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_START_CODE = re.compile(rb"\x00\x00\x01")
_ESCAPE = re.compile(rb"\x00\x00\x03")


class NalError(ValueError):
    """The bytes are not the H.264 that is understood here."""


class BitReader:
    """Bits of a unit's payload, most significant first."""

    def __init__(self, payload: bytes) -> None:
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def bits(self, count: int) -> int:
        """Read ``count`` bits.

        Raises:
            NalError: There are not so many.
        """
        if count > self._left:
            raise NalError("parameter set ends early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        """Read one bit."""
        return bool(self.bits(1))

    def ue(self) -> int:
        r"""Read an Exp-Golomb number (clause 9.1).

        >>> BitReader(b"\x28").ue()
        4
        """
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 31:
                raise NalError("number is too long")
        return (1 << zeros) - 1 + self.bits(zeros)

    def se(self) -> int:
        """Read a signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


@dataclass(frozen=True, slots=True)
class Sps:
    """What copying must know of a sequence parameter set.

    Attributes:
        number: seq_parameter_set_id.
        profile: profile_idc.
        level: level_idc.
        eight_bit_420: Chroma 4:2:0 and 8 bits, without scaling lists of lossless coding.
        frames_only: No fields.
        coded_px: Width and height of all decoded samples.
        crop_px: Columns and rows left out: left, right, top, bottom.
    """

    number: int
    profile: int
    level: int
    eight_bit_420: bool
    frames_only: bool
    coded_px: tuple[int, int]
    crop_px: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Pps:
    """What copying must know of a picture parameter set.

    Attributes:
        number: pic_parameter_set_id.
        sps: seq_parameter_set_id.
        simple: One slice group, and no redundant pictures.
    """

    number: int
    sps: int
    simple: bool


@dataclass(frozen=True, slots=True)
class AvcConfig:
    """An ``avcC`` record.

    Attributes:
        length_bytes: Size of the length before each unit.
        sps: Whole units.
        pps: Whole units.
    """

    length_bytes: int
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]


def unescape(unit: bytes) -> bytes:
    r"""Return a unit's payload: without its head byte and without emulation prevention.

    >>> unescape(b"\x67\x00\x00\x03\x01").hex()
    '000001'
    """
    return _ESCAPE.sub(b"\x00\x00", unit[1:])


def unit_type(unit: bytes | memoryview) -> int:
    """Return nal_unit_type.

    Raises:
        NalError: The unit is empty or its forbidden bit is set.
    """
    if not len(unit) or unit[0] & 0x80:
        raise NalError("a unit is empty or broken")
    return unit[0] & 0x1F


def split_lengths(packet: memoryview, length_bytes: int) -> Iterator[memoryview]:
    """Split a packet whose units stand after their lengths.

    Raises:
        NalError: The lengths do not add up to the packet.
    """
    at, end = 0, len(packet)
    while at < end:
        start = at + length_bytes
        if start > end:
            raise NalError("a length is cut off")
        at = start + int.from_bytes(packet[at:start], "big")
        if at > end:
            raise NalError("a unit is longer than its packet")
        yield packet[start:at]


def split_start_codes(data: bytes) -> list[bytes]:
    r"""Split bytes whose units stand after start codes (annex B); for what an encoder of ours just wrote.

    >>> [u.hex() for u in split_start_codes(b"\x00\x00\x00\x01\x67\x42\x00\x00\x01\x68")]
    ['6742', '68']
    """
    marks = [match.start() for match in _START_CODE.finditer(data)]
    ends = [*marks[1:], len(data)]
    return [data[a + 3 : b].rstrip(b"\x00") for a, b in zip(marks, ends, strict=True)]


def with_lengths(units: list[bytes] | list[memoryview]) -> bytes:
    """Join units, each after its length in four bytes."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def message_types(unit: bytes) -> set[int]:
    """Return the payload types of a message unit (clause 7.3.2.3.1).

    Raises:
        NalError: The unit ends early.
    """
    payload = unescape(unit)
    types, at = set(), 0
    while at < len(payload) and payload[at:] != b"\x80":
        numbers = []
        for _ in range(2):
            number = 0
            while at < len(payload) and payload[at] == 255:
                number, at = number + 255, at + 1
            if at >= len(payload):
                raise NalError("a message is cut off")
            numbers.append(number + payload[at])
            at += 1
        types.add(numbers[0])
        at += numbers[1]
    return types


def is_user_data(unit: bytes) -> bool:
    """Tell whether a unit is a message of user data (where x264 writes its settings)."""
    return unit_type(unit) == SEI and len(unit) > 1 and unit[1] == _USER_DATA_UNREGISTERED


def without_user_data(packet: bytes) -> bytes:
    """Drop user data from a packet with start codes; leaves a packet without any as it is."""
    units = split_start_codes(packet)
    if not any(is_user_data(unit) for unit in units):
        return packet
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units if not is_user_data(unit))


def slice_head(unit: memoryview) -> tuple[int, int]:
    """Return (first_mb_in_slice, pic_parameter_set_id) of a slice.

    Raises:
        NalError: The slice ends early or switches streams.
    """
    reader = BitReader(unescape(bytes(unit[:24])))
    first = reader.ue()
    if reader.ue() % 5 > 2:
        raise NalError("slice switches streams")
    return first, reader.ue()


def parse_avcc(record: bytes) -> AvcConfig:
    """Read an ``avcC`` record.

    Raises:
        NalError: It is none.
    """
    if len(record) < 7 or record[0] != 1:
        raise NalError("no avcC record")
    sets: list[list[bytes]] = [[], []]
    at = 6
    for kind, count in ((0, record[5] & 31), (1, -1)):
        if count < 0:
            if at >= len(record):
                raise NalError("avcC is cut off")
            count, at = record[at], at + 1
        for _ in range(count):
            end = at + 2 + int.from_bytes(record[at : at + 2], "big")
            if end > len(record):
                raise NalError("avcC is cut off")
            sets[kind].append(record[at + 2 : end])
            at = end
    return AvcConfig((record[4] & 3) + 1, tuple(sets[0]), tuple(sets[1]))


def build_avcc(sps: list[bytes], pps: list[bytes]) -> bytes:
    """Write an ``avcC`` record for units with lengths of four bytes; 4:2:0 with 8 bits.

    Profile and level are the highest of the sets, so that a player that can do these can do all.

    Raises:
        NalError: There is no set, or there are too many.
    """
    if not sps or len(sps) > 31 or not pps or len(pps) > 255:
        raise NalError("avcC needs 1 to 31 and 1 to 255 parameter sets")
    lead = max(sps, key=lambda unit: (unit[1], unit[3]))
    level = max(unit[3] for unit in sps)
    head = bytes((1, lead[1], lead[2], level, 0xFF, 0xE0 | len(sps)))
    body = b"".join(len(unit).to_bytes(2, "big") + unit for unit in sps)
    tail = bytes((len(pps),)) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in pps)
    high = bytes((0xFD, 0xF8, 0xF8, 0)) if lead[1] in {100, 110, 122, 144} else b""
    return head + body + tail + high


def parse_sps(unit: bytes) -> Sps:
    """Read a sequence parameter set, up to where its cropping stands.

    Raises:
        NalError: It is none, or ends early.
    """
    if unit_type(unit) != SPS:
        raise NalError("no sequence parameter set")
    reader = BitReader(unescape(unit))
    profile, _, level = reader.bits(8), reader.bits(8), reader.bits(8)
    number = reader.ue()
    plain = True
    if profile in _HIGH_PROFILES:
        plain = _chroma_is_plain(reader)
    reader.ue()  # log2_max_frame_num_minus4
    _skip_order_count(reader)
    reader.ue()  # max_num_ref_frames
    reader.flag()  # gaps_in_frame_num_value_allowed_flag
    width, height = (reader.ue() + 1) * 16, (reader.ue() + 1) * 16
    frames_only = reader.flag()
    if not frames_only:
        height *= 2
        reader.flag()  # mb_adaptive_frame_field_flag
    reader.flag()  # direct_8x8_inference_flag
    crop = (0, 0, 0, 0)
    if reader.flag():
        step = (2, 2, 2, 2) if frames_only else (2, 2, 4, 4)
        left, right, top, bottom = (reader.ue() * unit_px for unit_px in step)
        crop = (left, right, top, bottom)
    return Sps(number, profile, level, plain, frames_only, (width, height), crop)


def _chroma_is_plain(reader: BitReader) -> bool:
    chroma = reader.ue()
    if chroma == 3:
        reader.flag()  # separate_colour_plane_flag
    deep = reader.ue() + reader.ue()  # both bit depths, minus 8
    lossless = reader.flag()
    if reader.flag():  # seq_scaling_matrix_present_flag
        for index in range(8 if chroma != 3 else 12):
            if reader.flag():
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    return chroma == 1 and deep == 0 and not lossless


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last


def _skip_order_count(reader: BitReader) -> None:
    kind = reader.ue()
    if kind == 0:
        reader.ue()
    elif kind == 1:
        reader.flag()
        reader.se()
        reader.se()
        for _ in range(reader.ue()):
            reader.se()


def parse_pps(unit: bytes) -> Pps:
    """Read a picture parameter set.

    Raises:
        NalError: It is none, or ends early.
    """
    if unit_type(unit) != PPS:
        raise NalError("no picture parameter set")
    reader = BitReader(unescape(unit))
    number, sps = reader.ue(), reader.ue()
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

"""Tells where pictures are missing that later ones are predicted from.

A stream may lose whole pictures on its way, and decoders then go on from an older one: what stood in the lost picture stays as a
ghost, and nothing is reported. Spec: ITU-T H.264 (08/2021), clause 7.4.3, frame_num. Marking that resets it
(memory_management_control_operation 5) is not read: it counts as a loss, once.
"""

from __future__ import annotations

from passerby.errors import BitstreamError
from passerby.media.h264.bits import BitReader, unescape
from passerby.media.h264.parameter_sets import OrderCoding, Sps, parse_sps
from passerby.media.h264.units import NalType, nal_type, nal_units

_HEAD_BYTES = 4096
"""Parameter sets, messages and the head of the first slice are never longer together, or are not looked at."""
_SLICE_BYTES = 32


class ReferenceLosses:
    """Follows the numbers of one stream's pictures, in decoding order."""

    def __init__(self) -> None:
        self._sps: Sps | None = None
        self._last: int | None = None

    def missing_before(self, access_unit: bytes) -> bool:
        """Whether a picture is missing before this one that it, or one after it, may be predicted from.

        Args:
            access_unit: With start codes (Annex B). One that cannot be read says nothing: the decoder judges it.
        """
        try:
            for unit in nal_units(access_unit[:_HEAD_BYTES]):
                kind = nal_type(unit)
                if kind == NalType.SPS:
                    self._sps = parse_sps(unit)
                elif kind in {NalType.SLICE, NalType.IDR}:
                    return self._note(unit, refresh=kind == NalType.IDR)
        except BitstreamError:
            pass
        return False

    def _note(self, unit: bytes, *, refresh: bool) -> bool:
        sps, last = self._sps, self._last
        if sps is None or sps.gaps_allowed:
            self._last = None
            return False
        reader = BitReader(unescape(unit[:_SLICE_BYTES]))
        if reader.ue():  # first_mb_in_slice: a picture goes on
            return False
        number = 0 if refresh else _frame_number(reader, sps.order)
        if unit[0] & 0x60:  # nal_ref_idc: others refer to it
            self._last = number
        if refresh or last is None:
            return False
        steps = (number - last) % (1 << sps.order.frame_number_bits)
        return steps > 1 or (steps == 0 and sps.frames_only)  # two fields of one frame have one number


def _frame_number(reader: BitReader, coding: OrderCoding) -> int:
    for _ in range(2):
        reader.ue()  # slice_type, pic_parameter_set_id
    return reader.bits(coding.frame_number_bits)

"""In which order pictures are shown, from the heads of their slices. Whole frames only.

Spec: ITU-T H.264 (08/2021), clauses 7.3.3 and 8.2.1. Marking that resets the count (memory_management_control_operation 5)
is not read: no encoder known here sends it.
"""

from __future__ import annotations

from passerby.errors import BitstreamError
from passerby.media.h264.bits import BitReader, unescape
from passerby.media.h264.parameter_sets import OrderCoding
from passerby.media.h264.units import NalType, nal_type

_HEAD_BYTES = 32
"""The head of a slice as far as it is read here, with emulation prevention, is never longer."""


class OrderCounter:
    """Counts pictures in the order in which they are shown, from one refresh to the next."""

    def __init__(self) -> None:
        self._high = self._low = self._pictures = 0

    def count(self, unit: bytes | memoryview, coding: OrderCoding) -> int:
        """Return the picture's place: larger is shown later; after a refresh it begins anew.

        Args:
            unit: A slice of the next picture in decoding order, with its head byte.
            coding: Of its sequence parameter set.

        Raises:
            BitstreamError: The slice ends early, or tells the order by a pattern.
        """
        refresh = nal_type(unit) == NalType.IDR
        if refresh:
            self._high = self._low = self._pictures = 0
        self._pictures += 1
        if coding.kind == 2:
            return self._pictures
        if coding.kind == 1:
            raise BitstreamError("H.264 pictures must say their order by a count, got a pattern")
        low, whole = _order_count_low(unit, coding, refresh=refresh), 1 << coding.count_bits
        high = self._high
        if low < self._low and self._low - low >= whole // 2:
            high += whole
        elif low > self._low and low - self._low > whole // 2:
            high -= whole
        if unit[0] & 0x60:  # nal_ref_idc: others refer to it
            self._high, self._low = high, low
        return high + low


def _order_count_low(unit: bytes | memoryview, coding: OrderCoding, *, refresh: bool) -> int:
    reader = BitReader(unescape(bytes(unit[:_HEAD_BYTES])))
    for _ in range(3):
        reader.ue()  # first_mb_in_slice, slice_type, pic_parameter_set_id
    reader.bits(coding.frame_number_bits)
    if refresh:
        reader.ue()  # idr_pic_id
    return reader.bits(coding.count_bits)

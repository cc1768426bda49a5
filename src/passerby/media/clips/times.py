"""When frames are shown: the decoder's word, and where that cannot be so, the times that the packets carry, in order.

Some files say of a packet only when it is decoded (AVI), or say that it is shown when it is decoded although the codec
reorders (composition offsets left out on the way). Frames take such times in order, one after another.
"""

from __future__ import annotations

import heapq

import av
from av.packet import Packet
from av.video.stream import VideoStream

from passerby.media.clips.clip import ClipInfo


class FrameTimes:
    """Gives each decoded frame its time; strictly rising.

    Args:
        info: The clip.

    Attributes:
        guessed: Frames whose own time fell or was missing, so that they follow the one before at the clip's rate.
    """

    def __init__(self, info: ClipInfo) -> None:
        self._in_order = info.decode_timed
        self._from_dts = info.container == "avi"
        self._tick = max(1, round(1 / (info.rate * info.time_base))) if info.rate else 1
        self._waiting: list[int] = []
        self.last: int | None = None
        self.guessed = 0

    def note(self, packet: Packet[VideoStream]) -> None:
        """Take note of a packet before it is decoded."""
        time = packet.dts if self._from_dts or packet.pts is None else packet.pts
        if time is not None and not packet.is_discard and (self._in_order or packet.pts is None):
            heapq.heappush(self._waiting, time)

    def note_lost(self) -> None:
        """Take note that a packet gives no frame."""
        if self._waiting:
            heapq.heappop(self._waiting)

    def time_of(self, picture: av.VideoFrame) -> int:
        """Return when a decoded frame is shown, in ticks of the clip."""
        own = None if self._from_dts else picture.pts
        time = own
        if self._in_order and own is not None and picture.key_frame:
            self._forget_before(own)
        if self._waiting and (self._in_order or own is None):
            time = heapq.heappop(self._waiting)
        if self.last is not None and (time is None or time <= self.last):
            time = self.last + self._tick
            self.guessed += 1
        self.last = time or 0
        return self.last

    def _forget_before(self, time: int) -> None:
        """Drop times of packets that gave no frame: whatever is decoded before a key frame is shown by now."""
        while self._waiting and self._waiting[0] < time:
            heapq.heappop(self._waiting)

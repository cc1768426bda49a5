"""Notes whether a stream that sends ever gives a picture, and if it does not, says why and what to set on the camera.

Until the first picture each packet is looked at: which NAL units it holds, and whether the decoder took it. Afterwards nothing is
done: what goes wrong then is damage. NAL unit types: ITU-T H.264, table 7-1, and H.265, table 7-1.
"""

from __future__ import annotations

from dataclasses import dataclass

from passerby.media.h264 import nal_units

H264, HEVC = "h264", "hevc"
_NAMES = {H264: "H.264", HEVC: "H.265"}
_H264_SPS, _H264_PPS = 7, 8
_VPS, _SPS, _PPS = 32, 33, 34
_HEVC_SETS = {_VPS: "VPS", _SPS: "SPS", _PPS: "PPS"}
_HEVC_KEYS = range(16, 24)
_H264_SETS = {_H264_SPS: "SPS", _H264_PPS: "PPS"}
H264_HINT = "set the video codec to H.264, profile Main or High, on the camera"
KEY_HINT = (
    "set the key frame interval (I-frame interval, GOP) to one or two seconds on the camera, and smart codecs off"
)


@dataclass(frozen=True, slots=True)
class DecodePatience:
    """How long a stream may send without a picture.

    Attributes:
        key_s: Since the first packet, where a key frame did not decode, or the packets are of another codec.
        no_key_s: Since the first packet, where no key frame came; cameras begin with one, or send one every few seconds.
    """

    key_s: float = 6.0
    no_key_s: float = 18.0


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Why a stream gives no picture.

    Attributes:
        message: What was wanted, and what came.
        hint: What to set on the camera.
    """

    message: str
    hint: str


class DecodeWatch:
    """Looks at a stream until its first picture.

    Args:
        codec: Its name at FFmpeg, as the camera describes it.
        extradata: What came with the description, in Annex B.
        profile: As the decoder names it; empty where it knows none.
        patience: How long.
    """

    def __init__(self, codec: str, extradata: bytes, profile: str = "", patience: DecodePatience | None = None) -> None:
        self._codec, self._profile, self._patience = codec, profile, patience or DecodePatience()
        self._seen: set[int] = set()
        self._other = self._refused_keys = 0
        self._packets = 0
        self._began_s: float | None = None
        self._over = False
        self._note_units(extradata)

    @property
    def waits(self) -> bool:
        """Return whether there was no picture yet."""
        return not self._over

    def decoded(self) -> None:
        """Note that there was a picture; from now on ``judge`` says nothing."""
        self._over = True

    def judge(self, packet: bytes, *, key: bool, now_s: float) -> Undecodable | None:
        """Note a packet that gave no picture, and return why there is none once patience has an end.

        Args:
            packet: Its bytes.
            key: The demultiplexer took it for a key frame.
            now_s: Growing, in seconds.
        """
        if self._over:
            return None
        self._began_s = now_s if self._began_s is None else self._began_s
        self._packets += 1
        self._refused_keys += key
        self._note_units(packet)
        waited_s = now_s - self._began_s
        if waited_s < self._patience.key_s:
            return None
        if self._is_other_codec or self._refused_keys:
            return self._why()
        return self._why() if waited_s >= self._patience.no_key_s else None

    def _note_units(self, data: bytes) -> None:
        if self._codec not in _NAMES:
            return
        for nal in nal_units(data):
            other = _kind(HEVC if self._codec == H264 else H264, nal)
            self._seen.add(_kind(self._codec, nal))
            self._other += other in (_HEVC_SETS if self._codec == H264 else _H264_SETS) and _is_set(nal, self._codec)

    @property
    def _is_other_codec(self) -> bool:
        return self._other > 0 and not self._refused_keys

    def _why(self) -> Undecodable:
        name = _NAMES.get(self._codec, self._codec)
        if self._is_other_codec:
            other = _NAMES[HEVC if self._codec == H264 else H264]
            return Undecodable(
                f"the camera must send what it describes, describes {name} and sends {other}",
                f"choose the codec anew on the camera and restart it, or {H264_HINT}",
            )
        sets = {H264: _H264_SETS, HEVC: _HEVC_SETS}.get(self._codec, {})
        lacking = [word for kind, word in sets.items() if kind not in self._seen]
        if len(lacking) == len(sets) > 0 and not self._refused_keys:
            return Undecodable(
                f"the camera must send {name}, as it describes, sent neither its parameter sets nor a key frame of it",
                f"choose the codec anew on the camera and restart it, or {H264_HINT}",
            )
        if lacking:
            hint = f"update the camera's firmware, or {H264_HINT}"
            return Undecodable(
                f"the camera's {name} must come with its parameter sets, never sends {' and '.join(lacking)}", hint
            )
        if not self._refused_keys:
            return Undecodable(f"the camera must send a key frame, sent none in {self._packets} pictures", KEY_HINT)
        profile = f", profile {self._profile}" if self._profile else ""
        return Undecodable(
            f"the camera's {name}{profile} must decode, {self._refused_keys} key frames did not",
            f"switch encryption of the stream off and {H264_HINT}",
        )


def _kind(codec: str, nal: bytes) -> int:
    return nal[0] & 31 if codec == H264 else nal[0] >> 1 & 63


def _is_set(nal: bytes, described: str) -> bool:
    """Return whether a unit has the head of the other codec's parameter sets: most bits of these heads are fixed."""
    if described == H264:
        # layer 0, temporal layer 1: H.265, 7.3.1.2
        return len(nal) > 2 and nal[0] & 0x81 == 0 and nal[1] == 1
    return nal[0] & 0x80 == 0 and nal[0] >> 5 & 3 != 0

"""Turns patches into sealed pieces: one stream for each stretch of a track, cut after a minute at the latest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from passerby_seal.patches.cutting import Patch
from passerby_seal.patches.encoder import PatchEncoder
from passerby_seal.pieces import PieceWriter, SealBucket
from passerby_seal.refusals import BucketFullError

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SealLimits:
    """What sealing may take.

    Attributes:
        piece_s: Longest time of a piece: a warrant for a minute opens no more.
        piece_bytes: A piece ends before it is larger: the format allows 64 MB.
        idle_s: After so long without a patch a stream is over.
        most_open: Streams at once, 0.6 MB each; a further face is not sealed.
        most_frame: Patches of one frame.

    Source: chosen, not measured.
    """

    piece_s: float = 60.0
    piece_bytes: int = 32_000_000
    idle_s: float = 1.0
    most_open: int = 256
    most_frame: int = 512


@dataclass(slots=True)
class SealCounts:
    """Covered faces, counted once a frame: sealed, and not sealed, by cause.

    Attributes:
        sealed: In a piece.
        unsure: Two people may be in that span.
        small: Too little of the face was its own.
        behind: There was no time or room.
        storage: The store failed.
        whole: The frame was covered whole.
    """

    sealed: int = 0
    unsure: int = 0
    small: int = 0
    behind: int = 0
    storage: int = 0
    whole: int = 0

    @property
    def unsealed(self) -> int:
        """All that were not sealed."""
        return self.unsure + self.small + self.behind + self.storage + self.whole


@dataclass(slots=True, eq=False)
class _Stream:
    """A piece that is being written."""

    encoder: PatchEncoder
    writer: PieceWriter
    first: Patch
    last_ns: int
    lost: float = 0.0
    size_bytes: int = 0


class PatchSealer:
    """Seals the patches of one camera or file into one bucket.

    Args:
        bucket: Takes the pieces. What its sink raises comes out of ``take``, ``tick`` and ``close``.
        limits: None takes the defaults.

    Attributes:
        counts: What was taken, and what was not.
        pieces: Pieces that were ended.
    """

    def __init__(self, bucket: SealBucket, limits: SealLimits | None = None) -> None:
        self._bucket, self._limits = bucket, limits or SealLimits()
        self._streams: dict[tuple[int, int], _Stream] = {}
        self.counts, self.pieces = SealCounts(), 0

    @property
    def open_faces(self) -> int:
        """Faces in pieces that have not ended: they are lost if the process ends now."""
        return sum(stream.encoder.frames for stream in self._streams.values())

    def take(self, patches: Sequence[Patch]) -> list[int]:
        """Seal the patches of one frame, not earlier than those before.

        Returns:
            The number of each one's piece, -1 where it was not sealed.
        """
        taken = []
        for patch in patches[: self._limits.most_frame]:
            stream = self._stream_of(patch)
            if stream is None:
                taken.append(-1)
                continue
            data = stream.encoder.add(patch)
            stream.writer.write(data)
            stream.size_bytes += len(data)
            stream.last_ns, stream.lost = patch.captured_ns, stream.lost + patch.lost
            taken.append(stream.writer.number)
        taken += [-1] * (len(patches) - len(taken))
        self.counts.behind += taken.count(-1)
        self.counts.sealed += len(taken) - taken.count(-1)
        if patches:
            self.tick(patches[0].captured_ns)
        return taken

    def tick(self, captured_ns: int) -> None:
        """End the streams that got nothing for a while, at the time of a frame."""
        idle_ns = self._limits.idle_s * NS_PER_S
        for key in [key for key, stream in self._streams.items() if captured_ns - stream.last_ns > idle_ns]:
            self._end(key)

    def close(self) -> None:
        """End all streams; the bucket stays open."""
        for key in list(self._streams):
            self._end(key)

    def _stream_of(self, patch: Patch) -> _Stream | None:
        """Return the stream that a patch goes on with, or a new one; None where there are too many, or it is out of order."""
        key = (patch.track, patch.stretch)
        stream = self._streams.get(key)
        if stream is not None:
            if patch.captured_ns <= stream.last_ns:
                return None
            if self._goes_on(stream, patch):
                return stream
            self._end(key)
        if len(self._streams) >= self._limits.most_open:
            return None
        try:
            writer = self._bucket.open_piece()
        except BucketFullError:  # it holds all the pieces that the format allows; those that are open go on
            return None
        stream = self._streams[key] = _Stream(PatchEncoder(patch), writer, patch, patch.captured_ns)
        return stream

    def _goes_on(self, stream: _Stream, patch: Patch) -> bool:
        """Whether a later patch belongs into the same piece."""
        limits, first = self._limits, stream.first
        long = patch.captured_ns - first.captured_ns >= limits.piece_s * NS_PER_S
        idle = patch.captured_ns - stream.last_ns > limits.idle_s * NS_PER_S
        large = stream.size_bytes >= limits.piece_bytes
        return not (long or idle or large) and stream.encoder.fits(patch) and patch.colour == first.colour

    def _end(self, key: tuple[int, int]) -> None:
        stream = self._streams.pop(key)
        encoder, first = stream.encoder, stream.first
        stream.writer.write(encoder.finish())
        stream.writer.close(
            {
                "begin_ms": first.captured_ns // 1_000_000,
                "canvas": [encoder.width, encoder.height],
                "codec": "h264/1",
                "colour": list(first.colour),
                "end_ms": stream.last_ns // 1_000_000,
                "frame": list(first.frame),
                "frames": encoder.frames,
                "lost": round(stream.lost / encoder.frames, 3),
            }
        )
        self.pieces += 1

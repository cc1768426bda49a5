"""What reading and writing clips costs, side by side with a bare PyAV loop of the same encoder, preset and settings.

python bench/media.py CLIP [--rounds N]

Prints one line a figure: wall seconds of the bare loop and of ours, best of N rounds taken in turn, and their ratio.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av

from passerby.media import ClipReader, DecodeRecord, WriteSettings, read_ahead, transcode

PRESET, CRF = "veryfast", 20


def bare(source: Path, target: Path) -> None:
    """Decode and encode one frame after the other, as a short PyAV script would."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        group = str(max(12, round(2 * (stream.average_rate or 25))))
        options = {"preset": PRESET, "crf": str(CRF), "g": group}
        track = out.add_stream("libx264", rate=stream.average_rate, options=options)
        assert isinstance(track, av.VideoStream)
        track.width, track.height, track.pix_fmt = stream.width, stream.height, "yuv420p"
        track.codec_context.time_base = stream.time_base  # type: ignore[assignment]
        for frame in container.decode(stream):
            frame.pict_type = 0
            out.mux(track.encode(frame))
        out.mux(track.encode(None))


def read(source: Path) -> DecodeRecord:
    """Read a clip to its end, as a first pass does."""
    with ClipReader(source, skip_loop_filter=True) as clip:
        for _ in read_ahead(clip.frames()):
            pass
        return clip.record


def write(source: Path, target: Path, record: DecodeRecord, *, tenth: bool) -> None:
    """Write a clip; with ``tenth`` its first tenth is changed, else nothing is, and everything is encoded anew."""
    last = len(record.pts) // 10 if tenth else 0
    settings = WriteSettings(preset=PRESET, crf=CRF, full_reencode=not tenth, overwrite=True)
    transcode(
        source, target, edit=lambda _i, _p: None, needs_edit=lambda a, _b: a < last, settings=settings, record=record
    )


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Print the figures of one clip."""
    parser = argparse.ArgumentParser()
    parser.add_argument("clip", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    clip, best = arguments.clip, dict.fromkeys(("bare", "read", "full", "tenth"), float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        out, record = Path(folder) / "out.mp4", read(clip)
        for _ in range(arguments.rounds):
            for name, work in (
                ("bare", lambda: bare(clip, Path(folder) / "bare.mp4")),
                ("read", lambda: read(clip)),
                ("full", lambda: write(clip, out, record, tenth=False)),
                ("tenth", lambda: write(clip, out, record, tenth=True)),
            ):
                best[name] = min(best[name], seconds(work))
    frames = len(record.pts)
    print(f"{clip.name}: {frames} frames")
    for name, seconds_ in best.items():
        print(
            f"  {name:6} {seconds_:7.2f} s  {frames / seconds_:7.1f} frames/s  {seconds_ / best['bare']:5.2f} of bare"
        )
    both = best["read"] + best["tenth"]
    print(f"  read and write with one tenth changed: {both / best['bare']:.2f} of bare")
    print(f"  peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()

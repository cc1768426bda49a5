"""Bare decode and encode by PyAV, with the encoder, preset and rate factor of ``passerby veil``: the limit it is held to."""

from __future__ import annotations

import sys

import av

from passerby.media import WriteSettings


def main(source: str, target: str) -> None:
    settings = WriteSettings()
    with av.open(source) as reading, av.open(target, "w") as writing:
        track = reading.streams.video[0]
        track.thread_type = "AUTO"
        group = max(12, round(2 * float(track.average_rate or 25)))
        options = {"preset": settings.preset, "crf": str(settings.crf), "g": str(group)}
        out = writing.add_stream("libx264", rate=track.average_rate, options=options)
        out.width, out.height, out.pix_fmt = track.width, track.height, "yuv420p"
        for frame in reading.decode(track):
            frame.pict_type = 0
            writing.mux(out.encode(frame))
        writing.mux(out.encode(None))


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""Bare decode and encode by PyAV, with the encoder, preset and rate factor of ``passerby veil``: the limit it is held to."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av

from passerby.media import WriteSettings, probe_clip
from passerby.media.clips.encoder import plan_encoding


def main(source: str, target: str) -> None:
    settings = WriteSettings()
    plan = plan_encoding(probe_clip(Path(source)), Path(target), preset=settings.preset, crf=settings.crf)
    with av.open(source) as reading, av.open(target, "w") as writing:
        track = reading.streams.video[0]
        track.thread_type = "AUTO"
        rate = track.average_rate or Fraction(25)
        step_s = Fraction(rate.denominator, rate.numerator)
        out = writing.add_stream("libx264", rate=rate, options=dict(plan.options))
        out.width, out.height, out.pix_fmt = track.width, track.height, "yuv420p"
        for number, frame in enumerate(reading.decode(track)):
            frame.pict_type = 0
            frame.pts, frame.time_base = number, step_s  # a clip with broken times has none of its own
            writing.mux(out.encode(frame))
        writing.mux(out.encode(None))


if __name__ == "__main__":
    main(*sys.argv[1:3])

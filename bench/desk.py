"""How fast the desk shows a frame, and what it holds meanwhile.

python bench/desk.py [CLIP] [--width PX] [--json FILE]

Opens a clip as the desk does that veiled it before (its number of frames is known), in a process of its own: input and
output, both of which are the clip itself here. Without CLIP, ten minutes of drawn 1080p at 25 frames a second are made first.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import HEAD, Table
from passerby.desk import FrameServer, open_frames
from passerby.media import probe_clip

FIRST_S, STEP_S, MEMORY_MB = 2.0, 0.1, 700.0
STEPS = 120
PLACES = 20


def drawn(path: Path) -> Path:
    """Draw ten minutes of 1080p with moving noise, in groups of 250 frames: the longest that x264 makes by itself."""
    source = "testsrc2=size=1920x1080:rate=25:duration=600,noise=alls=12:allf=t"
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "250", "-b:v", "4M", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, *coding, str(path)], check=True)
    return path


def timed(server: FrameServer, indices: list[int], width_px: int | None) -> list[float]:
    """Return how long each frame took, in seconds."""
    took = []
    for index in indices:
        began = time.perf_counter()
        server.jpeg(index, width_px)
        took.append(time.perf_counter() - began)
    return took


def measure(path: Path, frames: int, width_px: int | None) -> dict[str, float]:
    """Measure one clip in this process."""
    began = time.perf_counter()
    veiled, original = open_frames(path, frames=frames), open_frames(path, frames=frames)
    veiled.jpeg(0, width_px)
    first_s = time.perf_counter() - began
    original.jpeg(0, width_px)
    middle = frames // 2
    forth = timed(veiled, [middle + k for k in range(STEPS)], width_px)[1:]
    back = timed(veiled, [middle + STEPS - k for k in range(2 * STEPS)], width_px)
    places = timed(veiled, [k * 7919 % frames for k in range(PLACES)], width_px)
    timed(original, [middle + k for k in range(STEPS)], width_px)
    return {
        "first_s": first_s,
        "forth_s": statistics.median(forth),
        "back_s": statistics.median(back),
        "back_90_s": sorted(back)[len(back) * 9 // 10],
        "back_most_s": max(back),
        "place_s": statistics.median(places),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def rows(table: Table, found: dict[str, float], clip: str) -> None:
    """Say what was measured beside what it must reach."""
    for key, name, must in (
        ("first_s", "first frame after opening", FIRST_S),
        ("forth_s", "a step forth, median", STEP_S),
        ("back_s", "a step back, median", STEP_S),
        ("back_90_s", "a step back, nine of ten", None),
        ("back_most_s", "a step back, the longest", None),
        ("place_s", "any place, median", None),
    ):
        table.row(f"desk, {clip}: {name}", found[key], must, ours=f"{found[key] * 1000:.0f} ms", other="")
    memory = found["memory_mb"]
    table.row(f"desk, {clip}: memory, input and output open", memory, MEMORY_MB, ours=f"{memory:.0f} MB", other="")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("clip", type=Path, nargs="?")
    parser.add_argument("--width", type=int, default=1280, help="of the frames served, pixels; 0 for the clip's own")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure is not None:
        print(json.dumps(measure(asked.clip, asked.measure, asked.width or None)))
        return
    with tempfile.TemporaryDirectory() as folder:
        clip = asked.clip or drawn(Path(folder) / "ten-minutes.mp4")
        frames = probe_clip(clip).frames_estimate or 0
        command = [sys.executable, __file__, str(clip), "--width", str(asked.width), "--measure", str(frames)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        table = Table(asked.json)
        print(HEAD, flush=True)
        rows(table, json.loads(done.stdout), clip.name)


if __name__ == "__main__":
    main()

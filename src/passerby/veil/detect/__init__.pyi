from .blazeface import (
    BLAZEFACE_DIGEST,
    BLAZEFACE_INSTALL,
    BLAZEFACE_NAME,
    blazeface_passes,
    find_blazeface,
    open_blazeface,
)
from .detector import (
    WEIGHTS_DIGEST,
    Detector,
    FaceDetector,
    LoadedDetector,
    Rgb,
    wait_for,
)
from .engine_onnx import (
    load_onnxruntime,
)
from .engine_openvino import (
    load_openvino,
)
from .kept import (
    NetworkFolder,
)
from .passes import (
    LARGEST_PX,
    InferencePass,
    PendingPasses,
    join_detections,
    pass_size,
    pass_sizes_px,
    start_passes,
)
from .precision import (
    PrecisionChoice,
    read_processor,
    shipped_choice,
    time_precisions,
    told_times,
)
from .refine import (
    CoarseToFinePasses,
)

__all__ = [
    "BLAZEFACE_DIGEST",
    "BLAZEFACE_INSTALL",
    "BLAZEFACE_NAME",
    "LARGEST_PX",
    "WEIGHTS_DIGEST",
    "CoarseToFinePasses",
    "Detector",
    "FaceDetector",
    "InferencePass",
    "LoadedDetector",
    "NetworkFolder",
    "PendingPasses",
    "PrecisionChoice",
    "Rgb",
    "blazeface_passes",
    "find_blazeface",
    "join_detections",
    "load_onnxruntime",
    "load_openvino",
    "open_blazeface",
    "pass_size",
    "pass_sizes_px",
    "read_processor",
    "shipped_choice",
    "start_passes",
    "time_precisions",
    "told_times",
    "wait_for",
]

from .closeups import (
    closeup_scores,
    closeup_sizes,
    examine_closely,
)
from .detector import (
    WEIGHTS_DIGEST,
    ChecksWeights,
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
    openvino_core,
)
from .kept import (
    NetworkFolder,
)
from .passes import (
    LARGEST_PX,
    InferencePass,
    PendingPasses,
    join_detections,
    mirror,
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
from .yunet import (
    YUNET_DIGEST,
    YUNET_TABLE,
    open_yunet,
    read_yunet_table,
    yunet_passes,
)

__all__ = [
    "LARGEST_PX",
    "WEIGHTS_DIGEST",
    "YUNET_DIGEST",
    "YUNET_TABLE",
    "ChecksWeights",
    "CoarseToFinePasses",
    "Detector",
    "FaceDetector",
    "InferencePass",
    "LoadedDetector",
    "NetworkFolder",
    "PendingPasses",
    "PrecisionChoice",
    "Rgb",
    "closeup_scores",
    "closeup_sizes",
    "examine_closely",
    "join_detections",
    "load_onnxruntime",
    "mirror",
    "open_yunet",
    "openvino_core",
    "pass_size",
    "pass_sizes_px",
    "read_processor",
    "read_yunet_table",
    "shipped_choice",
    "start_passes",
    "time_precisions",
    "told_times",
    "wait_for",
    "yunet_passes",
]

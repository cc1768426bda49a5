from .jsons import (
    MOST_JSON_BYTES,
    inside,
    manifest_tensors,
    parse_json,
)
from .keras import (
    read_keras,
)
from .network import (
    BrokenModelError,
    Network,
    NetworkOutput,
    Op,
    Parameter,
    PictureInput,
    Shape,
    picture_of,
)
from .onnx import (
    read_onnx,
)
from .tensorflow import (
    read_graph_model,
    read_tensorflow,
)
from .tflite import (
    MARK,
    read_tflite,
)
from .weights import (
    manifest_network,
    read_pickle,
    read_safetensors,
    read_torch_zip,
)

__all__ = [
    "MARK",
    "MOST_JSON_BYTES",
    "BrokenModelError",
    "Network",
    "NetworkOutput",
    "Op",
    "Parameter",
    "PictureInput",
    "Shape",
    "inside",
    "manifest_network",
    "manifest_tensors",
    "parse_json",
    "picture_of",
    "read_graph_model",
    "read_keras",
    "read_onnx",
    "read_pickle",
    "read_safetensors",
    "read_tensorflow",
    "read_tflite",
    "read_torch_zip",
]

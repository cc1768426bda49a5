from .hdf5 import (
    HDF5_MARK,
    read_hdf5,
)
from .jsons import (
    MOST_JSON_BYTES,
    inside,
    manifest_tensors,
    parse_json,
)
from .keras import (
    read_keras,
)
from .mxnet import (
    read_mxnet,
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
from .openvino import (
    read_openvino,
)
from .tensorflow import (
    read_graph_model,
    read_tensorflow,
)
from .tflite import (
    TFLITE_MARK,
    read_tflite,
)
from .weights import (
    manifest_network,
    open_zip,
    read_pickle,
    read_safetensors,
    read_torch_zip,
)

__all__ = [
    "HDF5_MARK",
    "MOST_JSON_BYTES",
    "TFLITE_MARK",
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
    "open_zip",
    "parse_json",
    "picture_of",
    "read_graph_model",
    "read_hdf5",
    "read_keras",
    "read_mxnet",
    "read_onnx",
    "read_openvino",
    "read_pickle",
    "read_safetensors",
    "read_tensorflow",
    "read_tflite",
    "read_torch_zip",
]

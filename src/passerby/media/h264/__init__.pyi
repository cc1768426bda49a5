from .avcc import (
    AvcConfig,
    build_avcc,
    parse_avcc,
)
from .bits import (
    BitReader,
)
from .losses import (
    ReferenceLosses,
)
from .order import (
    OrderCounter,
)
from .parameter_sets import (
    OrderCoding,
    ParameterSets,
    Pps,
    Sps,
    find_parameter_sets,
    parse_pps,
    parse_sps,
)
from .units import (
    NalType,
    is_user_data,
    message_types,
    nal_type,
    nal_units,
    slice_head,
    split_lengths,
    with_lengths,
    without_user_data,
)

__all__ = [
    "AvcConfig",
    "BitReader",
    "NalType",
    "OrderCoding",
    "OrderCounter",
    "ParameterSets",
    "Pps",
    "ReferenceLosses",
    "Sps",
    "build_avcc",
    "find_parameter_sets",
    "is_user_data",
    "message_types",
    "nal_type",
    "nal_units",
    "parse_avcc",
    "parse_pps",
    "parse_sps",
    "slice_head",
    "split_lengths",
    "with_lengths",
    "without_user_data",
]

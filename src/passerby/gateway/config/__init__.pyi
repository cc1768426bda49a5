from .camera import (
    NAME_PATTERN,
    CameraConfig,
    CoverTimeConfig,
    DetectConfig,
    EncodeConfig,
    InputConfig,
    InputKind,
    OnvifConfig,
    OverloadPolicy,
    PrivacyConfig,
    PushConfig,
    RecordConfig,
    RetainConfig,
    ZoneConfig,
)
from .city import (
    CityConfig,
    MqttConfig,
    RegisterConfig,
    RtspConfig,
    SelfTestConfig,
    ServerConfig,
    SignOnConfig,
)
from .load import (
    load_city,
    parse_city,
)
from .statement import (
    SealTerms,
    Statement,
    seal_terms,
)
from .words import (
    DAYS,
)

__all__ = [
    "DAYS",
    "NAME_PATTERN",
    "CameraConfig",
    "CityConfig",
    "CoverTimeConfig",
    "DetectConfig",
    "EncodeConfig",
    "InputConfig",
    "InputKind",
    "MqttConfig",
    "OnvifConfig",
    "OverloadPolicy",
    "PrivacyConfig",
    "PushConfig",
    "RecordConfig",
    "RegisterConfig",
    "RetainConfig",
    "RtspConfig",
    "SealTerms",
    "SelfTestConfig",
    "ServerConfig",
    "SignOnConfig",
    "Statement",
    "ZoneConfig",
    "load_city",
    "parse_city",
    "seal_terms",
]

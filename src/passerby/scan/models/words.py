"""Words that tell what a network is for, out of the names of layers, outputs, classes and files."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FACE = re.compile(
    r"arcface|cosface|sphereface|facenet|insightface|iresnet|mobilefacenet|ghostfacenet|adaface|magface|curricularface"
    r"|elasticface|edgeface|faceres|vgg_?face|deepid|openface|inceptionresnetv1|inception_resnet_v1"
    r"|(?<![a-z])face[-_.]?(recog|embed|descri|verif)|facerec",
    re.I,
)
_PERSON = re.compile(r"(?<![a-z])(osnet|torchreid|re-?id|market1501|dukemtmc|msmt17|person_?reid)", re.I)
_TEXT = re.compile(r"input_ids|attention_mask|token_type|bert|llama|gpt", re.I)
_SPEAKER = re.compile(r"ecapa|x-?vector|speaker|wespeaker|titanet|voxceleb|fbank|tdnn", re.I)
_GENERAL = re.compile(r"(?<![a-z])(clip|dino|siglip|vit|swin|beit)(?![a-z])", re.I)
_FACES = re.compile(r"face|retina|scrfd|blaze|mtcnn|yunet|ulfd", re.I)
ATTRIBUTES = {
    "age": re.compile(r"(?<![a-z])age(?![a-z])|agegender|genderage|age_?net", re.I),
    "gender": re.compile(r"gender|(?<![a-z])sex(?![a-z])", re.I),
    "ethnicity": re.compile(r"ethnic|(?<![a-z])race(?![a-z])|fairface", re.I),
    "emotion": re.compile(r"emotion|(?<![a-z])expression|(?<![a-z])fer(plus|2013)?(?![a-z])|affect", re.I),
    "liveness": re.compile(r"liveness|anti-?_?spoof|fasnet", re.I),
}
"""By ability."""


def face_word(names: Iterable[str]) -> str:
    """Return the word that only face recognition uses; empty where there is none.

    >>> face_word(["backbones.iresnet.IResNet"]), face_word(["typeface", "resnet"])
    ('iresnet', '')
    """
    return next((found[0] for name in names if (found := _FACE.search(name))), "")


def says(kind: str, names: Iterable[str]) -> bool:
    """Return whether a name speaks of ``person``, ``text``, ``speaker``, ``general`` (embedders) or ``faces``."""
    pattern = {"person": _PERSON, "text": _TEXT, "speaker": _SPEAKER, "general": _GENERAL, "faces": _FACES}[kind]
    return any(pattern.search(name) for name in names)

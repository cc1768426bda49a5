"""Pipelines that run networks over streams: GStreamer with Intel's or NVIDIA's elements, DeepStream, Savant.

What a network is, its file's name says: names of known weights, and of the architectures that make face descriptors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from passerby.scan.catalogue import Catalogue, names_embedder
from passerby.scan.files import list_of, table_of, text_of
from passerby.scan.values import Ability, Rating
from passerby.scan.wiring.joints import Joint, is_off, is_on, streams_in

_ELEMENT = re.compile(r"\b(?:gvainference|gvaclassify|nvinfer|nvinferserver)\b(?P<rest>[^!\n]{0,2000})")
_MODEL = re.compile(
    r"\b(?:model|model-instance-id|config-file-path|model-proc)\s*=\s*[\"']?(?P<model>[^\s\"'!]{1,500})"
)
_COMMENT = re.compile(r"^\s*(?:#|//).*$", re.MULTILINE)
_ATTRIBUTES = {
    "emotions-recognition": (Ability.EMOTION,),
    "age-gender-recognition": (Ability.AGE, Ability.GENDER),
}
_SECTION = re.compile(r"^\s*\[([^\]\n]+)\]\s*$", re.MULTILINE)
_SETTING = re.compile(r"^[ \t]*([\w-]+)[ \t]*=[ \t]*([^\n]*?)[ \t]*$", re.MULTILINE)
_MODEL_KEYS = ("onnx-file", "model-engine-file", "model-file", "tlt-encoded-model", "uff-file", "custom-network-config")


class Embedders:
    """Names of files that make face descriptors.

    Args:
        catalogue: With known weights.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._known = {
            re.sub(r"\.[a-z0-9]{1,8}$", "", file.name.lower()): component.id
            for component in catalogue.components.values()
            for file in component.files
            if Ability.EMBED in file.abilities and len(file.name) > 10
        }

    def component(self, model: str) -> str | None:
        """Return the component that a model belongs to by its name, empty for an unknown one of a known kind, None for others."""
        name = re.split(r"[/\\]", model)[-1].lower()
        stem = re.sub(r"(?:\.[a-z0-9_]{1,12})+$", "", name)
        for known in (name, stem, re.sub(r"\.[a-z0-9]{1,8}$", "", name)):
            if known in self._known:
                return self._known[known]
        return "" if names_embedder(model) else None


def pipelines_in(text: str, embedders: Embedders) -> Iterator[Joint]:
    """Yield recognisers and attribute networks in pipelines of GStreamer, wherever these are written out."""
    bare = _COMMENT.sub("", text)
    for element in _ELEMENT.finditer(bare.replace("\\\n", "  ")):
        model = _MODEL.search(element["rest"])
        if model is None:
            continue
        component = embedders.component(model["model"])
        streams = streams_in(bare) or None
        if component is not None:
            what = "a pipeline makes descriptors of faces"
            yield Joint(
                component,
                "Face recogniser in a pipeline",
                what,
                streams,
                Rating.IDENTIFIES,
                model["model"],
                (Ability.EMBED,),
            )
        for name, abilities in _ATTRIBUTES.items():
            if name in model["model"]:
                what = f"a pipeline estimates by {name}"
                yield Joint("open-model-zoo-attributes", "", what, streams, Rating.DOES_NOT, model["model"], abilities)


def deepstream_in(text: str, embedders: Embedders) -> Iterator[Joint]:
    """Yield secondary networks of DeepStream that make descriptors, in its configuration as sections."""
    sections = _SECTION.split(text)
    named = {
        name.strip().lower(): dict(_SETTING.findall(body))
        for name, body in zip(sections[1::2], sections[2::2], strict=False)
    }
    yield from _networks(named.get("property", {}), embedders)
    sources = [one for name, one in named.items() if re.fullmatch(r"source\d+", name) and not is_off(one.get("enable"))]
    streams = sum(int(one["num-sources"]) if one.get("num-sources", "").isdecimal() else 1 for one in sources)
    for name, one in named.items():
        if re.fullmatch(r"secondary-gie\d*", name) and not is_off(one.get("enable")):
            model = next(
                (
                    one[key]
                    for key in ("config-file", *_MODEL_KEYS)
                    if embedders.component(one.get(key, "")) is not None
                ),
                None,
            )
            if model is not None:
                what = "DeepStream makes descriptors of what a first network found"
                found = embedders.component(model) or ""
                yield Joint(
                    found,
                    "DeepStream with a face recogniser",
                    what,
                    streams,
                    Rating.IDENTIFIES,
                    model,
                    (Ability.EMBED,),
                    sure=False,
                )


def elements_in(document: object, embedders: Embedders) -> Iterator[Joint]:
    """Yield networks that make descriptors in pipelines that are documents: Savant's modules, DeepStream's YAML."""
    table = table_of(document)
    yield from _networks({key: str(value) for key, value in table_of(table.get("property")).items()}, embedders)
    stack: list[object] = list(list_of(table_of(table.get("pipeline")).get("elements")))
    while stack:
        one = table_of(stack.pop())
        stack += list_of(one.get("elements"))
        model = table_of(one.get("model"))
        if not text_of(one.get("element")).startswith("nvinfer"):
            continue
        name = next(
            (text for key in ("model_file", "onnx_file", "engine_file") if (text := text_of(model.get(key)))), ""
        )
        for told in (name, text_of(one.get("name"))):
            if (component := embedders.component(told)) is not None:
                what = "a Savant module makes descriptors of faces"
                yield Joint(
                    component,
                    "Savant with a face recogniser",
                    what,
                    None,
                    Rating.IDENTIFIES,
                    told,
                    (Ability.EMBED,),
                    sure=False,
                )
                break


def _networks(settings: dict[str, str], embedders: Embedders) -> Iterator[Joint]:
    """Yield what a configuration of one inference element says: a second network whose numbers are handed on as they are."""
    if settings.get("process-mode") != "2":
        return
    model = next((one for key in _MODEL_KEYS if (one := settings.get(key, ""))), "")
    component = embedders.component(model)
    if component is not None:
        what = "a second network makes descriptors of what a first one found"
        yield Joint(
            component,
            "DeepStream with a face recogniser",
            what,
            None,
            Rating.IDENTIFIES,
            model,
            (Ability.EMBED,),
            sure=False,
        )
    elif settings.get("network-type") == "100" and is_on(settings.get("output-tensor-meta")):
        what = "hands on the numbers that a second network makes of what a first one found"
        yield Joint(
            "",
            "DeepStream with a second network",
            what,
            None,
            Rating.CAN,
            model or "process-mode",
            (Ability.GENERAL_EMBED,),
            sure=False,
        )

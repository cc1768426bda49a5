"""Says what trained numbers without a graph are, by the names and shapes of their tensors."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from passerby.scan.models.embedding import CLASS_COUNTS, PEOPLE_COUNTS, PIXELS, TALL, WIDTHS
from passerby.scan.models.judgement import Judgement, Sign, face_embedder, general_embedder, person_embedder
from passerby.scan.models.words import ATTRIBUTES, face_word, says
from passerby.scan.networks import Network, Op, Parameter
from passerby.scan.values import Ability, Confidence

_MAPS = {w * h for w in range(3, 11) for h in range(3, 11) if abs(w - h) <= 1}
"""Places of the last map of a network that takes 96 to 160 pixels."""
_FLAT = 2048
"""Numbers of a whole last map at least: 128 channels of 4x4."""
_ATTENTION = re.compile(r"attn|attention|qkv|pos_embed|cls_token|class_embedding|transformer")
_TEXT = re.compile(r"logit_scale|token_embedding|text_projection|word_embeddings")
_TABLES = re.compile(r"embed(ding)?s?\.|position|token|relative")
_TOP = re.compile(r"(^|\.)(fc|head|classifier|logits|kernel|weight|output|predictions?|cls)(\.|/|$)", re.I)
_PRELUS = 5
_COLOURS = 3
_POWERS = {128, 256, 512}
_BIASES = {"bias", "bias:0", "biases", "1"}
_MOST_TOKENS = 5
"""Beside the places: for classes, and registers. Source: DINOv2 has one and four."""
_LEAST, _LIKELY = 3, 5
"""Points from which a face descriptor is said, and said to be likely."""
_RUNNING = ("running_mean", "moving_mean", "moving_mean:0")
_WEIGHTS = ("weight", "weights", "kernel", "kernel:0", "filters")


@dataclass(frozen=True, slots=True)
class _Linear:
    name: str
    gives: int
    takes: int
    biased: bool = True


@dataclass(slots=True)
class _Tensors:
    """Tensors by what they are for, counted while they are read in the file's order."""

    linears: list[_Linear] = field(default_factory=list)
    points: list[_Linear] = field(default_factory=list)
    conv_widths: set[int] = field(default_factory=set)
    norms: dict[str, int] = field(default_factory=dict)
    stem: tuple[int, int] = (0, 0)
    global_width: int = 0
    large_depthwise: int = 0
    tall: bool = False
    prelus: int = 0
    attentions: int = 0
    places: int = 0

    def add(self, module: str, last: str, shape: tuple[int, ...], *, biased: bool) -> None:
        attends = bool(_ATTENTION.search(f"{module}.{last}"))
        self.attentions += attends and len(shape) >= 2
        if last.startswith("pos_embed") and len(shape) == 3:
            self.places = shape[1]
        if last in _RUNNING and len(shape) == 1:
            self.norms[module] = shape[0]
        elif len(shape) == 4:
            self._add_conv(module, *_conv_sides(shape, last))
        elif len(shape) == 2 and min(shape) > 1 and not attends and not _TABLES.search(f"{module}."):
            gives, takes = shape if last in ("weight", "weights", "data") else shape[::-1]
            self.linears.append(_Linear(module or last, gives, takes, biased))

    def side_px(self) -> int:
        """Return the side of the square picture that a transformer takes: patches in a row, each as large as its first kernel."""
        row = math.isqrt(self.places)
        return row * self.stem[0] if 0 <= self.places - row * row <= _MOST_TOKENS else 0

    def _add_conv(self, module: str, takes: int, gives: int, kernel: tuple[int, int]) -> None:
        self.conv_widths.add(gives)
        if takes == _COLOURS and min(kernel) > 1 and not self.stem[0]:
            self.stem = (min(kernel), gives)
        if takes == 1 and gives >= 64 and min(kernel) >= 4:
            self.large_depthwise += 1
            self.tall = kernel[0] >= TALL * kernel[1]
            self.global_width = gives
        if kernel == (1, 1) and gives in WIDTHS:
            self.points.append(_Linear(module, gives, takes))


def judge_parameters(network: Network) -> list[Judgement]:
    """Return what trained numbers are, one judgement for each thing they can do; at least one."""
    parameters = network.parameters
    if not parameters:
        return [Judgement("other network", "no tensors were found in it", confidence=Confidence.MAY_BE)]
    tensors = _sort(parameters)
    names = (*network.names, *(parameter.name for parameter in parameters))
    total = f"{len(parameters)} tensors"
    if not tensors.stem[0]:
        return [Judgement("other network", f"{total}, no layer that takes a picture of three colours")]
    return _judge_tensors(network, tensors, names, total)


def _judge_tensors(network: Network, tensors: _Tensors, names: tuple[str, ...], total: str) -> list[Judgement]:
    if any(_TEXT.search(name) for name in names):
        return [general_embedder(f"{total}, of pictures and words together")]
    face = _descriptor(network, tensors, names) or _people(tensors)
    if face is not None:
        return [face]
    said = [kind for kind, pattern in ATTRIBUTES.items() if any(pattern.search(name) for name in names)]
    if said:
        may_be, why = Confidence.MAY_BE, f"{total}, named so"
        return [Judgement(f"{kind} network", why, (Ability(kind),), confidence=may_be) for kind in said]
    return [_other(tensors, total)]


def _people(tensors: _Tensors) -> Judgement | None:
    people = PEOPLE_COUNTS & ({linear.gives for linear in tensors.linears} | tensors.conv_widths)
    if not people:
        return None
    why = f"a layer of {max(people)} classes, as many as there are people in a training set of faces"
    return face_embedder(why, Confidence.MAY_BE)


def _other(tensors: _Tensors, total: str) -> Judgement:
    heads = [linear for linear in tensors.linears if _TOP.search(linear.name)]
    if tensors.attentions and not any(linear.gives in CLASS_COUNTS for linear in heads):
        return general_embedder(f"{total}, {tensors.attentions} of them of attention, no classes")
    if heads:
        return Judgement(f"classifier of {heads[-1].gives} classes", total, confidence=Confidence.MAY_BE)
    return Judgement("other network", f"{total}, no layer of descriptors", confidence=Confidence.MAY_BE)


def _descriptor(network: Network, tensors: _Tensors, names: tuple[str, ...]) -> Judgement | None:
    """Return what the layer that speaks most for a descriptor gives; None where none speaks enough."""
    found = max(_ends(tensors), key=lambda end: sum(sign.points for sign in end[1]), default=None)
    if found is None:
        return None
    width, signs = found
    word = face_word(names)
    signs = [*signs, *_network_signs(network, tensors, word)]
    points = sum(sign.points for sign in signs)
    why = ", ".join([f"a last layer of {width} numbers", *(sign.words for sign in signs if sign.points > 0)])
    if (tensors.tall or says("person", names)) and not word:
        return person_embedder(why)
    if points < _LEAST:
        return None
    return face_embedder(why, Confidence.LIKELY if points >= _LIKELY else Confidence.MAY_BE)


def _sort(parameters: Iterable[Parameter]) -> _Tensors:
    by_module: dict[str, dict[str, tuple[int, ...]]] = {}
    for parameter in parameters:
        module, _, last = parameter.name.replace("/", ".").rpartition(".")
        by_module.setdefault(module, {})[last] = parameter.shape
    tensors = _Tensors()
    for module, parts in by_module.items():
        tensors.prelus += _is_prelu(module, parts)
        for last, shape in parts.items():
            tensors.add(module, last, shape, biased=not _BIASES.isdisjoint(parts))
    if tensors.large_depthwise == 1:
        tensors.linears += [point for point in tensors.points if point.takes == tensors.global_width]
    return tensors


def _conv_sides(shape: tuple[int, ...], last: str) -> tuple[int, int, tuple[int, int]]:
    """Return numbers taken, numbers given and the kernel, whichever way round the format writes them."""
    if last == "weight" or (shape[2] == shape[3] and shape[0] != shape[1]):
        return shape[1], shape[0], (shape[2], shape[3])
    if "depthwise" in last:
        return 1, shape[2] * shape[3], (shape[0], shape[1])
    return shape[2], shape[3], (shape[0], shape[1])


def _is_prelu(module: str, parts: dict[str, tuple[int, ...]]) -> bool:
    """A module with one row of factors and nothing else."""
    if "alpha" in parts or "alpha:0" in parts or "prelu" in module.lower().rpartition(".")[2]:
        return True
    return len(parts) == 1 and len(parts.get("weight", ())) == 1 and "norm" not in module.lower()


def _ends(tensors: _Tensors) -> list[tuple[int, list[Sign]]]:
    """Return the layers that may give a descriptor: no further layer takes their numbers, but for one of people.

    Two layers that lead out and back are a gate (squeeze and excitation), not an end.
    """
    takers: dict[int, list[_Linear]] = {}
    pairs = {(linear.takes, linear.gives) for linear in tensors.linears}
    for linear in tensors.linears:
        if _TOP.search(linear.name) or not (tensors.attentions or (linear.gives, linear.takes) in pairs):
            takers.setdefault(linear.takes, []).append(linear)
    return [
        (
            linear.gives,
            _end_signs(linear, [other for other in takers.get(linear.gives, []) if other != linear], tensors),
        )
        for linear in tensors.linears
        if linear.gives in WIDTHS and linear.gives not in CLASS_COUNTS
    ]


def _end_signs(linear: _Linear, after: list[_Linear], tensors: _Tensors) -> list[Sign]:
    people = next((other.gives for other in after if other.gives in PEOPLE_COUNTS), 0)
    flattened = _takes_a_map(linear, tensors)
    normed = _norm_follows(linear, tensors.norms)
    signs = [
        (flattened and normed, Sign(5, "Flatten-FC-BatchNorm")),
        (flattened and not normed, Sign(3, "Flatten-FC")),
        (normed and not flattened, Sign(2 if linear.biased else 3, "FC-BatchNorm")),
        (_is_last(linear, tensors) and (normed or not tensors.attentions), Sign(3, "no layer of classes")),
        (people > 0, Sign(3, f"trained on {people} people")),
        (bool(after) and not people, Sign(-4, "")),
    ]
    return [sign for holds, sign in signs if holds]


def _takes_a_map(linear: _Linear, tensors: _Tensors) -> bool:
    maps = {linear.takes // width for width in tensors.conv_widths if width >= 32 and linear.takes % width == 0}
    pooled = linear.takes in tensors.conv_widths or linear in tensors.points
    return linear.takes >= _FLAT and bool(maps & _MAPS) and not pooled


def _is_last(linear: _Linear, tensors: _Tensors) -> bool:
    """Whether a network ends in this layer, as wide as descriptors are and classes hardly ever.

    It is the only one that leads out, by name or because there is no other, or the last of a row that begins at the whole map.
    """
    linears = [other for other in tensors.linears if other not in tensors.points]
    heads = [
        other for other in linears if _TOP.search(other.name) or other.name.rpartition(".")[2].isdecimal()
    ] or linears
    row = all(one.gives == two.takes for one, two in pairwise(heads)) and heads[-1:] == [linear]
    return linear.gives in _POWERS and row and (len(heads) == 1 or _takes_a_map(heads[0], tensors))


def _norm_follows(linear: _Linear, norms: dict[str, int]) -> bool:
    """Whether a batch normalisation of the same width stands beside a layer: the next of its row, or of its own kind of name."""
    parent, _, last = linear.name.rpartition(".")
    siblings = [
        module.rpartition(".") for module, width in norms.items() if width == linear.gives and module != linear.name
    ]
    first = linear.name.partition(".")[0]
    if first.isdecimal() and norms.get(str(int(first) + 1)) == linear.gives:
        return True
    lasts = [other for other_parent, _, other in siblings if other_parent == parent]
    if last.isdecimal():
        return any(other.isdecimal() and 0 < int(other) - int(last) <= 2 for other in lasts)
    return any(not parent or other in ("bn", "norm", "bn1d") for other in lasts)


def _said(kind: str, network: Network) -> bool:
    return any(ATTRIBUTES[kind].search(parameter.name) for parameter in network.parameters)


def _network_signs(network: Network, tensors: _Tensors, word: str) -> list[Sign]:
    prelus = max(tensors.prelus, network.count(Op.PRELU))
    signs = [
        (prelus >= _PRELUS, Sign(2, f"PReLU {prelus} times")),
        (tensors.stem == (7, 32), Sign(2, "begins as dlib's descriptor does")),
        (tensors.large_depthwise == 1, Sign(2, "a depthwise convolution over the whole map")),
        (bool(word), Sign(3, f"names itself {word}")),
        (tensors.attentions > 0, Sign(-2, "")),
        (all(_said(kind, network) for kind in ("age", "gender")), Sign(3, "beside age and gender")),
        (tensors.side_px() in PIXELS, Sign(3, f"takes {tensors.side_px()} pixels")),
    ]
    return [sign for holds, sign in signs if holds]

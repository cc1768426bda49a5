"""Networks with random weights for ``scan_models.py``: compact forms of architectures, built in a throw-away environment only.

None of them is trained, none is ever run on a picture, and nothing here is part of Passerby. ``torch`` and ``timm`` are loaded by
name, since the project's own environment does not have them.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Shape = tuple[int, ...]


class Case(NamedTuple):
    """One network.

    Attributes:
        name: Neutral in the exported file; for the table.
        embedder: Whether it makes descriptors of faces.
        make: Builds it.
        shape: Of what it takes.
        outputs: Names of its outputs, where the export may say them.
        open_sides: Sides of the input that are left open.
    """

    name: str
    embedder: bool
    make: Callable[[], Any]
    shape: Shape
    outputs: tuple[str, ...] = ()
    open_sides: tuple[int, ...] = ()


def load(name: str) -> Any:  # noqa: ANN401 - of the throw-away environment
    """Return a module that only the throw-away environment has."""
    return importlib.import_module(name)


class Kit:
    """Blocks of networks, on torch."""

    def __init__(self) -> None:
        self.torch = load("torch")
        self.nn = self.torch.nn

    def module(self, forward: Callable[..., Any], **parts: Any) -> Any:  # noqa: ANN401 - modules of torch
        """Return a module with named parts and its own way through them."""
        made = type("Part", (self.nn.Module,), {"forward": forward})()
        for name, part in parts.items():
            made.add_module(name, part)
        return made

    def conv(self, a: int, b: int, k: int = 3, s: int = 1, **more: Any) -> Any:  # noqa: ANN401
        act = more.pop("act", "relu")
        pad = more.pop("pad", k // 2)
        acts = {"relu": self.nn.ReLU, "swish": self.nn.SiLU, "none": self.nn.Identity}
        last = self.nn.PReLU(b) if act == "prelu" else acts[act]()
        return self.nn.Sequential(self.nn.Conv2d(a, b, k, s, pad, bias=False, **more), self.nn.BatchNorm2d(b), last)

    def residual(self, a: int, b: int, s: int, *, act: str = "relu", se: bool = False) -> Any:  # noqa: ANN401
        body = [self.nn.BatchNorm2d(a), self.conv(a, b, act=act), self.conv(b, b, 3, s, act="none")]
        if se:
            body.append(self.squeeze(b))
        short = self.nn.Identity() if a == b and s == 1 else self.conv(a, b, 1, s, act="none")
        return self.module(lambda me, x: me.body(x) + me.short(x), body=self.nn.Sequential(*body), short=short)

    def squeeze(self, width: int) -> Any:  # noqa: ANN401
        gate = self.nn.Sequential(
            self.nn.AdaptiveAvgPool2d(1),
            self.nn.Conv2d(width, width // 8, 1),
            self.nn.ReLU(),
            self.nn.Conv2d(width // 8, width, 1),
            self.nn.Sigmoid(),
        )
        return self.module(lambda me, x: x * me.gate(x), gate=gate)

    def trunk(self, widths: Shape, depths: Shape, *, act: str = "prelu", se: bool = False) -> Any:  # noqa: ANN401
        layers = [self.conv(3, widths[0], act=act)]
        last = widths[0]
        for width, depth in zip(widths, depths, strict=True):
            for place in range(depth):
                layers.append(self.residual(last, width, 2 if place == 0 else 1, act=act, se=se))
                last = width
        return self.nn.Sequential(*layers)

    def unit(self, inner: Any) -> Any:  # noqa: ANN401 - a module of torch
        functional = self.torch.nn.functional
        return self.module(lambda me, x: functional.normalize(me.inner(x)), inner=inner)

    def flat_end(self, width: int, places: int, out: int, *, norm: bool = True) -> list[Any]:
        end = [self.nn.BatchNorm2d(width), self.nn.Dropout(0.4), self.nn.Flatten(), self.nn.Linear(width * places, out)]
        return [*end, self.nn.BatchNorm1d(out)] if norm else end[2:]

    def iresnet(self, depths: Shape, out: int, *, se: bool = False, places: int = 49, act: str = "prelu") -> Any:  # noqa: ANN401
        trunk = self.trunk((64, 128, 256, 512), depths, act=act, se=se)
        return self.nn.Sequential(trunk, *self.flat_end(512, places, out))

    def pooled(self, trunk: Any, width: int, out: int, **more: Any) -> Any:  # noqa: ANN401
        end = [self.nn.AdaptiveAvgPool2d(1), self.nn.Flatten(), self.nn.Linear(width, out, bias=more.get("bias", True))]
        if more.get("norm"):
            end.append(self.nn.BatchNorm1d(out))
        if more.get("softmax"):
            end.append(self.nn.Softmax(1))
        return self.nn.Sequential(trunk, *end)

    def depthwise(self, a: int, b: int, s: int, act: str = "prelu") -> Any:  # noqa: ANN401
        mid = a * 2
        layers = [
            self.conv(a, mid, 1, act=act),
            self.conv(mid, mid, 3, s, act=act, groups=mid),
            self.conv(mid, b, 1, act="none"),
        ]
        return self.nn.Sequential(*layers)

    def mobile(self, out: int, *, act: str = "prelu", end: str = "conv", kernel: Shape = (7, 7)) -> Any:  # noqa: ANN401
        layers = [self.conv(3, 64, 3, 2, act=act), self.conv(64, 64, act=act, groups=64)]
        last = 64
        for width, stride in ((64, 2), (64, 1), (128, 2), (128, 1), (128, 2), (128, 1)):
            layers.append(self.depthwise(last, width, stride, act))
            last = width
        layers.append(self.conv(last, 512, 1, act=act))
        layers += [self.nn.Conv2d(512, 512, kernel, groups=512, bias=False), self.nn.BatchNorm2d(512)]
        if end == "conv":
            layers += [self.nn.Conv2d(512, out, 1, bias=False), self.nn.BatchNorm2d(out), self.nn.Flatten()]
        else:
            layers += [self.nn.Flatten(), self.nn.Linear(512, out, bias=False)]
            layers += [self.nn.BatchNorm1d(out)] if end == "norm" else []
        return self.nn.Sequential(*layers)

    def with_length(self, inner: Any) -> Any:  # noqa: ANN401 - a module of torch
        def forward(me: Any, x: Any) -> Any:  # noqa: ANN401
            y = me.inner(x)
            length = self.torch.norm(y, 2, 1, True)
            return y / length, length

        return self.module(forward, inner=inner)

    def heads(self, trunk: Any, **parts: Any) -> Any:  # noqa: ANN401 - modules of torch
        names = list(parts)
        return self.module(lambda me, x: tuple(getattr(me, name)(me.trunk(x)) for name in names), trunk=trunk, **parts)

    def timm(self, name: str, **more: Any) -> Any:  # noqa: ANN401
        return load("timm").create_model(name, pretrained=False, **more)

    def vision(self, name: str, **more: Any) -> Any:  # noqa: ANN401
        return load("torchvision").models.get_model(name, weights=None, **more)

    def osnet(self, name: str, out: int = 512) -> Any:  # noqa: ANN401
        """Build by the file alone: the package wants more than this environment has."""
        found = importlib.util.find_spec("torchreid")
        assert found
        assert found.origin
        path = Path(found.origin).parent / "reid" / "models" / "osnet.py"
        spec = importlib.util.spec_from_file_location("reid_network", path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return getattr(module, name)(num_classes=751, pretrained=False, feature_dim=out)


def embedders(kit: Kit) -> Iterator[Case]:
    """Yield networks that make descriptors of faces."""
    nn, face = kit.nn, (1, 3, 112, 112)
    unit, many = kit.unit, (2, 3, 6, 2)
    yield Case("IR-50", True, lambda: kit.iresnet(many, 512), face)
    yield Case("IR-SE-50", True, lambda: kit.iresnet(many, 512, se=True), face)
    yield Case("iresnet18, 256", True, lambda: kit.iresnet((2, 2, 2, 2), 256), face)
    yield Case("iresnet18, 1024", True, lambda: kit.iresnet((2, 2, 2, 2), 1024), face)
    yield Case("iresnet34, length beside", True, lambda: kit.with_length(kit.iresnet((3, 4, 6, 3), 512)), face)
    yield Case("iresnet18, ReLU", True, lambda: kit.iresnet((2, 2, 2, 2), 512, act="relu"), face)
    yield Case("iresnet18, open sizes", True, lambda: kit.iresnet((2, 2, 2, 2), 512), face, (), (0, 2, 3))
    yield Case("iresnet18, 128 px", True, lambda: kit.iresnet((2, 2, 2, 2), 512, places=64), (1, 3, 128, 128))
    yield Case("MobileFaceNet, 128", True, lambda: kit.mobile(128), face)
    yield Case("MobileFaceNet, 512, length 1", True, lambda: unit(kit.mobile(512, end="norm")), face)
    yield Case("MobileFaceNet, 112x96", True, lambda: kit.mobile(256, kernel=(7, 6)), (1, 3, 112, 96))
    yield Case("SFace", True, lambda: kit.mobile(128, act="relu", end="norm"), face)
    yield Case("GhostFaceNet", True, lambda: kit.mobile(512, act="swish"), face)
    yield Case("ShuffleFaceNet", True, lambda: kit.mobile(128, act="prelu", end="plain"), face)
    sphere = (64, 128, 256, 512)
    yield Case(
        "SphereFace-20",
        True,
        lambda: nn.Sequential(kit.trunk(sphere, (1, 2, 4, 1)), *kit.flat_end(512, 42, 512, norm=False)),
        (1, 3, 112, 96),
    )
    yield Case(
        "OpenFace",
        True,
        lambda: unit(kit.pooled(kit.trunk((64, 192, 256, 736), (1, 1, 1, 1), act="relu"), 736, 128)),
        (1, 3, 96, 96),
    )
    yield Case("FaceNet", True, lambda: load("facenet_pytorch").InceptionResnetV1(pretrained=None), (1, 3, 160, 160))
    yield Case(
        "FaceNet, 128",
        True,
        lambda: unit(
            kit.pooled(kit.timm("inception_v3", num_classes=0, global_pool=""), 2048, 128, bias=False, norm=True)
        ),
        (1, 3, 160, 160),
    )
    yield Case(
        "dlib-like",
        True,
        lambda: kit.pooled(kit.trunk((32, 64, 128, 256), (3, 4, 4, 2), act="relu"), 256, 128, bias=False),
        (1, 3, 150, 150),
    )
    yield Case("EdgeFace", True, lambda: kit.timm("edgenext_xx_small", num_classes=512), face)
    yield Case("ElasticFace", True, lambda: kit.iresnet((2, 5, 9, 2), 512), face)
    yield Case(
        "ViT face",
        True,
        lambda: nn.Sequential(
            kit.timm("vit_tiny_patch16_224", img_size=112, patch_size=8, num_classes=512), nn.BatchNorm1d(512)
        ),
        face,
    )
    yield Case("Swin face", True, lambda: kit.timm("swin_tiny_patch4_window7_224", img_size=112, num_classes=512), face)
    yield Case("MobileNetV2, 256, length 1", True, lambda: unit(kit.timm("mobilenetv2_100", num_classes=256)), face)
    yield Case(
        "EfficientNet-B0, 512, norm",
        True,
        lambda: nn.Sequential(kit.timm("efficientnet_b0", num_classes=512), nn.BatchNorm1d(512)),
        face,
    )
    yield Case("ResNet-18, plain 512", True, lambda: kit.timm("resnet18", num_classes=512), face)
    yield Case("ResNet-50, 160 px, 256", True, lambda: kit.timm("resnet50", num_classes=256), (1, 3, 160, 160))
    yield Case("RepVGG, 512", True, lambda: kit.timm("repvgg_a0", num_classes=512), face)
    yield Case(
        "MobileNetV3, 144 px", True, lambda: unit(kit.timm("mobilenetv3_small_100", num_classes=128)), (1, 3, 144, 144)
    )
    yield Case(
        "ResNeSt, norm",
        True,
        lambda: nn.Sequential(kit.timm("resnest14d", num_classes=512), nn.BatchNorm1d(512, affine=False)),
        face,
    )
    yield Case(
        "VGG, flat", True, lambda: nn.Sequential(kit.vision("vgg11_bn").features, *kit.flat_end(512, 9, 512)), face
    )
    yield Case("DenseNet, 192", True, lambda: kit.timm("densenet121", num_classes=192), face)
    yield Case("GhostNet, 512, length 1", True, lambda: unit(kit.timm("ghostnet_100", num_classes=512)), face)
    yield Case(
        "ConvNeXt face",
        True,
        lambda: nn.Sequential(kit.timm("convnext_atto", num_classes=512), nn.BatchNorm1d(512)),
        face,
    )
    trained = kit.iresnet
    yield Case(
        "quality beside",
        True,
        lambda: kit.heads(trained((2, 2, 2, 2), 512), descriptor=nn.Identity(), quality=nn.Linear(512, 1)),
        face,
    )
    yield Case("age and gender beside", True, lambda: _faceres(kit), (1, 3, 224, 224), ("descriptor", "age", "gender"))


def _faceres(kit: Kit) -> Any:  # noqa: ANN401 - a module of torch
    trunk = kit.timm("mobilenetv2_100", num_classes=0)
    nn = kit.nn
    gender = nn.Sequential(nn.Linear(1280, 1), nn.Sigmoid())
    return kit.heads(trunk, descriptor=nn.Linear(1280, 1024), age=nn.Linear(1280, 100), gender=gender)

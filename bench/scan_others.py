"""Networks with random weights that make no descriptors of faces, for ``scan_models.py``; in a throw-away environment only."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from scan_networks import Case, Kit, Shape, load

_CLASSIFIERS = """
resnet18 resnet34 resnet50 resnext50_32x4d wide_resnet50_2 resnetv2_50 resnest14d seresnet18 legacy_seresnet18 mobilenetv2_100
mobilenetv3_small_100 mobilenetv3_large_100 mobilenetv4_conv_small efficientnet_b0 efficientnet_lite0 efficientnetv2_rw_t
mnasnet_100 mnasnet_small fbnetc_100 fbnetv3_b spnasnet_100 semnasnet_075 tinynet_e hardcorenas_a ghostnet_050 ghostnet_100
ghostnetv2_100 densenet121 inception_v3 xception41 dla34 dla46_c hrnet_w18_small regnetx_002 regnety_002 regnetz_005 vgg11
vgg11_bn selecsls42 cspresnet50 darknet53 repvgg_a0 repghostnet_050 mobileone_s0 rexnet_100 res2net50_26w_4s skresnet18 gernet_s
lcnet_050 fastvit_t8 convnext_atto convnext_pico convnextv2_atto edgenext_xx_small efficientvit_b0 starnet_s1 pvt_v2_b0
poolformer_s12 nfnet_l0 ese_vovnet19b_dw resnet10t mobilevit_xxs mobilevitv2_050 levit_128s
"""
_TRANSFORMERS = """
vit_tiny_patch16_224 vit_small_patch16_224 deit_tiny_patch16_224 deit3_small_patch16_224 swin_tiny_patch4_window7_224
xcit_nano_12_p16_224 cait_xxs24_224 convit_tiny tnt_s_patch16_224 visformer_tiny coat_tiny pit_ti_224 beit_base_patch16_224
mixer_s32_224 gmixer_24_224 resmlp_12_224 crossvit_tiny_240 maxvit_rmlp_pico_rw_256 eva02_tiny_patch14_224
vit_small_patch14_dinov2 vit_small_patch16_dinov3 vit_small_patch14_reg4_dinov2 vit_base_patch32_clip_224
"""
"""Names of timm."""
_SIZES = (224, 128, 160, 112, 192, 256, 96)
_SQUARE = (1, 3, 224, 224)


def picture(height: int, width: int = 0) -> Shape:
    """Return the shape of a picture of three colours."""
    return (1, 3, height, width or height)


def others(kit: Kit) -> Iterator[Case]:
    """Yield networks that do something else."""
    classifiers, net = _CLASSIFIERS.split(), partial(partial, kit.timm)
    for place, name in enumerate(classifiers):
        sides = (224, _SIZES[place % 7]) if place % 7 == 0 else (_SIZES[place % 7], 224)
        for side in dict.fromkeys(sides):
            yield Case(f"{name} {side}", False, net(name), picture(side))
    for name in classifiers[::3]:
        yield Case(f"{name} headless", False, net(name, num_classes=0), _SQUARE)
    for name in classifiers[::9]:
        yield Case(f"{name} headless, small", False, net(name, num_classes=0), picture(128))
        yield Case(f"{name} headless, open", False, net(name, num_classes=0), _SQUARE, (), (0, 2, 3))
    for name in _TRANSFORMERS.split():
        side = 240 if "240" in name else 256 if "256" in name else 224
        size = {"img_size": side} if "dino" in name else {}
        yield Case(f"{name} classes", False, net(name, num_classes=1000, **size), picture(side))
        yield Case(f"{name} headless", False, net(name, num_classes=0, **size), picture(side))
    for count in (2, 5, 10, 37, 100, 102, 120, 196, 200, 257, 365):
        yield Case(f"resnet18, {count} classes", False, net("resnet18", num_classes=count), _SQUARE)
    for count in (10, 43, 100):
        yield Case(f"mobile, {count} classes", False, net("mobilenetv2_100", num_classes=count), picture(96))
    softmax = kit.nn.Softmax(1)
    birds = partial(_row, kit, lambda: [kit.timm("resnet18", num_classes=525), softmax])
    yield Case("resnet18, 525 kinds of birds", False, birds, picture(128))
    for part in (_clips, _people, _dense, _sound, _heads, _pictures):
        yield from part(kit)


def _row(kit: Kit, parts: Any) -> Any:  # noqa: ANN401 - modules of torch
    return kit.nn.Sequential(*parts())


def _clip(kit: Kit, name: str) -> Any:  # noqa: ANN401 - a module of torch
    return kit.unit(load("open_clip").create_model(name, pretrained=None).visual)


def _clips(kit: Kit) -> Iterator[Case]:
    for name in ("ViT-B-32", "RN50", "ViT-S-16", "MobileCLIP-S1"):
        yield Case(f"CLIP {name}", False, partial(_clip, kit, name), picture(256 if "Mobile" in name else 224))


def _people(kit: Kit) -> Iterator[Case]:
    nn = kit.nn
    for name in ("osnet_x1_0", "osnet_x0_75", "osnet_x0_5", "osnet_x0_25", "osnet_ibn_x1_0"):
        yield Case(name, False, partial(kit.osnet, name), picture(256, 128))
    tricks = partial(_row, kit, lambda: [kit.timm("resnet50", num_classes=0), nn.BatchNorm1d(2048)])
    yield Case("bag of tricks", False, tricks, picture(256, 128))
    yield Case("person, 384x128", False, partial(kit.timm, "resnet18", num_classes=512), picture(384, 128))
    yield Case("person, 160x64", False, lambda: kit.unit(kit.mobile(256, kernel=(10, 4), end="norm")), picture(160, 64))
    yield Case("vehicle", False, partial(kit.timm, "resnet18", num_classes=512), picture(256))


def _vision_map(kit: Kit, name: str) -> Any:  # noqa: ANN401 - a module of torch
    return kit.module(lambda me, x: me.inner(x)["out"], inner=kit.vision(name, weights_backbone=None))


def _smp(name: str) -> Any:  # noqa: ANN401 - a module of torch
    return getattr(load("segmentation_models_pytorch"), name)("resnet18", encoder_weights=None)


def _dense(kit: Kit) -> Iterator[Case]:
    nn, two = kit.nn, ((32, 64), (1, 1))
    for name in ("lraspp_mobilenet_v3_large", "fcn_resnet50", "deeplabv3_mobilenet_v3_large"):
        yield Case(name, False, partial(_vision_map, kit, name), _SQUARE)
    for name in ("Unet", "Linknet", "FPN", "PSPNet", "MAnet", "UnetPlusPlus"):
        yield Case(f"{name} masks", False, partial(_smp, name), picture(128))
    yield Case("keypoints", False, partial(_row, kit, lambda: [kit.trunk(*two), nn.Conv2d(64, 68, 1)]), picture(128))
    grid = {"boxes": nn.Conv2d(64, 4, 1), "scores": nn.Conv2d(64, 1, 1), "points": nn.Conv2d(64, 10, 1)}
    for side in (320, 640, 160):
        yield Case(f"face boxes {side}", False, lambda: kit.heads(kit.trunk(*two, act="relu"), **grid), picture(side))
    yolo = partial(_row, kit, lambda: [kit.trunk(*two), nn.Conv2d(64, 84, 1), nn.Flatten(2)])
    yield Case("YOLO-like", False, yolo, picture(320))
    pnet = {"boxes": nn.Conv2d(32, 4, 1), "scores": nn.Conv2d(32, 2, 1)}
    yield Case("P-Net", False, lambda: kit.heads(kit.trunk((32,), (1,)), **pnet), picture(12), (), (2, 3))


def _tdnn(kit: Kit, bands: int, out: int) -> Any:  # noqa: ANN401 - a module of torch
    nn = kit.nn
    rows = [nn.Conv1d(bands, 512, 5, padding=2), nn.ReLU(), nn.Conv1d(512, 512, 3, padding=1), nn.ReLU()]
    inner = nn.Sequential(*rows, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(512, out), nn.BatchNorm1d(out))
    return kit.module(lambda me, x: me.inner(x.transpose(1, 2)), inner=inner)


def _wave(kit: Kit) -> Any:  # noqa: ANN401 - a module of torch
    nn = kit.nn
    rows = [
        nn.Conv1d(1, 64, 10, 5),
        nn.ReLU(),
        nn.Conv1d(64, 256, 8, 4),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
    ]
    return kit.module(lambda me, x: me.inner(x[:, None]), inner=nn.Sequential(*rows, nn.Linear(256, 192)))


def _spectrogram(kit: Kit) -> Any:  # noqa: ANN401 - a module of torch
    return kit.pooled(kit.nn.Sequential(kit.nn.Conv2d(1, 64, 3), kit.residual(64, 256, 2)), 256, 256)


def _lstm(kit: Kit) -> Any:  # noqa: ANN401 - a module of torch
    return kit.module(lambda me, x: me.inner(x)[0], inner=kit.nn.LSTM(80, 256, batch_first=True))


def _sound(kit: Kit) -> Iterator[Case]:
    for bands, out in ((80, 192), (80, 256), (64, 512), (40, 256), (24, 512)):
        yield Case(f"speaker, {bands} bands, {out}", False, partial(_tdnn, kit, bands, out), (1, 200, bands), (), (1,))
    yield Case("speaker, waveform", False, partial(_wave, kit), (1, 16000), (), (1,))
    yield Case("speaker, spectrogram", False, partial(_spectrogram, kit), (1, 1, 80, 200))
    yield Case("words, LSTM", False, partial(_lstm, kit), (1, 100, 80))


def _heads(kit: Kit) -> Iterator[Case]:
    nn, face, two, three = kit.nn, picture(112), ((32, 64), (1, 1)), ((32, 64, 128), (1, 1, 1))

    def pooled(width: int, softmax: bool = False, trunk: Any = two) -> Any:  # noqa: ANN401
        return partial(lambda: kit.pooled(kit.trunk(*trunk), trunk[0][-1], width, softmax=softmax))

    for count in (10, 136, 196, 212):
        yield Case(f"landmarks, {count}", False, pooled(count, trunk=three), face, ("landmarks",))
    flat = partial(_row, kit, lambda: [kit.trunk(*three), nn.Flatten(), nn.Linear(128 * 196, 136)])
    yield Case("landmarks, 68 points, flat", False, flat, face)
    yield Case("face mesh", False, pooled(1404, trunk=three), picture(192))
    yield Case("pose of a head", False, pooled(3), _SQUARE)
    yield Case("face shape, 62", False, partial(kit.mobile, 62, act="relu", end="plain", kernel=(8, 8)), picture(120))
    yield Case("emotion", False, pooled(7, softmax=True), face, ("emotion",))
    years = partial(lambda: kit.pooled(kit.timm("resnet18", num_classes=0, global_pool=""), 512, 101, softmax=True))
    yield Case("age", False, years, _SQUARE)
    yield Case("age and gender", False, partial(kit.mobile, 3, kernel=(6, 6), end="plain"), picture(96))
    yield Case("race, gender, age", False, partial(kit.timm, "resnet34", num_classes=18), _SQUARE)
    yield Case("liveness", False, partial(kit.mobile, 3, kernel=(5, 5), end="norm"), picture(80))
    yield Case("masks worn", False, pooled(2, softmax=True), picture(128))
    many = partial(_row, kit, lambda: [kit.timm("resnet18", num_classes=40), nn.Sigmoid()])
    yield Case("40 attributes", False, many, picture(128))
    yield Case("gaze", False, pooled(2), picture(160))
    digits = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 676, 128), nn.ReLU(), nn.Linear(128, 10)]
    yield Case("digits", False, partial(_row, kit, lambda: digits), (1, 1, 28, 28))


def _sharper(kit: Kit, scale: int) -> Any:  # noqa: ANN401 - a module of torch
    nn = kit.nn
    rows = [nn.Conv2d(3, 56, 5, padding=2), nn.PReLU(56), nn.Conv2d(56, 12, 1), nn.PReLU(12)]
    rows += [part for _ in range(4) for part in (nn.Conv2d(12, 12, 3, padding=1), nn.PReLU(12))]
    return nn.Sequential(*rows, nn.Conv2d(12, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))


def _first_half(kit: Kit, side: int, hidden: int) -> Any:  # noqa: ANN401 - a module of torch
    nn, places = kit.nn, (side // 4) ** 2
    two = {"mean": nn.Linear(64 * places, hidden), "spread": nn.Linear(64 * places, hidden)}
    return kit.heads(nn.Sequential(kit.trunk((32, 64), (1, 1), act="relu"), nn.Flatten()), **two)


def _text_row(kit: Kit) -> Any:  # noqa: ANN401 - a module of torch
    trunk = kit.trunk((64, 128), (1, 1), act="relu")
    return kit.module(
        lambda me, x: me.last(me.trunk(x).mean(2).transpose(1, 2)), trunk=trunk, last=kit.nn.Linear(128, 97)
    )


def _pictures(kit: Kit) -> Iterator[Case]:
    nn, two = kit.nn, ((32, 64), (1, 1))
    for scale in (2, 3, 4):
        yield Case(f"sharper x{scale}", False, partial(_sharper, kit, scale), picture(112), (), (2, 3))
    for side, hidden in ((128, 256), (96, 128), (112, 512)):
        yield Case(f"autoencoder's first half {side}", False, partial(_first_half, kit, side, hidden), picture(side))
    back = [
        nn.Linear(256, 64 * 16),
        nn.ReLU(),
        nn.Unflatten(1, (64, 4, 4)),
        nn.ConvTranspose2d(64, 3, 4, 2, 1),
        nn.Tanh(),
    ]
    yield Case("generator", False, partial(_row, kit, lambda: back), (1, 256))
    whole = [nn.Conv2d(3, 32, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 4096, 256), *back]
    yield Case("autoencoder", False, partial(_row, kit, lambda: whole), picture(128))
    yield Case("true or made", False, lambda: kit.pooled(kit.trunk(*two), 64, 1), picture(128))
    depth = partial(_row, kit, lambda: [kit.trunk(*two, act="relu"), nn.Conv2d(64, 1, 1), nn.Upsample(scale_factor=4)])
    yield Case("depth", False, depth, picture(256))
    yield Case("text in a row", False, partial(_text_row, kit), picture(32, 100))
    words = [nn.Embedding(1000, 128), nn.TransformerEncoderLayer(128, 4, 256, batch_first=True)]
    yield Case("text, words", False, partial(_row, kit, lambda: words), (1, 16))
    yield Case("quality of a picture", False, partial(kit.timm, "resnet18", num_classes=1), _SQUARE)
    yield Case("copy detection", False, lambda: kit.unit(kit.timm("resnet50", num_classes=512)), picture(288))
    yield Case("places", False, partial(kit.timm, "densenet121", num_classes=365), _SQUARE)

"""What models are taken for: each format with each kind of network, told by structure alone."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.scan_models_tools import (
    ARCFACE_STATE,
    FULLY,
    L2,
    LOGISTIC,
    PRELU,
    RESNET_STATE,
    SOFTMAX,
    Node,
    Tensors,
    findings,
    graph_node,
    hdf5,
    keras_embedder,
    keras_head,
    keras_model,
    keras_zip,
    layer,
    manifest,
    mxnet,
    observations,
    onnx,
    onnx_embedder,
    onnx_head,
    openvino_head,
    pickled_state,
    safetensors,
    tfjs_graph,
    tfjs_layers,
    tflite_head,
    titles,
    torch_legacy,
    torch_zip,
)

from passerby.scan import Ability, Confidence, Finding, FindingKind, Rating, Weights
from passerby.scan.files import BytesFile
from passerby.scan.models.words import face_word


def one(data: bytes, name: str) -> Finding:
    found = findings(data, name)
    assert len(found) == 1, found
    return found[0]


def identifies(data: bytes, name: str) -> bool:
    return any(found.rating is Rating.IDENTIFIES for found in findings(data, name))


def test_an_embedder_is_found_with_what_shows_it() -> None:
    found = one(onnx_embedder(), "model.onnx")
    assert found.kind is FindingKind.MODEL
    assert found.title == "face embedder"
    assert found.abilities == (Ability.EMBED,)
    assert found.rating is Rating.IDENTIFIES
    assert found.confidence is Confidence.LIKELY
    assert found.weights is Weights.HELD
    assert found.digest
    (evidence,) = found.evidence
    assert evidence.path == "model.onnx"
    assert evidence.what == (
        "ONNX: input 3x112x112, one output of 512 numbers, PReLU 8 times, ends in Flatten-FC-BatchNorm"
    )


@pytest.mark.parametrize("width", [128, 160, 192, 256, 512, 1024])
@pytest.mark.parametrize("side", [96, 112, 128, 160])
def test_plain_embedders_of_all_sizes_are_found(width: int, side: int) -> None:
    assert identifies(onnx_head((1, 3, side, side), {"y": (1, width)}, pool=False), "a.onnx")
    assert identifies(tflite_head((1, side, side, 3), width, pool=False), "a.tflite")
    assert identifies(tfjs_layers(keras_embedder((None, side, side, 3), width)), "model.json")


def test_brought_to_length_1_or_not_it_is_an_embedder() -> None:
    assert identifies(tflite_head((1, 112, 112, 3), 192, L2), "a.tflite")
    assert identifies(tflite_head((1, 112, 112, 3), 192), "a.tflite")


def test_pictures_that_are_nearly_square_are_of_faces() -> None:
    assert identifies(onnx_embedder((1, 3, 112, 96)), "sphere.onnx")


@pytest.mark.parametrize("classes", [1000, 1001])
@pytest.mark.parametrize("side", [96, 112, 128, 160, 224])
def test_classifiers_of_imagenet_are_no_embedders(classes: int, side: int) -> None:
    assert titles(onnx_head((1, 3, side, side), {"y": (1, classes)}), "a.onnx") == [f"classifier of {classes} classes"]
    assert titles(tflite_head((1, side, side, 3), classes), "a.tflite") == [f"classifier of {classes} classes"]


@pytest.mark.parametrize("width", [128, 256, 512, 1001])
def test_probabilities_are_no_descriptor(width: int) -> None:
    assert not identifies(onnx_head((1, 3, 112, 112), {"y": (1, width)}, ends="Softmax"), "a.onnx")
    assert not identifies(onnx_head((1, 3, 112, 112), {"y": (1, width)}, ends="Sigmoid"), "a.onnx")
    assert not identifies(tflite_head((1, 112, 112, 3), width, SOFTMAX), "a.tflite")
    assert not identifies(tflite_head((1, 112, 112, 3), width, LOGISTIC), "a.tflite")
    assert not identifies(tfjs_layers(keras_head((None, 112, 112, 3), {"y": (width, "softmax")})), "model.json")


def test_a_network_of_224_pixels_is_a_general_embedder() -> None:
    found = one(onnx_head((1, 3, 224, 224), {"y": (1, 512)}), "clip.onnx")
    assert found.abilities == (Ability.GENERAL_EMBED,)
    assert found.rating is Rating.DOES_NOT


def test_a_face_network_of_224_pixels_is_told_by_its_ending() -> None:
    assert identifies(onnx_embedder((1, 3, 224, 224)), "a.onnx")


def test_a_tall_picture_is_of_a_person() -> None:
    found = one(onnx_head((1, 3, 256, 128), {"y": (1, 512)}), "osnet.onnx")
    assert found.abilities == (Ability.PERSON,)
    assert found.rating is Rating.DOES_NOT


@pytest.mark.parametrize(("width", "points"), [(136, 68), (212, 106), (213, 71), (1404, 468)])
def test_landmarks_are_landmarks(width: int, points: int) -> None:
    found = one(tflite_head((1, 112, 112, 3), width, pool=False), "a.tflite")
    assert found.abilities == (Ability.LANDMARKS,)
    assert f"{points} points" in found.evidence[0].what
    assert not identifies(onnx_head((1, 3, 112, 112), {"y": (1, width)}), "a.onnx")


def test_open_sizes_leave_may_be() -> None:
    found = one(onnx_embedder(("batch", 3, "height", "width"), prelus=0), "a.onnx")
    assert found.confidence is Confidence.MAY_BE
    assert found.rating is Rating.IDENTIFIES
    assert "size is left open" in found.evidence[0].what
    assert not identifies(onnx_head((None, 3, None, None), {"y": (None, 512)}), "a.onnx")


def test_a_batch_that_is_left_open_changes_nothing() -> None:
    assert identifies(onnx_embedder(("N", 3, 112, 112), given=("N", "D")), "a.onnx")


def test_one_network_can_be_several_things() -> None:
    heads = {"age": (100, "linear"), "gender": (1, "sigmoid"), "descriptor": (1024, "linear")}
    found = findings(tfjs_layers(keras_head((None, 224, 224, 3), heads)), "faceres.json")
    assert {one.title for one in found} == {"face embedder", "age estimator", "gender classifier"}
    assert [one.rating for one in found if one.title == "face embedder"] == [Rating.IDENTIFIES]


def test_the_first_half_of_an_autoencoder_is_no_embedder() -> None:
    assert not identifies(onnx_head((1, 3, 112, 112), {"mean": (1, 512), "spread": (1, 512)}, pool=False), "a.onnx")


def test_boxes_hide_no_descriptor() -> None:
    outputs = {"boxes": (1, 100, 4), "points": (1, 100, 10), "scores": (1, 100, 1), "descriptor": (1, 512)}
    found = findings(onnx_head((1, 3, 112, 112), outputs), "a.onnx")
    assert {one.title for one in found} == {"face detector", "face embedder"}


def test_attribute_heads_are_told_by_names_and_sizes() -> None:
    emotion = tflite_head((1, 64, 64, 1), 7, SOFTMAX)
    assert one(emotion, "a.tflite").abilities == (Ability.EMOTION,)
    named = onnx_head((1, 3, 224, 224), {"race_logits": (1, 7), "gender": (1, 2)})
    assert {found.abilities for found in findings(named, "a.onnx")} == {(Ability.ETHNICITY,), (Ability.GENDER,)}
    both = onnx_head((1, 3, 96, 96), {"fc1": (1, 3)})
    assert {found.abilities for found in findings(both, "b.onnx")} == {(Ability.AGE,), (Ability.GENDER,)}


@pytest.mark.parametrize("classes", [133, 196, 200, 257, 365, 525])
@pytest.mark.parametrize("side", [96, 112, 128, 160, 224])
def test_other_numbers_of_classes_are_no_descriptor(classes: int, side: int) -> None:
    assert not identifies(onnx_head((1, 3, side, side), {"y": (1, classes)}), "a.onnx")


@pytest.mark.parametrize("people", [2622, 8631, 10575])
def test_as_many_classes_as_people_of_a_training_set_may_be_a_face_network(people: int) -> None:
    found = one(onnx_head((1, 3, 224, 224), {"y": (1, people)}, ends="Softmax"), "a.onnx")
    assert found.rating is Rating.IDENTIFIES
    assert found.confidence is Confidence.MAY_BE
    assert f"{people} classes" in found.evidence[0].what
    assert identifies(safetensors({"conv.weight": (64, 3, 3, 3), "fc8.weight": (people, 4096)}), "a.safetensors")


def test_a_small_picture_is_of_a_face_where_a_known_network_takes_it() -> None:
    assert identifies(onnx_head((1, 3, 55, 47), {"y": (1, 160)}, pool=False), "a.onnx")
    assert not identifies(onnx_head((1, 3, 56, 48), {"y": (1, 160)}), "a.onnx")


def test_a_network_without_its_head_is_a_general_embedder() -> None:
    nodes = [
        Node("Conv", ("x", "w"), ("c",)),
        Node("MatMul", ("c", "m"), ("t",)),
        Node("Add", ("t", "c"), ("s",)),
        Node("LayerNormalization", ("s", "g"), ("n",)),
        Node("Gather", ("n", "i"), ("y",)),
    ]
    tensors = {"w": (192, 3, 16, 16), "m": (768, 192), "g": (192,), "i": (1,)}
    transformer = onnx({"x": (1, 3, 112, 112)}, {"y": (1, 192)}, nodes, tensors)
    pooled = onnx(
        {"x": (1, 3, 112, 112)},
        {"y": (1, 512, 1, 1)},
        [nodes[0], Node("GlobalAveragePool", ("c",), ("y",))],
        {"w": (512, 3, 3, 3)},
    )
    for data in (transformer, pooled):
        assert one(data, "a.onnx").title == "general embedder"


def test_speakers_are_speakers() -> None:
    speech = onnx(
        {"feats": ("B", "T", 80)}, {"embs": ("B", 256)}, [Node("Gemm", ("feats", "w"), ("embs",))], {"w": (256, 80)}
    )
    wave = onnx({"wave": (1, "T")}, {"embs": (1, 192)}, [Node("Gemm", ("wave", "w"), ("embs",))], {"w": (192, 80)})
    for data in (speech, wave):
        found = one(data, "a.onnx")
        assert found.title == "speaker or sound embedder"
        assert found.rating is Rating.DOES_NOT


def test_detectors_are_detectors() -> None:
    scores, boxes, points = (1, 12800, 1), (1, 12800, 4), (1, 12800, 10)
    data = onnx_head((1, 3, 640, 640), {"s": scores, "b": boxes, "k": points})
    found = one(data, "a.onnx")
    assert found.abilities == (Ability.DETECT,)
    assert found.rating is Rating.DOES_NOT


def test_a_depthwise_convolution_over_the_map_speaks_for_an_embedder() -> None:
    nodes = [
        Node("Conv", ("x", "w"), ("c",)),
        Node("Conv", ("c", "d"), ("g",), {"group": 512, "kernel_shape": (7, 7)}),
        Node("Conv", ("g", "l"), ("e",), {"kernel_shape": (1, 1)}),
        Node("BatchNormalization", ("e", "s", "s", "s", "s"), ("n",)),
        Node("Flatten", ("n",), ("y",)),
    ]
    tensors = {"w": (64, 3, 3, 3), "d": (512, 1, 7, 7), "l": (128, 512, 1, 1), "s": (128,)}
    found = one(onnx({"x": (None, 3, None, None)}, {"y": (None, 128)}, nodes, tensors), "a.onnx")
    assert found.title == "face embedder"
    assert "depthwise convolution over the whole map" in found.evidence[0].what


def test_prelus_are_counted_in_tensorflow_lite() -> None:
    found = one(tflite_head((1, 112, 112, 3), 512, PRELU, PRELU, PRELU, PRELU, PRELU, FULLY), "a.tflite")
    assert "PReLU 5 times" in found.evidence[0].what


def test_a_graph_model_of_tensorflow_js_is_followed_from_its_end() -> None:
    nodes = [
        graph_node("x", "Placeholder", shape=(-1, 112, 112, 3)),
        graph_node("w", "Const"),
        graph_node("c", "Conv2D", "x", "w"),
        graph_node("f", "Reshape", "c"),
        graph_node("fc", "Const"),
        graph_node("d", "MatMul", "f", "fc"),
        graph_node("Identity", "Identity", "d"),
    ]
    found = one(tfjs_graph(nodes, {"w": (3, 3, 3, 64), "fc": (3136, 192)}), "model.json")
    assert found.title == "face embedder"
    assert "input 3x112x112, one output of 192 numbers" in found.evidence[0].what


def test_openvino_is_read() -> None:
    found = one(openvino_head((1, 3, 112, 112), 512), "a.xml")
    assert found.title == "face embedder"
    assert found.evidence[0].what == "OpenVINO: input 3x112x112, one output of 512 numbers, ends in Flatten-FC"
    assert not identifies(openvino_head((1, 3, 112, 112), 512, "SoftMax"), "a.xml")
    assert titles(openvino_head((1, 3, 224, 224), 1000), "a.xml") == ["classifier of 1000 classes"]
    assert findings(b"<project><net name='x'/></project>" + b" " * 100, "pom.xml") == []


def test_symbols_of_mxnet_are_read() -> None:
    found = one(mxnet(), "model-symbol.json")
    assert found.title == "face embedder"
    assert "Flatten-FC-BatchNorm" in found.evidence[0].what


def test_keras_files_are_read() -> None:
    head = keras_head((None, 224, 224, 3), {"y": (1000, "softmax")})
    for name, write in (("a.h5", lambda model: hdf5({"c/w": (3, 3, 3, 64)}, model)), ("a.keras", keras_zip)):
        assert titles(write(keras_embedder()), name) == ["face embedder"]
        assert titles(write(head), name) == ["classifier of 1000 classes"]


def test_weights_of_keras_alone_are_judged_by_shapes() -> None:
    tensors = {"c/kernel:0": (3, 3, 3, 64), "d/kernel:0": (3, 3, 64, 512), "fc/kernel:0": (25088, 512)}
    assert titles(hdf5(tensors), "a.h5") == ["face embedder"]
    assert findings(hdf5({"table/rows": (10_000, 512)}), "rows.h5") == []


def test_layers_in_layers_are_joined() -> None:
    inner = keras_model(
        [layer("InputLayer", "i", batch_input_shape=[None, 112, 112, 3]), layer("Conv2D", "c", "i", filters=64)], ["c"]
    )
    layers = [layer("InputLayer", "x", batch_input_shape=[None, 112, 112, 3])]
    layers.append({**inner, "name": "trunk", "inbound_nodes": [[["x", 0, 0, {}]]]})
    layers += [
        layer("Flatten", "f", "trunk"),
        layer("Dense", "d", "f", units=512),
        layer("BatchNormalization", "y", "d"),
    ]
    found = one(tfjs_layers(keras_model(layers, ["y"])), "model.json")
    assert found.evidence[0].what == (
        "TensorFlow.js layers model: input 3x112x112, one output of 512 numbers, ends in Flatten-FC-BatchNorm"
    )


@pytest.mark.parametrize("name", ["model.bin", "weights", "assets.dat"])
def test_a_model_by_another_name_is_one(name: str) -> None:
    for data in (onnx_embedder(), tflite_head((1, 112, 112, 3), 512, pool=False), torch_zip(ARCFACE_STATE)):
        assert titles(data, name) == ["face embedder"]


def test_what_lies_in_a_model_is_not_counted_again() -> None:
    assert observations(BytesFile(pickled_state(ARCFACE_STATE), "a.pt!/archive/data.pkl")) == []
    assert observations(BytesFile(pickled_state(ARCFACE_STATE), "a.zip!/archive/data.pkl")) != []


Writer = Callable[[Tensors], bytes]
STATES: list[tuple[str, Writer]] = [
    ("a.safetensors", safetensors),
    ("a.pt", torch_zip),
    ("a.pth", torch_legacy),
]


@pytest.mark.parametrize(("name", "write"), STATES, ids=[name for name, _ in STATES])
def test_trained_numbers_without_a_graph_are_judged_by_keys_and_shapes(name: str, write: Writer) -> None:
    found = one(write(ARCFACE_STATE), name)
    assert found.title == "face embedder"
    assert "Flatten-FC-BatchNorm" in found.evidence[0].what
    assert "PReLU 8 times" in found.evidence[0].what
    assert titles(write(RESNET_STATE), name) == ["classifier of 1000 classes"]


STEM = {"conv1.weight": (64, 3, 7, 7), "layer4.conv.weight": (512, 256, 3, 3)}


@pytest.mark.parametrize(
    ("tensors", "taken"),
    [
        ({"last_linear.weight": (512, 1792), "last_bn.running_mean": (512,)}, True),
        ({"fc.weight": (512, 512), "fc.bias": (512,)}, True),
        ({"0.fc.weight": (256, 512), "0.fc.bias": (256,), "1.running_mean": (256,)}, True),
        ({"dw.weight": (512, 1, 7, 7), "l.weight": (128, 512, 1, 1), "p.prelu.weight": (64,)}, False),
        ({"fc.weight": (200, 512)}, False),
        ({"fc.0.weight": (512, 512), "fc.1.running_mean": (512,), "classifier.weight": (751, 512)}, False),
        ({"mean.weight": (256, 512), "spread.weight": (256, 512)}, False),
        ({"attn.qkv.weight": (1536, 512), "head.weight": (512, 512)}, False),
        ({"fc.weight": (512, 512), "logit_scale": (1,), "token_embedding.weight": (49408, 512)}, False),
        ({"fc1.weight": (512, 25088), "fc2.weight": (10, 512)}, False),
        ({"fc.weight": (512, 25088), "logits.weight": (8631, 512)}, True),
        ({"classif.weight": (512, 1536), "classif.bias": (512,)}, True),
        ({"2.weight": (1024, 4608), "5.weight": (512, 1024), "5.bias": (512,)}, True),
        ({"2.weight": (1024, 4608), "5.weight": (512, 1024), "8.weight": (10, 512)}, False),
        ({"time.1.weight": (512, 128), "time.3.weight": (512, 512)}, False),
        ({"gate.a.weight": (32, 512), "gate.b.weight": (512, 32)}, False),
        ({"attn.qkv.weight": (1536, 512), "0.head.weight": (512, 512), "0.head.bias": (512,), "1.running_mean": (512,)}, True),
    ],
)  # fmt: skip
def test_ends_of_networks_that_are_weights_alone(tensors: Tensors, *, taken: bool) -> None:
    assert identifies(safetensors({**STEM, **tensors}), "a.safetensors") is taken
    assert identifies(torch_zip({**STEM, **tensors}), "a.pt") is taken


@pytest.mark.parametrize(
    ("patch", "places", "taken"), [(8, 197, True), (8, 196, True), (16, 197, False), (14, 1370, False)]
)
def test_a_transformer_tells_the_size_of_its_pictures(patch: int, places: int, *, taken: bool) -> None:
    tensors = {
        "pos_embed": (1, places, 192),
        "patch_embed.proj.weight": (192, 3, patch, patch),
        "attn.qkv.weight": (576, 192),
        "head.weight": (512, 192),
        "norm.running_mean": (512,),
        "feature.0.weight": (512, 192 * 196),
        "feature.1.running_mean": (512,),
    }
    assert identifies(safetensors(tensors), "a.safetensors") is taken


def test_the_shape_of_the_last_map_tells_a_body_from_a_face() -> None:
    end = {"l.weight": (256, 512), "n.running_mean": (256,)}
    for kernel, title in (((7, 6), "face embedder"), ((10, 4), "person re-identification network")):
        tensors = {**STEM, "dw.weight": (512, 1, *kernel), **end}
        assert titles(safetensors(tensors), "a.safetensors") == [title]


def test_a_pooled_map_is_not_taken_for_a_whole_one() -> None:
    tensors = {**STEM, "layer4.conv3.weight": (2048, 512, 1, 1), "conv2.weight": (128, 64, 3, 3)}
    pooled = one(safetensors({**tensors, "fc.weight": (512, 2048)}), "a.safetensors")
    assert "Flatten" not in pooled.evidence[0].what
    assert titles(safetensors({**tensors, "fc.weight": (192, 2048)}), "a.safetensors") == ["classifier of 192 classes"]


def test_a_manifest_of_weights_alone_is_judged() -> None:
    tensors = {
        "conv32_down/conv/filters": (7, 7, 3, 32),
        "conv32_1/conv1/conv/filters": (3, 3, 32, 32),
        "fc": (256, 128),
    }
    assert titles(json.dumps(manifest(tensors)).encode(), "face_recognition_model-weights_manifest.json") == [
        "face embedder"
    ]


def test_other_json_files_are_not_asked_for() -> None:
    assert (
        findings(b'{"name": "typeface", "version": "1.0.0", "scripts": {"test": "node test.js --all"}}', "package.json")
        == []
    )


def test_dlib_files_say_what_they_were_trained_for() -> None:
    pad = b"\0" * 100
    metric = one(b"\x01\x01\x0eloss_metric_2\x01" + pad, "dlib_resnet.dat")
    assert metric.abilities == (Ability.EMBED,)
    assert metric.rating is Rating.IDENTIFIES
    assert one(b"\x01\x01\x0closs_mmod_3\x01" + pad, "cnn.dat").abilities == (Ability.DETECT,)
    assert one(b"\x01\x01\x14loss_multiclass_log_\x01" + pad, "gender.dat").abilities == ()
    assert one(b"\x01\x01\x81\x88\x81\x01" + pad, "sp68.dat").abilities == (Ability.LANDMARKS,)
    assert findings(b"plain table of numbers" + pad, "table.dat") == []


def test_words_are_whole() -> None:
    assert face_word(["typeface-embed-react", "surface", "interface"]) == ""
    assert face_word(["backbones.iresnet"]) == "iresnet"

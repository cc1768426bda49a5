"""What joins a recogniser to streams: configuration of video systems, pipelines, and cameras by themselves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.scan.catalogue import read_catalogue
from passerby.scan.files import BytesFile
from passerby.scan.values import Ability, Confidence, Finding, FindingKind, Rating, Unread
from passerby.scan.wiring import faces_in_onvif, read_configuration

FRIGATE = """
mqtt: {host: broker}
face_recognition:
  enabled: true
cameras:
  hall:
    ffmpeg:
      inputs:
        - path: rtsp://admin:s3cret-Pass@192.0.2.7:554/main
  yard:
    ffmpeg: {inputs: [{path: "rtsp://admin:s3cret-Pass@192.0.2.8/main"}]}
  shed:
    enabled: false
    ffmpeg: {inputs: []}
  door:
    ffmpeg: {inputs: []}
    face_recognition: {enabled: False}
"""
SYSTEMS = {
    "frigate.yml": (FRIGATE, "frigate", 2),
    "double-take.yml": (
        ("mqtt: {host: x}\nfrigate:\n  url: http://frigate:5000\n  cameras: [hall, yard]\n"
        "detectors:\n  compreface: {url: 'http://x:8000', key: 5ecret}\n"),
        "double-take",
        2,
    ),
    "viseron.yaml": (
        "ffmpeg: {camera: {a: {host: x}}}\ndlib:\n  face_recognition:\n    cameras:\n      a:\n      b:\n      c:\n",
        "viseron",
        3,
    ),
    "configuration.yaml": (
        ("image_processing:\n  - platform: dlib_face_identify\n    source:\n      - entity_id: camera.door\n    faces:\n"
        "      Somebody: /config/a.jpg\n"),
        "dlib",
        1,
    ),
    "docker-compose.yml": (
        "services:\n  a:\n    image: deepquestai/deepstack:latest\n    environment:\n      - VISION-FACE=True\n",
        "deepstack",
        None,
    ),
    "compose.yaml": ("services:\n  core:\n    image: ${registry}exadel/compreface-core:1.2.0\n", "compreface", None),
    "modulesettings.json": ('{"Modules": {"FaceProcessing": {"LaunchSettings": {"AutoStart": true}}}}', "codeproject-ai", None),
    "conf.json": ('{"plug": "Face", "host": "localhost", "port": 8080, "mode": "client", "key": "5ecret"}', "shinobi", None),
    "objectconfig.yml": (
        ("ml_sequence:\n  general: {model_sequence: 'object,face'}\n  face:\n    sequence:\n"
        "      - {face_recognition_framework: dlib, known_images_path: /var/x}\n"),
        "zoneminder-hooks",
        None,
    ),
    "objectconfig.ini": ("[general]\ndetection_sequence=object,face\n[face]\nknown_images_path=/x\n", "zoneminder-hooks", None),
    "mediamtx.yml": ("paths:\n  hall:\n    runOnReady: python /x/face_recognition.py\n  yard: {source: rtsp://x}\n", "", 1),
    "start.sh": (
        ("gst-launch-1.0 urisourcebin uri=rtsp://u:s3cret-Pass@h/1 ! gvadetect model=face-detection-adas-0001.xml \\\n"
        " ! gvainference model=/m/face-reidentification-retail-0095.xml ! fakesink\n"),
        "open-model-zoo-recognisers",
        1,
    ),
    "pipeline.json": (
        ('{"template": ["uridecodebin ! gvadetect model={models[face][1]} ",'
        ' "! gvaclassify model={models[face-reidentification][1][network]} ! fakesink"]}'),
        "",
        None,
    ),
    "app.txt": (
        ("[source0]\nenable=1\nuri=rtsp://u:s3cret-Pass@h/1\n[source1]\nenable=0\n[source2]\nnum-sources=3\n"
        "[secondary-gie0]\nenable=1\nconfig-file=config_arcface.txt\n"),
        "",
        4,
    ),
    "second.txt": ("[property]\nprocess-mode=2\nnetwork-type=100\nonnx-file=w600k_r50.onnx\n", "insightface", None),
    "module.yml": (
        ("pipeline:\n  elements:\n    - element: nvinfer@detector\n      model: {model_file: yolov8face.onnx}\n"
        "    - element: nvinfer@attribute_model\n      name: x\n      model: {model_file: adaface_ir50_webface4m_90fb.onnx}\n"),
        "",
        None,
    ),
}  # fmt: skip


def findings(text: str, name: str) -> list[Finding]:
    found = list(read_configuration(BytesFile(text.encode(), f"etc/{name}")))
    assert all(isinstance(one, Finding) and one.kind is FindingKind.WIRING for one in found), found
    return [one for one in found if isinstance(one, Finding)]


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_recogniser_that_is_joined_to_streams_is_found_with_their_number(name: str) -> None:
    text, component, streams = SYSTEMS[name]
    found = [one for one in findings(text, name) if one.rating is Rating.IDENTIFIES]
    assert [one.component for one in found] == [component]
    said = found[0].evidence[0].what
    assert ("stream" in said) == (streams is not None), said
    assert streams is None or f"joined to {streams} stream" in said


@pytest.mark.parametrize("name", SYSTEMS)
def test_nothing_secret_is_repeated(name: str) -> None:
    for one in findings(SYSTEMS[name][0], name):
        for secret in ("s3cret", "5ecret", "192.0.2", "Somebody", "/config/", "rtsp:", "admin"):
            assert secret not in repr(one)


OFF = {
    "frigate.yml": (FRIGATE.replace("enabled: true", "enabled: false"), "frigate"),
    "bare.yml": (FRIGATE.replace("face_recognition:\n  enabled: true\n", "", 1), "frigate"),
    "objectconfig.ini": ("[general]\ndetection_sequence=object\n[face]\nknown_images_path=/x\n", "zoneminder-hooks"),
    "second.txt": ("[property]\nprocess-mode=2\nnetwork-type=100\nonnx-file=x.onnx\noutput-tensor-meta=1\n", ""),
}


@pytest.mark.parametrize("name", OFF)
def test_what_is_there_and_off_can_and_does_not(name: str) -> None:
    text, component = OFF[name]
    (found,) = findings(text, name)
    assert (found.component, found.rating) == (component, Rating.CAN)
    assert "not turned on" in found.note


DETECTING = {
    "configuration.yaml": "image_processing:\n  - platform: dlib_face_detect\n    source: [{entity_id: camera.a}]\n",
    "only.yaml": "image_processing:\n  - platform: deepstack_face\n    detect_only: true\n    source: [{entity_id: camera.a}]\n",
    "a.sh": "gst-launch-1.0 v4l2src ! gvaclassify model=x/age-gender-recognition-retail-0013.xml ! fakesink\n",
}


@pytest.mark.parametrize("name", DETECTING)
def test_what_only_detects_or_estimates_does_not_identify(name: str) -> None:
    assert {one.rating for one in findings(DETECTING[name], name)} == {Rating.DOES_NOT}


INNOCENT = {
    "interfaces.yaml": "interface: eth0\nffmpeg: {a: b}\ncameras: [a, b]\nuser_faces: 3\n",
    "frigate.yml": "# face_recognition: {enabled: true}\ndetectors: {cpu1: {type: cpu}}\n",
    "compose.yml": "services:\n  a:\n    image: deepquestai/deepstack\n    environment: [VISION-DETECTION=True]\n",
    "other.yml": "services:\n  a: {image: example/face_recognition}\n# VISION-FACE=True\n",
    "a.sh": "# gvainference model=face-reidentification-retail-0095\necho gvadetect model=face-detection.xml\n",
    "b.txt": "face_recognition and compreface are libraries. gvainference is an element.\n",
    "c.txt": "[property]\nprocess-mode=1\nonnx-file=arcface.onnx\n",
    "d.txt": "[property]\nprocess-mode=2\nonnx-file=facenet.etlt\nnetwork-type=0\n",
    "e.json": '{"plug": "OpenALPR", "host": "x", "port": 1}',
    "mediamtx.yml": "paths:\n  a:\n    runOnReady: ffmpeg -i rtsp://x -c copy interface.mp4\n",
    "detectors.yaml": "detectors:\n  compreface_like: 1\n",
}


@pytest.mark.parametrize("name", INNOCENT)
def test_words_in_configuration_are_nothing(name: str) -> None:
    assert findings(INNOCENT[name], name) == []


def test_broken_configuration_that_names_faces_and_cameras_is_named() -> None:
    (unread,) = read_configuration(BytesFile(b"cameras: [face_recognition: {\n", "a.yml"))
    assert isinstance(unread, Unread)


WORDS = """cameras: face_recognition: {enabled: true} - { } [ ] : &a *a ffmpeg = [property] process-mode=2 gvainference
model=arcface ! detectors: {compreface: 1} mqtt: image_processing: platform: facebox paths: {a: {runOnReady: deepface}}
services: {a: {image: 3}}
VISION-FACE"""
TOKENS = st.lists(st.sampled_from(["\n", "  ", " ", "\x00", *WORDS.split()]), max_size=40)


@settings(max_examples=100, deadline=None)
@given(TOKENS, st.sampled_from(["a.yml", "a.json", "a.txt", "a.ini", "a.sh", "a.py"]))
def test_no_text_makes_a_reader_raise(tokens: list[str], name: str) -> None:
    list(read_configuration(BytesFile("".join(tokens).encode(), name)))


@pytest.mark.parametrize(
    ("modules", "rules", "topics"),
    [
        (["tt:FaceRecognition"], [], []),
        ([], ["tt:FaceRecognition"], []),
        ([], [], ["tns1:RuleEngine/Recognition/Face"]),
        ([], ["hikxsd:FaceLibraryMatch"], []),
        ([], [], ["tnsaxis:CameraApplicationPlatform/FaceRecognizer"]),
        ([], [], ["tns1:RuleEngine/MyRuleDetector/FaceComparison"]),
    ],
)
def test_a_camera_that_names_recognition_recognises(modules: list[str], rules: list[str], topics: list[str]) -> None:
    (found,) = faces_in_onvif(modules, rules, topics, read_catalogue())
    assert (found.kind, found.rating, found.abilities) == (FindingKind.CAMERA, Rating.IDENTIFIES, (Ability.SEARCH,))
    standard = "FaceRecognition" in str(modules + rules) or "Recognition/Face" in str(topics)
    assert (found.confidence is Confidence.CERTAIN) == standard


@pytest.mark.parametrize("topic", ["tns1:RuleEngine/FaceDetector/Face", "tns1:RuleEngine/MyRuleDetector/FaceDetect"])
def test_a_camera_that_names_faces_detects(topic: str) -> None:
    (found,) = faces_in_onvif([], [], [topic], read_catalogue())
    assert (found.rating, found.abilities) == (Rating.DOES_NOT, (Ability.DETECT,))


def test_a_camera_that_names_neither_says_nothing() -> None:
    names = [
        "tt:CellMotionEngine",
        "tt:LineDetector",
        "tt:LicensePlateRecognition",
        "tt:UserInterface",
        "tt:SurfaceChange",
    ]
    topics = [
        "tns1:VideoSource/MotionAlarm",
        "tns1:RuleEngine/Recognition/LicensePlate",
        "tns1:Device/Interface/Changed",
    ]
    assert faces_in_onvif(names, names, topics, read_catalogue()) == ()
    assert len(faces_in_onvif(["tt:FaceRecognition\x1b[2J"], [], [], read_catalogue())) == 1


@given(st.lists(st.text(max_size=30), max_size=5), st.lists(st.text(max_size=30), max_size=5))
def test_no_name_of_a_camera_makes_it_raise(names: list[str], topics: list[str]) -> None:
    for one in faces_in_onvif(names, names, topics, read_catalogue()):
        assert all(part.what.isprintable() for part in one.evidence)

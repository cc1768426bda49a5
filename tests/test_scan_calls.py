"""Source code is judged by what it imports and calls, never by words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.scan.calls import Prefilter, read_source
from passerby.scan.catalogue import read_catalogue
from passerby.scan.files import BytesFile
from passerby.scan.values import Ability, Confidence, Finding, FindingKind, Rating, Unread

PREFILTER = Prefilter(read_catalogue())


def findings(text: str | bytes, name: str = "app.py") -> dict[str, Finding]:
    data = text if isinstance(text, bytes) else text.encode()
    found = list(read_source(BytesFile(data, f"shop/{name}"), PREFILTER))
    assert all(isinstance(one, Finding) and one.kind is FindingKind.CALL for one in found), found
    return {one.component: one for one in found if isinstance(one, Finding)}


def identifying(text: str | bytes, name: str = "app.py") -> set[str]:
    return {one.component for one in findings(text, name).values() if one.rating is Rating.IDENTIFIES}


SEARCHES = {
    "its own name": "import face_recognition\nface_recognition.compare_faces(known, face)\n",
    "an alias": "import face_recognition as fr\n\ndef same(a, b):\n    return fr.compare_faces([a], b)\n",
    "a name taken out": "from face_recognition import compare_faces as same\nprint(same([a], b))\n",
    "a name handed on": "import face_recognition as fr\nlist(map(fr.face_encodings, pictures))\n",
    "imported by a call": "import importlib\nfr = importlib.import_module('face_recognition')\nfr.face_distance(a, b)\n",
    "asked for by a word": "import face_recognition as fr\ngetattr(fr, 'compare_faces')(a, b)\n",
    "broken further down": "import face_recognition as fr\nfr.compare_faces(a, b)\nprint 'Python 2'\ndef (:\n",
    "windows text": "\ufeffimport face_recognition as fr\r\nfr.compare_faces(a, b)\r\n".encode("utf-16"),
}


@pytest.mark.parametrize("code", SEARCHES.values(), ids=SEARCHES)
def test_python_that_compares_is_found_however_it_says_so(code: str) -> None:
    found = findings(code)["face-recognition"]
    assert (found.rating, found.confidence) == (Rating.IDENTIFIES, Confidence.CERTAIN)
    assert found.evidence[0].path == found.path == "shop/app.py"
    assert found.evidence[0].line == 1 or "importlib" in code


def test_what_a_call_does_is_said_with_its_line() -> None:
    found = findings("import face_recognition as fr\n\nx = fr.face_encodings(y)\n")["face-recognition"]
    assert [(one.line, one.what) for one in found.evidence] == [
        (1, "imports face_recognition"),
        (3, "calls face_recognition.face_encodings"),
    ]
    assert found.abilities == (Ability.EMBED,)


INNOCENT = {
    "a comment": "# face_recognition.compare_faces(a, b)\nx = 1\n",
    "a docstring": '"""Like face_recognition.compare_faces, or insightface."""\n',
    "a text": "print('import face_recognition')\nlog('insightface is not installed')\n",
    "a variable": "face_recognition = load()\nface_recognition.compare_faces(a)\ninsightface = 3\n",
    "an own module": "from .face_recognition import compare_faces\nfrom . import insightface\ncompare_faces(a, b)\n",
    "a longer name": "import face_recognition_of_dogs\nimport interface\nimport typeface_embed_react\n",
    "a method of somebody else's": "import face\nface.compare_faces(a, b)\nself.search_faces_by_image(x)\n",
    "pictures by cv2": "import cv2\ncv2.imread('a.png')\ncv2.VideoCapture(0).read()\n",
    "another service": "import boto3\nboto3.client('s3').search_faces_by_image(x)\nboto3.client('sts')\n",
    "a short word": "import feat\nimport clip\nfeat.build()\n",
}


@pytest.mark.parametrize("code", INNOCENT.values(), ids=INNOCENT)
def test_words_alone_are_nothing(code: str) -> None:
    assert findings(code) == {}


def test_an_import_alone_says_what_the_library_can() -> None:
    found = findings("import insightface\n", "tests/test_old.py")["insightface"]
    assert (found.rating, found.confidence) == (Rating.IDENTIFIES, Confidence.LIKELY)
    assert found.abilities == read_catalogue().components["insightface"].abilities
    assert "no call" in found.note
    assert found.path == "shop/tests/test_old.py"


def test_calls_that_only_detect_are_detection() -> None:
    found = findings("import face_recognition\nface_recognition.face_locations(x)\n")["face-recognition"]
    assert (found.rating, found.abilities) == (Rating.DOES_NOT, (Ability.DETECT,))
    found = findings("from deepface import DeepFace\nDeepFace.extract_faces(x)\n")["deepface"]
    assert (found.rating, found.confidence) == (Rating.DOES_NOT, Confidence.CERTAIN)
    found = findings("from deepface import DeepFace\nDeepFace.analyze(x)\n")["deepface"]
    assert found.rating is Rating.DOES_NOT
    assert Ability.EMOTION in found.abilities
    assert Ability.SEARCH not in found.abilities
    assert findings("import cv2\ncv2.CascadeClassifier('a.xml')\n")["opencv"].rating is Rating.DOES_NOT


@pytest.mark.parametrize(
    "call",
    ["cv2.FaceRecognizerSF.create(a, b)", "cv2.FaceRecognizerSF_create(a, b)", "cv2.face.LBPHFaceRecognizer_create()"],
)
def test_the_recognisers_of_opencv_count_where_they_are_called(call: str) -> None:
    assert identifying(f"import cv2\nr = {call}\n") & {"opencv", "opencv-contrib"}
    assert identifying(f"import cv2\n# {call}\n") == set()


CLIENTS = {
    "at once": "import boto3\nboto3.client('rekognition').search_faces_by_image(CollectionId='x')\n",
    "kept": "import boto3\nrek = boto3.client(service_name='rekognition')\nrek.index_faces()\n",
    "of a session": "from boto3 import Session\ns = Session()\nc = s.client('rekognition', 'eu-west-1')\nc.compare_faces()\n",
    "in an object": (
        "import boto3\nclass A:\n  def go(self):\n    return self.rek.search_faces()\n"
        "  def __init__(self):\n    self.rek = boto3.client('rekognition')\n"
    ),
    "named before": "import boto3\nNAME = 'rekognition'\nc = boto3.client(NAME)\nc.search_users()\n",
    "without waiting": (
        "import aioboto3\nasync def go():\n  async with aioboto3.Session().client('rekognition') as c:\n"
        "    await c.search_faces_by_image()\n"
    ),
}


@pytest.mark.parametrize("code", CLIENTS.values(), ids=CLIENTS)
def test_a_client_is_followed_from_where_it_is_made(code: str) -> None:
    assert findings(code)["rekognition"].confidence is Confidence.CERTAIN
    assert identifying(code) == {"rekognition"}


def test_two_clients_of_one_name_are_told_apart() -> None:
    code = (
        "import boto3\nclass A:\n  def __init__(self):\n    self.c = boto3.client('rekognition')\n"
        "  def a(self):\n    self.c.detect_faces()\nclass B:\n  def __init__(self):\n    self.c = boto3.client('s3')\n"
        "  def b(self):\n    self.c.compare_faces()\n"
    )
    assert findings(code)["rekognition"].rating is Rating.DOES_NOT


SCRIPTS = {
    "named.ts": "import { SearchFacesByImageCommand as S } from '@aws-sdk/client-rekognition';\nnew S({});\n",
    "star.mjs": "import * as r from '@aws-sdk/client-rekognition';\nnew r.CompareFacesCommand(<any>x);\n",
    "required.js": "const { FaceMatcher } = require('face-api.js');\nnew FaceMatcher(x);\n",
    "compiled.js": "const f = __importStar(require('@vladmandic/face-api'));\nf.nets.faceRecognitionNet.load(x);\n",
    "late.js": "import('face-api.js').then((fa) => fa.detectAllFaces(v).withFaceDescriptors());\n",
    "awaited.tsx": "const fa = await import(`face-api.js`);\nconst x = <p>{fa.computeFaceDescriptor(y)}</p>;\n",
    "old.js": "const AWS = require('aws-sdk');\nconst c = new AWS.Rekognition();\nc.searchFacesByImage({}, done);\n",
    "network.js": "import * as fa from 'https://cdn.jsdelivr.net/npm/face-api.js@0.22.2/+esm';\nnew fa.FaceMatcher(x);\n",
    "given.ts": (
        "import { Rekognition } from '@aws-sdk/client-rekognition';\n"
        "class A { constructor(private readonly c: Rekognition) {}\n go() { return this.c.searchFacesByImage({}); } }\n"
    ),
    "part.vue": (
        "<template><p>face-api.js</p></template>\n<script lang='ts'>\nimport * as fa from 'face-api.js'\n"
        "export default { async m() { return new fa.FaceMatcher(1) } }\n</script>\n"
    ),
    "part.svelte": "<script>\n  import { FaceMatcher } from 'face-api.js';\n  new FaceMatcher(1);\n</script>\n<p/>\n",
    "page.html": (
        "<script src='js/face-api.min.js'></script>\n<script>\nfaceapi.nets.faceRecognitionNet.loadFromUri('/m')\n</script>"
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_that_identify_are_found_however_they_say_so(name: str) -> None:
    assert len(identifying(SCRIPTS[name], name)) == 1
    assert {one.confidence for one in findings(SCRIPTS[name], name).values()} == {Confidence.CERTAIN}


INNOCENT_SCRIPTS = {
    "comment.js": "// require('face-api.js')\n/* new FaceMatcher() */\n",
    "text.ts": "const x = 'face-api.js'; console.log(`install face-api.js`);\n",
    "own.js": "import { FaceMatcher } from './face-api.js';\nimport x from '../human';\nnew FaceMatcher(x);\n",
    "longer.js": "import x from 'typeface-embed-react'; require('aws-nsm-interface-verifiably');\n",
    "variable.jsx": "const faceRecognition = 1; const human = <Human/>; human.match.find();\n",
    "other.ts": "import { S3Client } from '@aws-sdk/client-s3'; new S3Client().send(new ListObjectsCommand());\n",
    "prose.html": "<p>We do not use face-api.js or faceapi.FaceMatcher.</p><!-- <script src='face-api.min.js'> -->",
    "types.d.ts": "import { FaceMatcher } from 'face-api.js';\n",
}


@pytest.mark.parametrize("name", INNOCENT_SCRIPTS)
def test_words_in_scripts_are_nothing(name: str) -> None:
    assert findings(INNOCENT_SCRIPTS[name], name) == {}


def test_scripts_that_detect_are_detection() -> None:
    code = "import { DetectFacesCommand } from '@aws-sdk/client-rekognition';\nnew DetectFacesCommand({});\n"
    assert findings(code, "a.ts")["rekognition"].rating is Rating.DOES_NOT


def notebook(*cells: tuple[str, str]) -> bytes:
    return json.dumps(
        {"nbformat": 4, "cells": [{"cell_type": kind, "source": text.splitlines(True)} for kind, text in cells]}
    ).encode()


def test_code_cells_of_notebooks_are_read_and_prose_is_not() -> None:
    code = "!pip install insightface\n%matplotlib inline\nfrom insightface.app import FaceAnalysis\nFaceAnalysis()"
    assert identifying(notebook(("markdown", "# x"), ("code", code)), "a.ipynb") == {"insightface"}
    assert identifying(notebook(("markdown", code), ("raw", code)), "a.ipynb") == set()


def test_a_service_is_known_by_its_address() -> None:
    code = "import requests\nrequests.post(f'https://{NAME}.cognitiveservices.azure.com/face/v1.0/identify', json=x)\n"
    assert identifying(code) == {"azure-face"}
    assert identifying("URL = 'https://x.cognitiveservices.azure.com/text/analytics/v3.0/sentiment'\n") == set()
    assert identifying("fetch('https://api-us.faceplusplus.com/facepp/v3/search')\n", "a.js") == {"facepp"}
    assert identifying("# https://api-us.faceplusplus.com/facepp/v3/search\n") == set()
    assert identifying("x = 'https://api-us.faceplusplus.com.example.org/'\n") == set()


def test_addresses_of_weights_that_only_recognisers_have_are_found() -> None:
    code = "URL = 'https://host.example/releases/v1/{}'\nfetch(URL)\n"
    (found,) = read_source(BytesFile(code.format("my_arcface_r100.onnx").encode(), "a.py"), PREFILTER)
    assert isinstance(found, Finding)
    assert (found.rating, found.weights.value, found.abilities) == (Rating.IDENTIFIES, "fetched", (Ability.EMBED,))
    assert found.evidence[0].what == "fetches the weights my_arcface_r100.onnx"
    for name in (
        "retinaface.h5",
        "arcface.html",
        "surface_v1.onnx",
        "face_detection_yunet.onnx",
        "face_landmarker.task",
    ):
        assert findings(code.format(name)) == {}
    assert findings("# https://host.example/arcface_r100.onnx\nx = 'see arcface_r100.onnx'\n") == {}


def test_permissions_in_code_are_told_apart() -> None:
    code = "PolicyStatement(actions=['rekognition:{}', 's3:GetObject'], resources=['*'])\n"
    assert identifying(code.replace("{}", "SearchFacesByImage")) == {"rekognition"}
    assert identifying(code.replace("{}", "Search*")) == {"rekognition"}
    assert identifying(code.replace("{}", "DetectFaces")) == set()


def test_what_is_too_long_for_a_tree_is_named_where_it_could_hide_something() -> None:
    long = "x = 1\n" * 200_000
    assert list(read_source(BytesFile(long.encode(), "a.py"), PREFILTER)) == []
    (unread,) = read_source(BytesFile((long + "import insightface\n").encode(), "a.py"), PREFILTER)
    assert isinstance(unread, Unread)
    assert "InsightFace" in unread.reason
    (unread,) = read_source(BytesFile(b'{"cells": "insightface', "a.ipynb"), PREFILTER)
    assert isinstance(unread, Unread)


BUILT = (
    "!function(e){var t=e;t.a.computeFaceDescriptor(x),t.withFaceDescriptors(y),r.faceRecognitionNet.load(z)}(window);"
)


def test_scripts_that_hold_a_recogniser_are_found_without_an_import() -> None:
    found = findings(BUILT, "app.min.js")["face-api-js"]
    assert (found.rating, found.confidence) == (Rating.IDENTIFIES, Confidence.LIKELY)
    assert findings(BUILT.replace("computeFaceDescriptor", "a").replace("withFaceDescriptors", "b"), "app.min.js") == {}
    unread, *rest = read_source(BytesFile(("x();" * 300_000 + BUILT).encode(), "big.js"), PREFILTER)
    assert isinstance(unread, Unread)
    assert "face-api-js" in {one.component for one in rest if isinstance(one, Finding)}


def test_what_decides_is_shown_before_what_does_not() -> None:
    code = "import face_recognition as f\n" + "f.face_locations(x)\n" * 50 + "f.compare_faces(x)\n"
    found = findings(code)["face-recognition"]
    assert len(found.evidence) == 12
    assert found.evidence[-1].what == "calls face_recognition.compare_faces"


def test_code_that_would_take_a_gigabyte_is_named_and_not_parsed() -> None:
    for sign in ("a<", "f(", "[", "{a:"):
        for name in ("a.py", "a.tsx"):
            code = f"import insightface\nx('face-api.js')\n{sign * 70_000}"
            (unread,) = read_source(BytesFile(code.encode(), name), PREFILTER)
            assert isinstance(unread, Unread)
            assert "densely" in unread.reason


def test_deep_code_is_read() -> None:
    for code in ("(" * 50_000, "f(" * 50_000, "a" + ".b()" * 2_000, "[" * 20_000 + "]" * 20_000):
        for name in ("a.py", "a.ts"):
            list(read_source(BytesFile(f"{code}\nimport insightface; face_recognition\n".encode(), name), PREFILTER))


WORDS = r"""import from as ( ) [ ] { } . , ; : = ' " ` ${ <script> </script> face_recognition insightface cv2 boto3
rekognition require client await new => class def self.x compare_faces FaceMatcher face-api.js # // /* */"""
TOKENS = st.lists(st.sampled_from(["\n", "\x00", "\ufeff", "\ud800", *WORDS.split()]), max_size=40)


@settings(max_examples=60, deadline=None)
@given(
    TOKENS,
    st.sampled_from(
        ["a.py", "a.ts", "a.js", "a.vue", "a.ipynb", "a.html", "A.java", "a.cpp", "a.go", "a.rb", "a.sh", "a.cs"]
    ),
)
def test_no_text_makes_a_reader_raise(tokens: list[str], name: str) -> None:
    list(read_source(BytesFile(" ".join(tokens).encode("utf-8", "surrogatepass"), name), PREFILTER))


OTHERS = {
    "A.java": (
        "package a;\nimport software.amazon.awssdk.services.rekognition.RekognitionClient;\n"
        "class A { void m(RekognitionClient c) { c.searchFacesByImage(r); } }\n"
    ),
    "B.java": "class B { org.opencv.objdetect.FaceRecognizerSF f = org.opencv.objdetect.FaceRecognizerSF.create(a, b); }\n",
    "C.kt": "import aws.sdk.kotlin.services.rekognition.RekognitionClient as R\nsuspend fun m(c: R) = c.compareFaces { x }\n",
    "D.cs": "using Amazon.Rekognition;\nclass D { async Task M() { await c.SearchFacesByImageAsync(r); } }\n",
    "E.go": (
        'package e\nimport (\n\t"fmt"\n\tr "github.com/aws/aws-sdk-go-v2/service/rekognition"\n)\n'
        "func m() { c := r.NewFromConfig(x); c.SearchFacesByImage(ctx, &r.SearchFacesByImageInput{}) }\n"
    ),
    "F.swift": "import AWSRekognition\nlet q = AWSRekognition.default()\nq.searchFacesByImage(r)\n",
    "g.cpp": "#include <opencv2/opencv.hpp>\nint main() { auto m = cv::FaceRecognizerSF::create(a, b); }\n",
    "h.cpp": '#include "opencv2/face.hpp"\ncv::Ptr<cv::face::LBPHFaceRecognizer> p;\n',
    "i.php": "<?php\nuse Aws\\Rekognition\\RekognitionClient;\n$c = new RekognitionClient([]);\n$c->searchFacesByImage([]);\n",
    "j.rb": 'require "aws-sdk-rekognition"\nc = Aws::Rekognition::Client.new\nc.search_faces_by_image(x: 1)\n',
    "k.rs": "use aws_sdk_rekognition::Client;\nlet o = client.search_faces_by_image().send().await?;\n",
    "l.sh": "#!/bin/sh\nset -e\naws --profile x rekognition \\\n  search-faces-by-image --collection-id x\n",
    "m.sh": "curl -s https://api-us.faceplusplus.com/facepp/v3/search -F a=b\n",
    "tool": '#!/usr/bin/env bash\nFACES=$(aws rekognition index-faces --collection-id "$1")\n',
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_languages_are_read_by_their_imports_and_names(name: str) -> None:
    assert len(identifying(OTHERS[name], name)) == 1


@pytest.mark.parametrize("name", [name for name in OTHERS if name not in {"B.java", "m.sh", "l.sh", "tool"}])
def test_other_languages_without_the_import_say_nothing(name: str) -> None:
    marks = ("import", "using", "#include", "use", "require", '\tr "')
    without = "\n".join(line for line in OTHERS[name].splitlines() if not line.startswith(marks))
    assert findings(without, name) == {}


INNOCENT_OTHERS = {
    "A.java": '// import com.amazonaws.services.rekognition.*;\n/* c.searchFacesByImage(r) */ String s = "compareFaces";\n',
    "B.kt": 'val s = """\nimport com.amazonaws.services.rekognition.A\n"""\nimport android.graphics.Bitmap\n',
    "C.cs": 'using System;\nvar s = @"using Amazon.Rekognition;\n""c.SearchFacesByImage";\n',
    "D.go": 'package d\n// import "github.com/Kagami/go-face"\nvar s = `\n"github.com/Kagami/go-face"\n`\n',
    "e.cpp": '#include <opencv2/opencv.hpp>\n// cv::FaceRecognizerSF::create\nint main() { cv::imread("FaceRecognizerSF"); }\n',
    "f.sh": "# aws rekognition search-faces\necho 'aws rekognition search-faces'\naws s3 ls rekognition\n",
    "G.swift": "import Vision\nlet r = VNRecognizeTextRequest()\n// VNDetectFaceRectanglesRequest\n",
}


@pytest.mark.parametrize("name", INNOCENT_OTHERS)
def test_comments_and_texts_of_other_languages_are_nothing(name: str) -> None:
    assert identifying(INNOCENT_OTHERS[name], name) == set()


def test_detection_is_detection_in_other_languages() -> None:
    found = findings("import Vision\nlet r = VNDetectFaceRectanglesRequest()\n", "A.swift")["apple-vision"]
    assert (found.rating, found.abilities[-1]) == (Rating.DOES_NOT, Ability.DETECT)
    code = "import com.google.mlkit.vision.face.FaceDetection;\nclass A { Object d = FaceDetection.getClient(); }\n"
    assert findings(code, "A.java")["google-ml-kit"].rating is Rating.DOES_NOT
    assert findings("aws rekognition detect-faces --image x\n", "a.sh")["rekognition"].rating is Rating.DOES_NOT

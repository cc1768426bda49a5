"""Infrastructure as code: what is allowed and set up, told apart from detection and from what is denied."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.scan.calls import Prefilter, read_policy
from passerby.scan.catalogue import read_catalogue
from passerby.scan.files import BytesFile
from passerby.scan.values import Ability, Confidence, Finding, Rating, Unread

PREFILTER = Prefilter(read_catalogue())


def findings(text: str, name: str) -> dict[str, Finding]:
    found = list(read_policy(BytesFile(text.encode(), name), PREFILTER))
    assert all(isinstance(one, Finding) for one in found), found
    return {one.component: one for one in found if isinstance(one, Finding)}


def policy(action: object, effect: str = "Allow") -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*"}]})


FORMS = {
    "policy.json": '{"Statement": [\n{"Effect": "Allow", "Action": ["s3:Get*", "ACTION"], "Resource": "*"}]}\n',
    "cloudformation.yaml": (
        "Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      Policies:\n        - PolicyDocument:\n"
        "            Statement:\n              - Effect: Allow\n                Action: ACTION\n                Resource: !Sub x"
    ),
    "serverless.yml": (
        "provider:\n  iam:\n    role:\n      statements:\n        - Effect: Allow\n          Action:\n            - 'ACTION'\n"
    ),
    "document.tf": 'data "aws_iam_policy_document" "d" {\n  statement {\n    actions = ["ACTION"]\n  }\n}\n',
    "chosen.yaml": "Statement:\n  - Action:\n      Fn::If:\n        - Wide\n        - [ACTION]\n        - []\n",
    "encoded.tf": 'resource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = [{ Action = "ACTION" }] })\n}\n',
    "written.tf": 'resource "a" "p" {\n  policy = <<EOF\n{"Statement": [{"Effect": "Allow", "Action": "ACTION"}]}\nEOF\n}\n',
}


@pytest.mark.parametrize("name", FORMS)
def test_permissions_that_identify_are_told_from_those_that_detect(name: str) -> None:
    form = FORMS[name]
    found = findings(form.replace("ACTION", "rekognition:SearchFacesByImage"), name)["rekognition"]
    assert (found.rating, found.confidence, found.abilities) == (
        Rating.IDENTIFIES,
        Confidence.CERTAIN,
        (Ability.SEARCH,),
    )
    assert found.evidence[0].line == 1 + form[: form.index("ACTION")].count("\n")
    for wide in ("rekognition:*", "rekognition:Search*"):
        found = findings(form.replace("ACTION", wide), name)["rekognition"]
        assert (found.rating, found.confidence) == (Rating.IDENTIFIES, Confidence.LIKELY)
    found = findings(form.replace("ACTION", "rekognition:DetectFaces"), name)["rekognition"]
    assert (found.rating, found.abilities) == (Rating.DOES_NOT, (Ability.DETECT,))
    for nothing in ("*", "rekognition:DetectLabels", "s3:SearchFaces", "myrekognition:SearchFaces"):
        assert findings(form.replace("ACTION", nothing), name) == {}


def test_what_is_denied_is_not_allowed() -> None:
    assert findings(policy("rekognition:*", "Deny"), "a.json") == {}
    denied = 'data "x" "d" {\n  statement {\n    effect  = "Deny"\n    actions = ["rekognition:SearchFaces"]\n  }\n}\n'
    assert findings(denied, "a.tf") == {}


RESOURCES = {
    "a.tf": ('resource "aws_rekognition_collection" "c" {\n  collection_id = "x"\n}\n', "rekognition"),
    "b.yaml": ("Resources:\n  C:\n    Type: AWS::Rekognition::StreamProcessor\n", "rekognition"),
    "c.yaml": (
        "Resources:\n  F:\n    Properties:\n      Policies:\n        - RekognitionFacesPolicy:\n            CollectionId: x\n",
        "rekognition",
    ),
    "d.tf": ('resource "azurerm_cognitive_account" "f" {\n  kind = "Face"\n}\n', "azure-face"),
    "e.json": ('{"resources": [{"type": "Microsoft.CognitiveServices/accounts", "kind": "Face"}]}', "azure-face"),
    "f.bicep": (
        "resource f 'Microsoft.CognitiveServices/accounts@2023-05-01' = {\n  name: 'x'\n  kind: 'Face'\n}\n",
        "azure-face",
    ),
    "f.tf.json": ('{"resource": {"aws_rekognition_collection": {"c": {"collection_id": "x"}}}}', "rekognition"),
    "g.template": ('{"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonRekognitionFullAccess"]}', "rekognition"),
}


@pytest.mark.parametrize("name", RESOURCES)
def test_resources_that_are_made_for_it_are_found(name: str) -> None:
    text, component = RESOURCES[name]
    assert findings(text, name)[component].rating is Rating.IDENTIFIES


INNOCENT = {
    "a.tf": '# resource "aws_rekognition_collection" "c" {}\nresource "aws_s3_bucket" "b" { bucket = "rekognition:all" }\n',
    "b.yaml": "# Action: rekognition:*\nservices: [rekognition, s3]\nx: we call rekognition:SearchFaces sometimes\n",
    "reference.json": '{"rekognition": {"its_actions": ["rekognition:SearchFaces"], "a": "rekognition:SearchFaces"}}',
    "reference.yaml": "iam: [rekognition:SearchFaces]\nresources: [RekognitionFacesPolicy]\nrekognition:SearchFaces: it\n",
    "c.tf": 'resource "azurerm_cognitive_account" "f" {\n  kind = "SpeechServices"\n}\n',
    "d.json": '{"type": "Microsoft.CognitiveServices/accounts", "kind": "OpenAI", "description": "Face"}',
    "e.bicep": "// resource f 'Microsoft.CognitiveServices/accounts@2023-05-01'\nresource f 'Microsoft.Web/sites@1' = {\n}\n",
}


@pytest.mark.parametrize("name", INNOCENT)
def test_words_in_infrastructure_are_nothing(name: str) -> None:
    assert findings(INNOCENT[name], name) == {}


def test_broken_files_that_could_hide_something_are_named() -> None:
    for name, text in {
        "a.json": '{"Action": "rekognition:*"',
        "b.yaml": "a: [rekognition:*\nb: }",
        "c.json": "[" * 999 + '"rekognition:*"',
    }.items():
        (unread,) = read_policy(BytesFile(text.encode(), name), PREFILTER)
        assert isinstance(unread, Unread)
    shared = "Action: &a [rekognition:Search*]\n" + "".join(f"x{n}: &x{n} [*a, *a]\n" for n in range(50))
    assert list(read_policy(BytesFile(shared.encode(), "d.yaml"), PREFILTER))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                '"rekognition:*"',
                "{",
                "}",
                "[",
                "]",
                ":",
                ",",
                "Action",
                "=",
                "\n",
                "&a",
                "*a",
                "<<EOF\n",
                "\nEOF\n",
                '"',
                "- ",
            ]
        ),
        max_size=30,
    ),
    st.sampled_from(["a.json", "a.yaml", "a.tf", "a.bicep"]),
)
def test_no_text_makes_a_reader_raise(tokens: list[str], name: str) -> None:
    list(read_policy(BytesFile(("rekognition:* " + " ".join(tokens)).encode(), name), PREFILTER))

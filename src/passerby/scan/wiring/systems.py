"""Configuration of video systems: which recogniser is turned on, for how many cameras.

Each function takes a document and says nothing of documents that are not its system's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from passerby.scan.files import list_of, table_of, text_of
from passerby.scan.values import Ability, Rating
from passerby.scan.wiring.joints import Joint, is_off, is_on

_FACE_PLATFORMS = {
    "facebox": ("facebox", True),
    "dlib_face_identify": ("dlib", True),
    "microsoft_face_identify": ("azure-face", True),
    "amazon_rekognition": ("rekognition", False),
    "deepstack_face": ("deepstack", True),
    "compreface": ("compreface", True),
    "compreface_recognition": ("compreface", True),
    "codeproject_ai_face": ("codeproject-ai", True),
    "dlib_face_detect": ("dlib", False),
    "microsoft_face_detect": ("azure-face", False),
}
"""Home Assistant's platforms of ``image_processing``, with what stands behind each and whether it identifies."""
_DETECTORS = frozenset({"compreface", "deepstack", "facebox", "rekognition", "aiserver", "codeprojectai"})
_IMAGES = {
    "exadel/compreface-core": "compreface",
    "exadel/compreface-api": "compreface",
    "jakowenko/double-take": "double-take",
    "skrashevich/double-take": "double-take",
    "machinebox/facebox": "facebox",
}
_HOOKS = re.compile(
    r"(?<![\w.])(face_recognition|deepface|insightface|compreface|facebox|deepstack|facenet)(?:\.py)?(?![\w.])"
)


def joints_in(document: object) -> Iterator[Joint]:
    """Yield what a document joins to streams, for every system whose configuration it is."""
    table = table_of(document)
    for read in _READS:
        yield from read(table)


def _frigate(table: dict[str, object]) -> Iterator[Joint]:
    cameras = {name: table_of(one) for name, one in table_of(table.get("cameras")).items()}
    if not any("ffmpeg" in one or "detect" in one for one in cameras.values()):
        return
    faces = table_of(table.get("face_recognition"))
    running = [one for one in cameras.values() if not is_off(one.get("enabled"))]
    on = [one for one in running if not is_off(table_of(one.get("face_recognition")).get("enabled"))]
    if is_on(faces.get("enabled")):
        yield Joint("frigate", "", "turns face recognition on", len(on), Rating.IDENTIFIES, "face_recognition")
    else:
        off = "says that face recognition is off" if faces else "does not turn face recognition on"
        yield Joint("frigate", "", off, len(running), Rating.CAN, "face_recognition" if faces else "cameras")


def _double_take(table: dict[str, object]) -> Iterator[Joint]:
    detectors = _DETECTORS.intersection(table_of(table.get("detectors")))
    if not detectors:
        return
    frigate, cameras = table_of(table.get("frigate")), table_of(table.get("cameras"))
    listed = list_of(frigate.get("cameras"))
    if not (frigate or cameras or "mqtt" in table or "detect" in table):
        return
    streams = len(listed) or len(cameras) or None
    what = f"hands pictures of cameras to {', '.join(sorted(detectors))}"
    yield Joint("double-take", "", what, streams, Rating.IDENTIFIES, "detectors")


def _viseron(table: dict[str, object]) -> Iterator[Joint]:
    for name in ("compreface", "deepstack", "dlib", "codeprojectai"):
        faces = table_of(table_of(table.get(name)).get("face_recognition"))
        if faces:
            streams = len(table_of(faces.get("cameras"))) or len(list_of(faces.get("cameras")))
            yield Joint(
                "viseron", "", f"turns face recognition by {name} on", streams, Rating.IDENTIFIES, "face_recognition"
            )


def _home_assistant(table: dict[str, object]) -> Iterator[Joint]:
    platforms = list_of(table.get("image_processing")) or [table.get("image_processing")]
    for one in (table_of(platform) for platform in platforms):
        name = text_of(one.get("platform"))
        if name not in _FACE_PLATFORMS:
            continue
        component, identifies = _FACE_PLATFORMS[name]
        identifies = identifies and not is_on(one.get("detect_only"))
        rating = Rating.IDENTIFIES if identifies else Rating.DOES_NOT
        abilities = (Ability.SEARCH,) if identifies else (Ability.DETECT,)
        what = f"Home Assistant gives pictures of cameras to {name}"
        yield Joint(component, name, what, len(list_of(one.get("source"))) or None, rating, name, abilities)


def _compose(table: dict[str, object]) -> Iterator[Joint]:
    for service in table_of(table.get("services")).values():
        one = table_of(service)
        image = re.sub(r"[:@][^/]*$", "", text_of(one.get("image"))).removeprefix("docker.io/")
        said = one.get("environment")
        pairs = table_of(said) or dict(text_of(line).partition("=")[::2] for line in list_of(said))
        if image == "deepquestai/deepstack" and is_on(pairs.get("VISION-FACE")):
            yield Joint(
                "deepstack", "", "starts DeepStack with its face functions", None, Rating.IDENTIFIES, "VISION-FACE"
            )
        elif image == "codeproject/ai-server" and any(is_on(on) for key, on in pairs.items() if _is_face_module(key)):
            yield Joint("codeproject-ai", "", "starts its face module", None, Rating.IDENTIFIES, "FaceProcessing")
        elif (name := image.partition("/")[2]) and (component := _IMAGES.get(image) or _IMAGES.get(f"exadel/{name}")):
            yield Joint(
                component, "", f"starts a service of {component}", None, Rating.IDENTIFIES, text_of(one.get("image"))
            )


def _is_face_module(key: str) -> bool:
    return "faceprocessing" in key.lower() and key.lower().endswith(("autostart", "activate"))


def _code_project(table: dict[str, object]) -> Iterator[Joint]:
    for where in (table, table_of(table.get("ModuleOptions"))):
        module = table_of(table_of(where.get("Modules")).get("FaceProcessing"))
        launch = table_of(module.get("LaunchSettings"))
        if any(is_on(one.get(key)) for one in (module, launch) for key in ("AutoStart", "Activate")):
            yield Joint("codeproject-ai", "", "turns its face module on", None, Rating.IDENTIFIES, "FaceProcessing")


def _shinobi(table: dict[str, object]) -> Iterator[Joint]:
    plug = text_of(table.get("plug"))
    if "face" in plug.lower() and {"key", "port", "host", "mode"}.intersection(table):
        yield Joint("shinobi", "", "sets up the face plug-in", None, Rating.IDENTIFIES, plug, sure=False)


def _zone_minder(table: dict[str, object]) -> Iterator[Joint]:
    sequence = table_of(table.get("ml_sequence")) or table_of(table_of(table.get("ml")).get("ml_sequence"))
    faces = table_of(sequence.get("face"))
    steps = [table_of(one) for one in list_of(faces.get("sequence"))]
    if not any("face_recognition_framework" in one or "known_images_path" in one for one in steps):
        return
    on = "face" in text_of(table_of(sequence.get("general")).get("model_sequence")).split(",")
    what = "compares faces with known pictures" if on else "could compare faces with known pictures"
    rating = Rating.IDENTIFIES if on else Rating.CAN
    yield Joint("zoneminder-hooks", "", what, None, rating, "known_images_path")


def _media_mtx(table: dict[str, object]) -> Iterator[Joint]:
    paths = {name: table_of(one) for name, one in table_of(table.get("paths")).items()}
    hooked = 0
    names: set[str] = set()
    for one in (*paths.values(), table_of(table.get("pathDefaults"))):
        commands = " ".join(text_of(value) for key, value in one.items() if key.startswith("runOn"))
        called = set(_HOOKS.findall(commands))
        hooked += bool(called)
        names |= called
    if names:
        what = f"runs {', '.join(sorted(names))} on what is streamed"
        yield Joint(
            "", "MediaMTX with a recogniser", what, hooked, Rating.IDENTIFIES, "runOn", (Ability.SEARCH,), sure=False
        )


_READS: tuple[Callable[[dict[str, object]], Iterator[Joint]], ...] = (
    _frigate,
    _double_take,
    _viseron,
    _home_assistant,
    _compose,
    _code_project,
    _shinobi,
    _zone_minder,
    _media_mtx,
)

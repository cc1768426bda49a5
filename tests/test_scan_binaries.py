"""Binaries of four systems: what shows a component is found by whole names; what is broken is named and ends nothing."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import distlib
import numpy as np
import pefile
import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import scan_tools_binaries as make

from passerby.scan import (
    Confidence,
    Evidence,
    Finding,
    FindingKind,
    Observation,
    PackageMention,
    Rating,
    ScanSettings,
    Unread,
    read_catalogue,
    scan_target,
)
from passerby.scan.binaries import READERS
from passerby.scan.binaries.elf import read_elf
from passerby.scan.binaries.gathered import Gathered
from passerby.scan.binaries.marks import Marks
from passerby.scan.binaries.pe import read_pe
from passerby.scan.binaries.window import Window
from passerby.scan.files import BytesFile

KIT, SYMBOL, LIBRARY = "luxand-facesdk", "FSDK_MatchFaces", "libfsdk.so"


def read(data: bytes, path: str = "lib/some.so") -> list[Observation]:
    file = BytesFile(data, path)
    (reader,) = READERS
    return list(reader.read(file)) if reader.wants(file) else []


def findings(data: bytes, path: str = "lib/some.so") -> dict[str, Finding]:
    observations = read(data, path)
    assert all(isinstance(one, Finding) for one in observations), observations
    return {one.component: one for one in observations if isinstance(one, Finding)}


def whats(finding: Finding) -> list[str]:
    return [evidence.what for evidence in finding.evidence]


SHAPES: dict[str, Callable[[list[str], list[str], list[str]], bytes]] = {
    "elf64": lambda needs, imports, exports: make.elf(needs, imports, exports),
    "elf32": lambda needs, imports, exports: make.elf(needs, imports, exports, wide=False),
    "elf64 big-endian": lambda needs, imports, exports: make.elf(needs, imports, exports, order=">"),
    "elf64 old hash": lambda needs, imports, exports: make.elf(needs, imports, exports, gnu_hash=False),
    "pe64": lambda needs, imports, exports: make.pe(dict.fromkeys(needs, imports), exports),
    "pe32": lambda needs, imports, exports: make.pe(dict.fromkeys(needs, imports), exports, wide=False),
    "macho64": lambda needs, imports, exports: make.macho(needs, imports, exports),
    "macho32 big-endian": lambda needs, imports, exports: make.macho(needs, imports, exports, wide=False, order=">"),
    "fat": lambda needs, imports, exports: make.fat(make.macho(), make.macho(needs, imports, exports)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_needed_libraries_and_symbols_show_a_kit(shape: str) -> None:
    found = findings(SHAPES[shape](["libc.so.6", LIBRARY], ["printf", SYMBOL], []), "bin/program")
    assert set(found) == {KIT}
    assert whats(found[KIT]) == [f"needs {LIBRARY}", f"imports {SYMBOL}"]
    assert found[KIT].confidence is Confidence.CERTAIN
    assert found[KIT].rating is Rating.IDENTIFIES
    assert found[KIT].kind is FindingKind.BINARY
    assert found[KIT].digest is not None


@pytest.mark.parametrize("shape", SHAPES)
def test_exported_symbols_show_a_kit_whatever_the_file_is_called(shape: str) -> None:
    found = findings(SHAPES[shape]([], [], ["harmless", SYMBOL]), "assets/picture.dat")
    assert [whats(one) for one in found.values()] == [[f"exports {SYMBOL}"]]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("near", ["FSDK_MatchFacesX", "XFSDK_MatchFaces", "fsdk_matchfaces", "FSDK_MatchFace"])
def test_near_names_show_nothing(shape: str, near: str) -> None:
    assert findings(SHAPES[shape](["libfsdkx.so", "xlibfsdk.so", "libfsdk.so.txt"], [near], [near])) == {}


def test_a_symbol_may_be_the_end_of_another_in_the_table() -> None:
    """Linkers store ``b`` as the end of ``ab``; it is a symbol only where one begins there."""
    data = bytearray(make.elf([], ["YFSDK_MatchFaces", "printf"]))
    assert findings(bytes(data)) == {}
    names_at = 64 + 3 * 56
    shared = data.index(b"FSDK_MatchFaces", names_at) - names_at
    second_symbol = data.index(b"printf\0") + len(b"printf\0") + 2 * 24
    struct.pack_into("<I", data, second_symbol, shared)
    assert [whats(one) for one in findings(bytes(data)).values()] == [[f"imports {SYMBOL}"]]


def test_a_star_stands_for_any_ending() -> None:
    found = findings(make.elf([], [], ["_ZN5FRsdk4FaceC1Ev", "_ZN5FRsdk4FaceD1Ev", "_ZN6FRsdkX4FaceC1Ev"]))
    assert [whats(one) for one in found.values()] == [["exports _ZN5FRsdk4FaceC1Ev", "exports _ZN5FRsdk4FaceD1Ev"]]


def test_a_version_after_the_name_of_a_library_does_not_count() -> None:
    found = findings(make.elf(["libopencv_face.so.406"], soname="libfsdk.so.7.1"), "usr/lib/libfsdk.so.7.1.2")
    assert set(found) == {KIT, "opencv-contrib"}
    assert whats(found[KIT]) == ["has the name libfsdk.so.7.1.2"]
    assert found[KIT].version == "7.1.2"
    assert found[KIT].confidence is Confidence.LIKELY
    assert set(findings(make.pe({"OPENCV_FACE4100.dll": ["x"]}), "a.exe")) == {"opencv-contrib"}


def test_a_name_alone_may_be() -> None:
    found = findings(b"a text", "bin/LIBFSDK.SO")
    assert found[KIT].confidence is Confidence.MAY_BE
    assert findings(b"a text", "bin/libfsdk.so.txt") == {}


def test_the_library_of_a_whole_program_does_not_make_its_parts_one() -> None:
    assert findings(make.elf(["libdigikamgui.so.8.7.0"]), "digikam/plugin.so") == {}
    assert set(findings(make.elf(soname="libdigikamgui.so.8.7.0"), "digikam/renamed.so")) == {"digikam"}


def test_the_version_resource_of_windows_matches_whole() -> None:
    texts = {"CompanyName": "Cognitec Systems GmbH", "ProductName": "FaceVACS-SDK", "ProductVersion": "9.6.0"}
    found = findings(make.pe(version=texts), "x/frsdk.dll")
    assert whats(found["cognitec-facevacs"]) == ["its version resource names FaceVACS-SDK"]
    assert found["cognitec-facevacs"].version == "9.6.0"
    assert findings(make.pe(version=texts | {"ProductName": "FaceVACS-SDK Viewer for Others"}), "x/frsdk.dll") == {}


def test_libraries_that_are_loaded_late_count() -> None:
    found = findings(make.pe(delayed={"facerec.dll": ["something"]}), "a.exe")
    assert [whats(one) for one in found.values()] == [["needs facerec.dll"]]


def test_a_library_of_windows_says_its_own_name() -> None:
    found = findings(make.pe(own="libarcsoft_face_engine.dll", exports=["ASFFaceFeatureCompare"]), "renamed.bin")
    assert [whats(one) for one in found.values()] == [
        ["calls itself libarcsoft_face_engine.dll", "exports ASFFaceFeatureCompare"]
    ]


def test_assemblies_of_dotnet_show_by_what_they_name() -> None:
    found = findings(make.pe(namespaces=["System", "FaceRecognitionDotNet", "Neurotec.Biometrics"]), "App.dll")
    assert set(found) == {"face-recognition-dotnet", "neurotechnology"}
    assert (
        findings(make.pe(namespaces=["System", "MyFaceRecognitionDotNet", "FaceRecognitionDotNetX"]), "App.dll") == {}
    )


def test_frameworks_of_an_app_show_by_their_names() -> None:
    inside = "App.ipa!/Payload/App.app/Frameworks/FaceTecSDK.framework/"
    first = read(make.macho(own="@rpath/FaceTecSDK.framework/FaceTecSDK"), inside + "FaceTecSDK")
    second = read(b"<plist/>", inside + "Info.plist")
    folder = inside.rstrip("/")
    assert first[0] == second[0]
    assert isinstance(second[0], Finding)
    assert second[0].path == folder
    assert second[0].evidence == (Evidence(folder, "the framework FaceTecSDK.framework is in the app"),)
    program = findings(make.macho(["@rpath/FaceTecSDK.framework/FaceTecSDK"]), "App.app/App")
    assert whats(program["facetec"]) == ["needs FaceTecSDK.framework"]


def test_apple_vision_is_a_detector() -> None:
    found = findings(make.macho(["/System/Library/Frameworks/Vision.framework/Versions/A/Vision"]), "App.app/App")
    assert [(one.component, one.rating) for one in found.values()] == [("apple-vision", Rating.DOES_NOT)]


def test_types_of_a_dex_file_show_a_kit_and_texts_do_not() -> None:
    types = ["Lcom/facetec/sdk/FaceTecSDK;", "Lcom/facetecx/sdk/A;", "Lcom/example/" + "a" * 200 + ";"]
    found = findings(make.dex(types), "app.apk!/classes2.dex")
    assert [whats(one) for one in found.values()] == [["holds or uses classes of com.facetec.sdk"]]
    long = "Lcom/iproov/sdk/" + "a" * 200 + ";"
    assert set(findings(make.dex([long]), "classes.dex")) == {"iproov"}
    assert findings(make.dex(["La/b;"], ["Lcom/facetec/sdk/FaceTecSDK;"]), "classes.dex") == {}


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("form", ["elf", "pe", "macho"])
def test_modules_of_go_stand_in_the_program(form: str, *, wide: bool) -> None:
    data = make.go_modules(("example.org/app", "(devel)"), ("github.com/Kagami/go-face", "v0.0.0-2020"))
    modules = read(getattr(make, form)(data=bytes(32) + data, wide=wide), "bin/app")
    assert [(one.name, one.version, one.installed) for one in modules if isinstance(one, PackageMention)] == [
        ("example.org/app", "(devel)", True),
        ("github.com/Kagami/go-face", "v0.0.0-2020", True),
    ]
    cut = read(getattr(make, form)(data=data[:60], wide=wide), "bin/app")
    assert next(one.reason for one in cut if isinstance(one, Unread)).endswith("list of Go modules is cut off or wrong")


def test_classes_of_java_are_one_finding_an_archive() -> None:
    one = read(
        make.class_file("com/example/A", ["com/neurotec/biometrics/NBiometricEngine"]), "a.jar!/com/example/A.class"
    )
    two = read(make.class_file("com/neurotec/biometrics/B", ["[Ljava/lang/String;"]), "a.jar!/com/neurotec/B.class")
    assert one == two
    assert isinstance(one[0], Finding)
    assert (one[0].component, one[0].path) == ("neurotechnology", "a.jar")
    assert read(make.class_file("com/example/A", texts=["com/neurotec/biometrics/B"]), "A.class") == []


def test_an_app_and_an_installation_are_read_as_a_whole(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.apk", "w") as app:
        app.writestr("classes.dex", make.dex(["Lcom/iproov/sdk/IProov;"]))
        app.writestr("lib/arm64-v8a/libfsdk.so", make.elf(soname="libfsdk.so", exports=[SYMBOL]))
        app.writestr("assets/notes.txt", "the symbol FSDK_MatchFaces stands in a text")
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "NBiometrics.dll").write_bytes(make.pe(own="NBiometrics.dll"))
    (tmp_path / "program" / "other.dll").write_bytes(make.pe({"KERNEL32.dll": ["CreateFileW"]}))
    found = scan_target(tmp_path, ScanSettings(workers=0, keep=None)).findings
    assert [(one.component, one.path) for one in found if one.kind is FindingKind.BINARY] == [
        ("iproov", "app.apk!/classes.dex"),
        (KIT, "app.apk!/lib/arm64-v8a/libfsdk.so"),
        ("neurotechnology", "program/NBiometrics.dll"),
    ]


@pytest.mark.parametrize(
    ("data", "path", "says"),
    [
        (make.elf([LIBRARY])[:80], "a.so", "ELF not read to its end: a segment's header lies outside the file"),
        (b"\x7fELF" + bytes(60), "a.so", "ELF not read to its end: the header is of no known word size"),
        (make.pe({"a.dll": ["x"]})[:0x180], "a.dll", "PE not read to its end: "),
        (b"MZ" + bytes(100), "a.dll", "PE not read to its end: it begins like a program of Windows and is none"),
        (make.macho([LIBRARY])[:40], "a.dylib", "Mach-O not read to its end: the load commands lies outside the file"),
        (make.fat(make.macho([LIBRARY]))[:60], "a.dylib", "Mach-O not read to its end: a slice lies outside the file"),
        (make.dex(["La/b;"])[:100], "classes.dex", "dex not read to its end: "),
        (make.class_file("a/B")[:14], "B.class", "class not read to its end: its table of constants is cut off"),
    ],
)
def test_what_is_cut_off_is_named(data: bytes, path: str, says: str) -> None:
    unread = read(data, path)[0]
    assert isinstance(unread, Unread)
    assert unread.reason.startswith(says)
    assert unread.hides


@pytest.mark.parametrize(
    ("begin", "says"),
    [(b"\0asm\1\0\0\0", "WebAssembly"), (b"\xc6\x1f\xbc\x03\xc1\x03\x19\x1f", "Hermes"), (b"vdex027\0", "Android")],
)
def test_programs_in_formats_that_are_not_read_are_named(begin: bytes, says: str) -> None:
    (unread,) = read(begin + bytes(100), "assets/index.bundle")
    assert isinstance(unread, Unread)
    assert says in unread.reason
    assert unread.hides


def test_a_text_that_begins_like_a_program_is_none() -> None:
    assert read(b"MZ" + b"x" * 200, "notes.txt") == []
    assert read(b"/* GNU ld script */ INPUT(libc.so.6)", "libc.so") == []


def test_a_broken_table_hides_no_other() -> None:
    data = bytearray(make.pe({"facerec.dll": ["x"]}, ["FSDK_MatchFaces"], own="a.dll"))
    at = data.index(b"PE\0\0") + 24 + 112
    struct.pack_into("<I", data, at, 0x00FFFFFF)
    observations = read(bytes(data), "a.dll")
    assert {one.component for one in observations if isinstance(one, Finding)} == {"3divi-face-sdk"}
    assert [one.reason for one in observations if isinstance(one, Unread)] == [
        "PE not read to its end: a table lies outside the sections"
    ]


@pytest.mark.parametrize("form", ["elf", "macho"])
def test_a_broken_list_of_modules_hides_no_symbol(form: str) -> None:
    broken = make.go_modules(("example.org/app", "v1"))[:60]
    observations = read(getattr(make, form)(imports=[SYMBOL], data=broken), "a.so")
    assert [one.component for one in observations if isinstance(one, Finding)] == [KIT]
    assert len([one for one in observations if isinstance(one, Unread)]) == 1


def test_claims_beyond_belief_are_refused_not_followed() -> None:
    data = bytearray(make.pe(exports=["a"], own="a.dll"))
    count_at = data.index(struct.pack("<III", 1, 1, 1)) + 8
    struct.pack_into("<I", data, count_at, 0xFFFFFFF0)
    (unread,) = read(bytes(data), "a.dll")
    assert isinstance(unread, Unread)
    assert "claims 4294967280 exported names" in unread.reason
    many = bytearray(make.pe(version={"ProductName": "x"}, namespaces=["x" * 40_000]))
    at = many.index(struct.pack("<HHI", 0, 1, 16))
    struct.pack_into("<H", many, at + 2, 0xFFFF)
    assert "PE not read to its end: it holds more than 4096 resources: the rest was not read" in [
        one.reason for one in read(bytes(many), "a.dll") if isinstance(one, Unread)
    ]
    commands = bytearray(make.macho())
    struct.pack_into("<I", commands, 16, 1 << 31)
    (unread,) = read(bytes(commands), "a.dylib")
    assert isinstance(unread, Unread)
    assert "claims 2147483648 load commands" in unread.reason


WHOLE = [
    make.elf(["libc.so.6", LIBRARY], [SYMBOL], [SYMBOL + "2"], soname="libx.so"),
    make.elf([LIBRARY], [SYMBOL], gnu_hash=False, wide=False, order=">"),
    make.pe(
        {LIBRARY: [SYMBOL]}, [SYMBOL], own="a.dll", version={"ProductName": "x"}, namespaces=["x"], delayed={"b": ["c"]}
    ),
    make.macho([LIBRARY], [SYMBOL], own="x"),
    make.fat(make.macho([LIBRARY], [SYMBOL])),
    make.elf(data=make.go_modules(("example.org/app", "v1"))),
    make.dex(["Lcom/facetec/sdk/A;"], ["text"]),
    make.class_file("com/facetec/sdk/A", ["a/B"]),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(WHOLE), st.data())
def test_cut_and_spoilt_binaries_never_raise(data: bytes, draw: st.DataObject) -> None:
    spoilt = bytearray(data[: draw.draw(st.integers(0, len(data)))])
    for _ in range(draw.draw(st.integers(0, 6)) if spoilt else 0):
        at = draw.draw(st.integers(0, len(spoilt) - 1))
        patch = draw.draw(
            st.sampled_from([b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x01\0\0\0", b"\x80"])
        )
        spoilt[at : at + len(patch)] = patch[: len(spoilt) - at]
    for one in read(bytes(spoilt), "a.dll"):
        assert isinstance(one, Finding | PackageMention | Unread)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([b"\x7fELF\x02\x01", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"dex\n035\0"]),
    st.binary(max_size=600),
)
def test_noise_after_a_magic_never_raises(magic: bytes, noise: bytes) -> None:
    for one in read(magic + noise, "a.so"):
        assert isinstance(one, Finding | PackageMention | Unread)


PROGRAMS = sorted(Path(distlib.__file__).parent.glob("*.exe"))
LIBRARIES = sorted(Path(np.__file__).parent.rglob("*.so"))


def test_real_programs_and_libraries_are_read_to_their_ends() -> None:
    assert len(PROGRAMS) > 3
    assert len(LIBRARIES) > 3
    for path in (*PROGRAMS, *LIBRARIES):
        assert read(path.read_bytes(), path.name) == []


def marks_of(symbols: set[str]) -> Marks:
    return Marks({}, (), {}, dict.fromkeys(symbols, read_catalogue().components[KIT]), {}, {}, {})


def test_libraries_of_linux_are_read_as_another_reader_reads_them() -> None:
    for path in LIBRARIES:
        with path.open("rb") as file:
            peer = ELFFile(file)
            dynamic, table = peer.get_section_by_name(".dynamic"), peer.get_section_by_name(".dynsym")
            assert isinstance(dynamic, DynamicSection)
            assert isinstance(table, SymbolTableSection)
            needed = [tag.needed for tag in dynamic.iter_tags("DT_NEEDED")]  # type: ignore[attr-defined] # set by name
            symbols = [(one.name, one["st_shndx"] == "SHN_UNDEF") for one in table.iter_symbols() if one.name]
            gathered = Gathered()
            read_elf(Window(file, path.stat().st_size), marks_of({name for name, _ in symbols}), gathered)
        assert gathered.libraries == needed, path
        assert gathered.imported == {name for name, missing in symbols if missing}, path
        assert gathered.exported >= {name for name, missing in symbols if not missing}, path
        assert gathered.faults == []


def test_programs_of_windows_are_read_as_another_reader_reads_them() -> None:
    for path in PROGRAMS:
        with pefile.PE(path, fast_load=False) as peer:
            imports = [
                (entry.dll.decode(), {one.name.decode() for one in entry.imports if one.name})
                for entry in (*peer.DIRECTORY_ENTRY_IMPORT, *getattr(peer, "DIRECTORY_ENTRY_DELAY_IMPORT", ()))
            ]
        names = {name for _, of_one in imports for name in of_one}
        gathered = Gathered()
        with path.open("rb") as file:
            read_pe(Window(file, path.stat().st_size), marks_of(names), gathered)
        assert gathered.libraries == [library for library, _ in imports], path
        assert gathered.imported == names, path
        assert gathered.faults == []


def test_a_version_resource_is_read_as_another_reader_reads_it() -> None:
    texts = {
        "CompanyName": "Some",
        "ProductName": "Fa\u00e7ade 3",
        "ProductVersion": "1.2",
        "OriginalFilename": "a.dll",
    }
    data = make.pe({"a.dll": ["x"]}, ["y"], own="b.dll", version=texts)
    peer = pefile.PE(data=data)
    assert {key.decode(): value.decode() for key, value in peer.FileInfo[0][0].StringTable[0].entries.items()} == texts
    assert peer.DIRECTORY_ENTRY_EXPORT.name == b"b.dll"
    gathered = Gathered()
    read_pe(Window(io.BytesIO(data), len(data)), marks_of(set()), gathered)
    assert gathered.products == [texts["ProductName"], "Some Fa\u00e7ade 3"]
    assert (gathered.version, gathered.own) == ("1.2", ["b.dll", "a.dll"])


def test_no_two_components_claim_a_mark() -> None:
    claims: dict[tuple[str, str], str] = {}
    for component in read_catalogue().components.values():
        marks, code = component.binaries, component.code
        for kind, names in {
            "file": [name.lower() for name in marks.files],
            "product": [name.lower() for name in marks.products],
            "symbol": marks.symbols,
            "class": code.java,
            "module": code.swift,
            "namespace": code.csharp,
        }.items():
            for name in names:
                assert claims.setdefault((kind, name), component.id) == component.id, f"{name} of {component.id}"

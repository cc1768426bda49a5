"""Manifests, lock files and installed metadata: what each format names, what brought it in, and what is innocent."""

from __future__ import annotations

import json
import sqlite3
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scan_manifests import FORMATS

from passerby.scan import Ability, Catalogue, Confidence, Ecosystem, Evidence, PackageMention, Rating, Unread
from passerby.scan.catalogue import Component, parse_component
from passerby.scan.files import BytesFile
from passerby.scan.packages import READERS, join_packages
from passerby.scan.packages.names import comparable, parse_purl
from passerby.values import Digest

Observed = list[object]


def observe(path: str, content: str | bytes) -> Observed:
    """Return what all readers that want a file say of it."""
    file = BytesFile(content if isinstance(content, bytes) else content.encode(), path)
    return [one for reader in READERS if reader.wants(file) for one in reader.read(file)]


def mentions(path: str, content: str | bytes) -> list[PackageMention]:
    found = observe(path, content)
    assert [one for one in found if isinstance(one, Unread)] == []
    return [one for one in found if isinstance(one, PackageMention)]


def named(path: str, content: str | bytes) -> set[str]:
    return {f"{one.ecosystem}:{one.name}@{one.version}" for one in mentions(path, content)}


def component(name: str, **stated: object) -> Component:
    plain = {
        "id": name,
        "title": name.upper(),
        "sort": "library",
        "abilities": ["embed", "detect"],
        "rating": "identifies",
        "weights": "fetched",
        "names": {"pypi": [name]},
        "sources": [{"url": "https://example.org", "says": "it does"}],
    }
    return parse_component(json.dumps(plain | stated), name)


def catalogue(*components: Component) -> Catalogue:
    names = {(eco, name): one for one in components for eco, listed in one.names.items() for name in listed}
    return Catalogue({one.id: one for one in components}, names, {}, Digest("sha256:" + "0" * 64))


@pytest.mark.parametrize("path", FORMATS)
def test_each_format_names_what_it_names(path: str) -> None:
    content, expected = FORMATS[path]
    assert named(path, content) == expected


def rpm_header(name: bytes, version: bytes) -> bytes:
    data = name + b"\0" + version + b"\0"
    entries = struct.pack(">IIII", 1000, 6, 0, 1) + struct.pack(">IIII", 1001, 6, len(name) + 1, 1)
    return struct.pack(">II", 2, len(data)) + entries + data


def test_rpm_databases_are_read_in_sqlite_and_named_in_older_forms() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)")
    connection.execute("INSERT INTO Packages VALUES (1, ?), (2, x'00')", [rpm_header(b"dlib", b"19.24")])
    connection.commit()
    content = connection.serialize()
    connection.close()
    assert named("var/lib/rpm/rpmdb.sqlite", content) == {"rpm:dlib@19.24"}
    (unread,) = observe("var/lib/rpm/Packages", b"\0\0\0\0berkeley")
    assert isinstance(unread, Unread)
    assert unread.hides


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("pyproject.toml", "[project"),
        ("package.json", "{"),
        ("package-lock.json", "[" * 100_000),
        ("setup.py", "def ("),
        ("setup.cfg", "x"),
        ("pom.xml", '<!DOCTYPE p [<!ENTITY a "b">]><project>&a;</project>'),
        ("pom.xml", "<a>" * 1000),
        ("environment.yml", "[" * 100_000),
        ("Podfile.lock", "a: b: c"),
        ("bun.lock", "/*" * 100_000),
        ("bun.lockb", "\0"),
        ("rpm/../var/lib/rpm/rpmdb.sqlite", "SQLite format 3\0 and no more"),
        ("requirements.txt", "x" * (5 << 20)),
        ("npm-shrinkwrap.json", '{"dependencies":{"a":' * 100 + "1" + "}}" * 100),
        ("setup.py", "from setuptools import setup\nsetup(install_requires=open('r').readlines())"),
        ("requirements.txt", "-r ../other/things.lst"),
    ],
    ids=lambda value: value[:20],
)
def test_what_cannot_be_read_is_named_with_a_reason(path: str, content: str) -> None:
    *_, unread = observe(path, content)
    assert isinstance(unread, Unread)
    assert unread.path == path
    assert unread.reason


WANTED = sorted(FORMATS)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "dependencies",
                    "packages",
                    "package",
                    "name",
                    "version",
                    "pins",
                    "libraries",
                    "targets",
                    "default",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(WANTED), st.text(max_size=200) | st.binary(max_size=200) | ODD.map(json.dumps))
def test_no_content_raises(path: str, content: str | bytes) -> None:
    content = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    for one in observe(path, content):
        assert isinstance(one, PackageMention | Unread)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(WANTED), st.data())
def test_a_damaged_file_never_raises(path: str, data: st.DataObject) -> None:
    content, _ = FORMATS[path]
    raw = bytearray(content.encode())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=5)):
        raw[place] = data.draw(st.integers(0, 255))
    observe(path, bytes(raw[: data.draw(st.integers(0, len(raw)))]))


LONG = 1_000_000
"""Of blanks: what tries them twice from each of them does not come back."""


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("requirements.txt", f"dlib{' ' * LONG}x\n-r{' ' * LONG}\nfer #{' ' * LONG}via{' ' * LONG}\n"),
        ("Podfile", f"pod{' ' * LONG}x\n"),
        ("Gemfile", f"gem{' ' * LONG}x\n"),
        ("a.yml", f"image: a{' ' * (LONG - 50)}x\n"),
        ("a.sh", f"apk {'--a ' * 200_000}\n"),
        ("Package.swift", ".package(" * 100_000),
        ("build.gradle", "implementation('" * 100_000),
        ("bun.lock", '"' + '\\"' * LONG),
        ("bun.lock", "/*" * LONG),
        ("var/lib/dpkg/status", "Package: a\nDepends: b\n" + " c\n" * LONG),
        ("pom.xml", f"<a>{'x<b/>' * 200_000}</a>"),
        ("yarn.lock", "a@" * LONG),
        ("go.mod", f"require{' ' * LONG}x"),
    ],
    ids=lambda value: value[:12],
)
def test_long_lines_are_read_once(path: str, content: str) -> None:
    observe(path, content)


def test_a_view_that_never_ends_is_no_table_of_packages() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS (SELECT x'00' UNION ALL SELECT blob FROM n) SELECT blob FROM n"
    )
    content = connection.serialize()
    connection.close()
    (unread,) = observe("var/lib/rpm/rpmdb.sqlite", content)
    assert isinstance(unread, Unread)


def test_via_comments_say_what_brought_it_in() -> None:
    text = """\
deepface==0.0.79
    # via -r requirements.in
retina-face==0.0.17
    # via
    #   deepface
    #   other
numpy==1 # via retina-face
"""
    found = {one.name: one for one in mentions("requirements.txt", text)}
    assert found["deepface"].root
    assert found["deepface"].requires == ("retina-face",)
    assert not found["retina-face"].root
    assert found["retina-face"].requires == ("numpy",)


def test_names_are_compared_as_the_registry_does_and_never_by_words() -> None:
    known = catalogue(
        component("verify", names={"npm": ["verify"], "pypi": ["verify", "face_x"]}),
        component("dlib", names={"pypi": ["dlib"], "github": ["Davis/Dlib"]}),
        component("face", names={"npm": ["face"]}),
    )
    innocent = [
        *mentions(
            "a/package.json", '{"dependencies":{"aws-nsm-interface-verifiably":"1.0.0","typeface-embed-react":"1.0.0"}}'
        ),
        *mentions("b/package.json", '{"dependencies":{"@scope/face":"1.0.0"}}'),
        *mentions("c/requirements.txt", "dlib-notes\ndlib.notes\nverify-email\n"),
        *mentions("d/pyproject.toml", '[project]\nname="dlib-notes"\ndependencies=["adlib"]\n'),
        *mentions("e/Gemfile", "gem 'dlib'\n"),
    ]
    assert innocent
    assert join_packages(innocent, known) == ()
    guilty = [
        *mentions("f/requirements.txt", "FACE.X\nDlib\n"),
        *mentions("g/go.mod", "require github.com/Davis/dlib v1.0.0\n"),
        *mentions("h/environment.yml", "dependencies: [Face_X]\n"),
    ]
    assert [(one.path, one.component) for one in join_packages(guilty, known)] == [
        ("f/requirements.txt", "dlib"),
        ("f/requirements.txt", "verify"),
        ("g/go.mod", "dlib"),
        ("h/environment.yml", "verify"),
    ]


def test_words_of_a_text_are_no_requirements() -> None:
    assert observe("docs/words.txt", "dlib\ninsightface\n") == []
    assert mentions("requirements.txt", "dlib is a library\nsee insightface for more\n") == []


LOCK = {
    "packages": {
        "": {"name": "my-app", "dependencies": {"booth": "1", "other": "1"}},
        "node_modules/other": {"version": "1.0.0", "dependencies": {"long": "1"}},
        "node_modules/long": {"version": "1.0.0", "dependencies": {"booth": "1"}},
        "node_modules/booth": {"version": "1.0.0", "dependencies": {"facer": "1"}},
        "node_modules/facer": {"version": "2.0.0"},
    }
}


def test_the_shortest_chain_says_what_brought_it_in() -> None:
    known = catalogue(component("facer", names={"npm": ["facer"]}))
    (finding,) = join_packages(mentions("app/package-lock.json", json.dumps(LOCK)), known)
    assert finding.chain == ("my-app", "booth", "facer")
    assert finding.version == "2.0.0"
    assert finding.rating is Rating.IDENTIFIES
    assert finding.confidence is Confidence.CERTAIN
    assert finding.abilities == (Ability.EMBED, Ability.DETECT)
    assert finding.evidence == (Evidence("app/package-lock.json", "locks facer 2.0.0"),)
    assert "only named" in finding.note


def test_installed_metadata_tells_its_chain_without_a_root() -> None:
    known = catalogue(component("inner"))
    listed = [
        *mentions(
            "venv/lib/python3/site-packages/outer-1.dist-info/METADATA",
            "Name: outer\nVersion: 1\nRequires-Dist: inner\n\n",
        ),
        *mentions("venv/lib/python3/site-packages/inner-2.dist-info/METADATA", "Name: inner\nVersion: 2\n\n"),
    ]
    (finding,) = join_packages(listed, known)
    assert finding.chain == ("outer", "inner")
    assert finding.version == "2"
    assert "only named" not in finding.note
    assert len(finding.evidence) == 2


def test_what_a_package_only_needs_is_not_here_yet() -> None:
    needing = mentions("outer-1.whl!/outer-1.dist-info/METADATA", "Name: outer\nVersion: 1\nRequires-Dist: inner\n\n")
    (finding,) = join_packages(needing, catalogue(component("inner")))
    assert finding.rating is Rating.CAN
    assert "needs it" in finding.note
    assert finding.chain == ("outer", "inner")
    named = mentions("pyproject.toml", '[project]\nname="app"\ndependencies=["inner"]\n')
    (finding,) = join_packages([*needing, *named], catalogue(component("inner")))
    assert finding.rating is Rating.IDENTIFIES


def test_a_project_and_its_environment_are_one_place_and_two_projects_are_two() -> None:
    known = catalogue(component("inner"))
    listed = [
        *mentions("a/requirements.txt", "inner==1.0\n"),
        *mentions("a/.venv/lib/python3.11/site-packages/inner-2.dist-info/METADATA", "Name: inner\nVersion: 2\n\n"),
        *mentions("b/requirements/prod.txt", "inner\n"),
    ]
    first, second = join_packages(listed, known)
    assert [one.path for one in first.evidence] == [
        "a/.venv/lib/python3.11/site-packages/inner-2.dist-info/METADATA",
        "a/requirements.txt",
    ]
    assert first.version == "2"
    assert second.path == "b/requirements/prod.txt"
    assert second.chain == ("inner",)


def test_a_version_from_before_it_could_does_not() -> None:
    known = catalogue(component("inner", since="4.5.4", rating="can"))
    (old,) = join_packages(mentions("requirements.txt", "inner==4.5.3.56\n"), known)
    assert old.rating is Rating.DOES_NOT
    assert old.abilities == (Ability.DETECT,)
    assert "4.5.4" in old.note
    for text in ("inner==4.5.4.58\n", "inner>=3\n", "inner\n"):
        (finding,) = join_packages(mentions("requirements.txt", text), known)
        assert finding.rating is Rating.CAN


def test_a_manifest_that_only_bears_the_name_is_likely() -> None:
    known = catalogue(component("facer", names={"npm": ["facer"]}))
    (own,) = join_packages(mentions("package.json", '{"name":"facer","version":"1.0.0"}'), known)
    assert own.confidence is Confidence.LIKELY
    (unpacked,) = join_packages(mentions("x.tgz!/package/package.json", '{"name":"facer","version":"1.0.0"}'), known)
    assert unpacked.confidence is Confidence.CERTAIN


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_findings_do_not_depend_on_the_order_of_mentions(random: object) -> None:
    known = catalogue(
        component("dlib"),
        component("deepface"),
        component("fer"),
        component("face-api", names={"npm": ["face-api.js"]}),
    )
    listed = [one for path, (content, _) in FORMATS.items() for one in mentions(f"p{len(path) % 3}/{path}", content)]
    shuffled = list(listed)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert join_packages(shuffled, known) == join_packages(listed, known)
    assert len(join_packages(listed, known)) > 4


def test_circles_of_packages_end() -> None:
    text = "".join(
        f'[[package]]\nname="{a}"\nversion="1"\n[package.dependencies]\n{b}="1"\n' for a, b in ("ab", "bc", "ca")
    )
    (finding,) = join_packages(mentions("poetry.lock", text), catalogue(component("c")))
    assert finding.chain == ()


def test_nothing_that_hides_comes_out_of_a_name() -> None:
    text = json.dumps({"dependencies": {"evil\x1b[2J": "1", "\u202egnp.exe": "1", "a b": "1", "ok": "1.0.0\x1b"}})
    assert named("package.json", text) == {"npm:ok@"}
    said = " ".join(one.evidence.what for one in mentions("package.json", text))
    assert said.isprintable()


def test_addresses_with_secrets_are_not_repeated() -> None:
    text = "git+https://user:hunter2@github.com/a/b.git\n--index-url https://u:hunter2@x/simple\n"
    assert "hunter2" not in repr(observe("requirements.txt", text))


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:npm/%40vladmandic/face-api@1.7.13", (Ecosystem.NPM, "@vladmandic/face-api", "1.7.13")),
        ("pkg:npm/@vladmandic/face-api", (Ecosystem.NPM, "@vladmandic/face-api", "")),
        ("pkg:PyPI/Face_Recognition@1.3.0?x=y#z", (Ecosystem.PYPI, "face-recognition", "1.3.0")),
        ("pkg:deb/debian/libdlib19.1@1%3A19?arch=amd64", (Ecosystem.DEBIAN, "libdlib19.1", "1:19")),
        ("pkg:maven/org.x/y@1", (Ecosystem.MAVEN, "org.x:y", "1")),
        ("pkg:golang/github.com/Kagami/go-face@v1", (Ecosystem.GO, "github.com/Kagami/go-face", "v1")),
        ("pkg:docker/exadel/compreface-core@sha256:0", (Ecosystem.DOCKER, "exadel/compreface-core", "sha256:0")),
        ("pkg:klingon/x@1", None),
        ("dlib", None),
        ("pkg:", None),
    ],
)
def test_package_urls(purl: str, expected: object) -> None:
    assert parse_purl(purl) == expected


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(Ecosystem)), st.text(max_size=30))
def test_what_is_compared_is_stable(ecosystem: Ecosystem, name: str) -> None:
    parse_purl(f"pkg:{ecosystem}/{name}")
    assert isinstance(comparable(ecosystem, name), str)

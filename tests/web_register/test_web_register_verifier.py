"""The checker that anyone can host, in a real browser: what it accepts, and what it must not."""

from __future__ import annotations

import base64
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Serve
from starlette.types import ASGIApp

from passerby.errors import FormatError
from passerby.register import Entry, FileSigner, Log, LogReader, Proof, Remark
from passerby.register.notes.checkpoint import cosign
from passerby.register.notes.note import COSIGNATURE, Signature, cosigned_message
from passerby.register.tiles.merkle import leaf_hash
from passerby.web.register.follow import LogFollower
from passerby.web.register.pages import verifier_page
from passerby.web.register.server import register_app

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route
    from tests.web_register.conftest import City, Site, Visit

pytestmark = pytest.mark.browser
Visitor = Callable[..., "Visit"]
Serving = Callable[[ASGIApp], AbstractContextManager[str]]
ORIGIN = "cameras.example.org/log"


def publish_signed(
    site: Site, signer: FileSigner, time_s: int, alter: Callable[[bytes], bytes] = lambda value: value
) -> None:
    """Let one witness sign a register's checkpoint at any time, also at one that it must not."""
    public = site.folder / "public"
    bare = (public / "checkpoint").read_bytes()
    text = bare.decode().split("\n\n")[0] + "\n"
    value = time_s.to_bytes(8, "big") + signer.sign(cosigned_message(text.encode(), time_s))
    line = Signature(signer.key.name, signer.key.key_id, alter(value)).to_line()
    (public / "checkpoint").unlink()
    (public / "checkpoint").write_bytes(bare + line.encode())
    (public / "policy").unlink(missing_ok=True)
    (public / "policy").write_text(f"witness w0 {signer.key}\nquorum w0\n")


@pytest.fixture(scope="module")
def newspaper(serving: Serving) -> Iterator[str]:
    """Somebody else's server, with nothing but the one file."""

    async def file(_request: Request) -> Response:
        return Response(verifier_page()[0], media_type="text/html")

    with serving(Starlette(routes=[Serve("/check.html", file)])) as url:
        yield f"{url}check.html"


def check(page: Page, url: str, /, **asked: str) -> tuple[str, str]:
    """Open the checker, press its button, and return how it went and all that it says."""
    page.goto(f"{url}#{urlencode(asked)}")
    page.click("#go")
    page.wait_for_selector("#result[data-state]", timeout=60_000)
    return page.get_attribute("#result", "data-state") or "", page.inner_text("main")


def test_newspapers_checker_finds_a_good_page_good(site: Site, newspaper: str, visit: Visitor) -> None:
    seen = visit()
    camera = f"{site.url}c/{site.city.name(0)}/"
    state, words = check(seen.page, newspaper, log=site.url, key=site.key, page=camera, entries="0, 97", lang="en")
    assert state == "good", words
    for told in (
        "Everything that was checked is right.", "The register has 98 entries.", "Entry 97 stands in the register.",
        '"kind":"request.opened"', "/faces_covered: ", "Unwitnessed: too few independent witnesses",
    ):  # fmt: skip
        assert told in words, told
    assert not [line for line in seen.complaints if "404" not in line], "only the policy and rotations may be missing"
    assert seen.page.evaluate("localStorage.length") == 0


def test_checker_speaks_the_readers_language(site: Site, visit: Visitor) -> None:
    state, words = check(visit(locale="de-AT").page, f"{site.url}verify.html", log=site.url, key=site.key)
    assert state == "good"
    assert "Von diesem Schlüssel signiert. Das Register hat 98 Einträge." in words
    assert "Unbezeugt" in words


def test_link_on_the_camera_page_opens_the_checker_filled_in(site: Site, visit: Visitor) -> None:
    page = visit().open(f"{site.url}fr/c/{site.city.name(0)}/").page
    page.click("a[href*='verify.html']")
    page.wait_for_selector("#form:not([hidden])")
    assert page.input_value("#log") == site.url
    assert page.input_value("#page") == f"{site.url}fr/c/{site.city.name(0)}/"
    page.focus("#log")
    page.keyboard.press("Enter")
    page.wait_for_selector("#result[data-state=good]", timeout=60_000)


def test_checker_without_script_says_what_to_do_in_every_language(site: Site, visit: Visitor) -> None:
    words = visit(java_script_enabled=False).open(f"{site.url}verify.html").page.inner_text("main")
    assert words.count("passerby register check") >= 4
    assert "Activez JavaScript" in words


@pytest.mark.parametrize(
    ("file", "alter", "words"),
    [
        ("tile/entries/000.p/98", lambda b: b[:40] + bytes([b[40] ^ 1]) + b[41:], "does not stand in the signed register"),
        ("tile/entries/000.p/98", lambda b: b[:-1], "does not have the form"),
        ("tile/0/000.p/98", lambda b: b[:40] + bytes([b[40] ^ 1]) + b[41:], "does not stand in the signed register"),
        ("tile/0/000.p/98", lambda b: b[:-32], "does not have the form"),
        ("checkpoint", lambda b: b.replace(b"\n98\n", b"\n97\n"), "signature of the operator's key is wrong"),
        ("checkpoint", lambda b: b.replace("— ".encode(), b"- "), "does not have the form"),
        ("checkpoint", lambda b: b.replace(b"log\n98", b"lie\n98"), "signature of the operator's key is wrong"),
        ("checkpoint", lambda _: b"", "does not have the form"),
        ("policy", lambda _: b"quorum nobody\n", "does not have the form"),
    ],
)  # fmt: skip
def test_changed_file_of_the_log_fails_visibly(
    site: Site,
    newspaper: str,
    visit: Visitor,
    file: str,
    alter: Callable[[bytes], bytes],
    words: str,
) -> None:
    seen = visit()

    def handle(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=alter(answer.body()))

    seen.page.route(f"{site.url}{file}", handle)
    state, told = check(seen.page, newspaper, log=site.url, key=site.key, entries="0", lang="en")
    assert state == "bad", told
    assert words in told
    assert "The check FAILED." in told


def test_wrong_key_with_the_right_name_fails(site: Site, newspaper: str, visit: Visitor) -> None:
    other = str(FileSigner.fresh(ORIGIN).key)
    state, words = check(visit().page, newspaper, log=site.url, key=other, lang="en")
    assert (state, "The expected key did not sign." in words) == ("bad", True)


def test_entry_that_is_not_there_fails(site: Site, newspaper: str, visit: Visitor) -> None:
    state, words = check(visit().page, newspaper, log=site.url, key=site.key, entries="98", lang="en")
    assert (state, "does not stand in the signed register" in words) == ("bad", True)


def test_page_that_lies_about_its_entry_fails(site: Site, newspaper: str, visit: Visitor) -> None:
    seen = visit()
    camera = f"{site.url}c/{site.city.name(1)}/"

    def lie(route: Route) -> None:
        answer = route.fetch()
        assert 'value="false"' in answer.text(), "its self-test failed"
        route.fulfill(response=answer, body=answer.text().replace('value="false"', 'value="true"'))

    seen.page.route(camera, lie)
    state, words = check(seen.page, newspaper, log=site.url, key=site.key, page=camera, lang="en")
    assert (state, "shows something other than the entry says" in words) == ("bad", True)


def test_server_that_is_not_there_is_said(newspaper: str, site: Site, visit: Visitor) -> None:
    state, words = check(visit().page, newspaper, log="http://127.0.0.1:9/", key=site.key, lang="en")
    assert (state, "The server did not answer" in words) == ("bad", True)


def test_witnessed_register_says_so_and_one_witness_too_few_does_not(
    own_site: Site, newspaper: str, visit: Visitor
) -> None:
    public = own_site.folder / "public"
    signers = [FileSigner.fresh(f"w{n}.example", COSIGNATURE) for n in range(3)]
    lines = [f"witness w{n} {signer.key}" for n, signer in enumerate(signers)]
    policy = "\n".join([*lines, "group all 2 w0 w1 w2", "quorum all", ""])
    bare = (public / "checkpoint").read_bytes()
    text = bare.decode().split("\n\n")[0] + "\n"

    def publish(count: int, *, twice: bool = False) -> None:
        made = [cosign(text, signer, int(time.time())).to_line() for signer in signers[:count]]
        (public / "checkpoint").unlink()
        (public / "checkpoint").write_bytes(bare + "".join(made * (2 if twice else 1)).encode())

    (public / "policy").unlink(missing_ok=True)
    (public / "policy").write_text(policy)
    for count, twice, words in (
        (2, False, "Witnessed by 2"),
        (1, False, "Unwitnessed"),
        (1, True, "Unwitnessed"),
        (0, False, "Unwitnessed"),
    ):
        publish(count, twice=twice)
        state, told = check(visit().page, newspaper, log=own_site.url, key=own_site.key, lang="en")
        assert (state, words in told) == ("good", True), told
    publish(2)
    page = visit().page
    page.goto(f"{newspaper}#{urlencode({'log': own_site.url, 'key': own_site.key, 'lang': 'en'})}")
    page.fill("#policy", "\n".join([*lines, "group all 3 w0 w1 w2", "quorum all"]))
    page.click("#go")
    page.wait_for_selector("#result[data-state]")
    assert "Unwitnessed" in page.inner_text("main"), "the reader's own policy asks for three"


@pytest.mark.parametrize("ahead_s", [-(10**9), 2 * 365 * 86_400, 300_000_000_000, 2**62])
def test_witness_of_a_time_that_cannot_be_is_named_and_does_not_count(
    own_site: Site, newspaper: str, visit: Visitor, ahead_s: int
) -> None:
    publish_signed(own_site, FileSigner.fresh("w0.example", COSIGNATURE), int(time.time()) + ahead_s)
    state, told = check(visit().page, newspaper, log=own_site.url, key=own_site.key, lang="en")
    assert state == "good", "the log's own key signed it"
    assert re.search(r"The time of witness w0\.example, .*, cannot be: its signature does not count", told)
    assert "Unwitnessed" in told
    assert "Witnessed by" not in told


@pytest.mark.parametrize(
    ("language", "words", "end"),
    [
        (
            "en",
            "What a witness signed carries a time that cannot be.: w0.example, {time}",
            "The operator's own signature is right",
        ),
        (
            "fr",
            "un témoin a signé porte une heure impossible.: w0.example, {time}",
            "exploitant, elle, est juste",
        ),
        (
            "de",
            "Was ein Zeuge unterschrieben hat, trägt eine Zeit, die nicht sein kann.: w0.example, {time}",
            "des Betreibers selbst stimmt",
        ),
    ],
)
@pytest.mark.parametrize("time_s", [0, 2**63 + 5])
def test_fault_of_a_witness_is_told_as_the_witness_s(
    own_site: Site, newspaper: str, visit: Visitor, language: str, words: str, end: str, time_s: int
) -> None:
    signer = FileSigner.fresh("w0.example", COSIGNATURE)
    publish_signed(own_site, signer, time_s)
    state, told = check(visit().page, newspaper, log=own_site.url, key=own_site.key, lang=language)
    assert state == "bad"
    assert words.format(time=time_s) in told
    assert end in told
    for accused in (
        "operator's key is wrong",
        "exploitant est fausse",
        "Betreiberschlüssels ist falsch",
        "Do not rely",
    ):
        assert accused not in told


@pytest.mark.parametrize("alter", [lambda v: v[:-1], lambda v: v[:-1] + bytes([v[-1] ^ 1]), lambda v: v + b"\0"])
def test_wrong_signature_under_a_witness_s_name_accuses_no_operator(
    own_site: Site, newspaper: str, visit: Visitor, alter: Callable[[bytes], bytes]
) -> None:
    publish_signed(own_site, FileSigner.fresh("w0.example", COSIGNATURE), int(time.time()), alter)
    state, told = check(visit().page, newspaper, log=own_site.url, key=own_site.key, lang="en")
    assert state == "bad"
    assert "The signature under the name of a witness is not the witness's.: w0.example" in told
    assert "operator's key is wrong" not in told


def test_checkpoint_that_witnesses_saw_long_ago_is_said_to_be_old(
    own_site: Site, newspaper: str, visit: Visitor
) -> None:
    """An operator may show an old state for ever: it was witnessed, and says nothing of today."""
    publish_signed(own_site, FileSigner.fresh("w0.example", COSIGNATURE), int(time.time()))
    for days, words in ((0.5, "Witnessed by 1"), (2, "Last seen by 1 on")):
        seen = visit()
        seen.page.add_init_script(f"const now = Date.now; Date.now = () => now() + {days} * 86_400_000")
        state, told = check(seen.page, newspaper, log=own_site.url, key=own_site.key, lang="en")
        assert (state, words in told, "Witnessed by" in told) == ("good", True, days < 1)


def test_changed_key_is_followed_from_the_key_that_the_reader_knows(
    own_site: Site, newspaper: str, visit: Visitor
) -> None:
    with Log.open(own_site.folder) as writer:
        writer.rotate()
        new = str(writer.key)
    state, words = check(visit().page, newspaper, log=own_site.url, key=own_site.key, entries="5", lang="en")
    assert (state, "The key was changed by entry 98" in words) == ("good", True), words
    state, words = check(visit().page, newspaper, log=own_site.url, key=new, entries="5", lang="en")
    assert (state, "was changed" in words) == ("good", False), words


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 700])
def test_entries_of_logs_of_any_size_are_proven_from_tiles(
    size: int, city: City, tmp_path: Path, serving: Serving, newspaper: str, visit: Visitor
) -> None:
    entries: list[Entry] = [Remark(at=city.begin, text=f"number {n}") for n in range(size)]
    with Log.create(tmp_path / "sized", origin=ORIGIN) as writer:
        writer.append_many(entries)
        key = str(writer.key)
    wanted = sorted({0, size - 1, size // 2, *random.Random(size).sample(range(size), min(size, 6))})
    with serving(register_app(LogFollower(tmp_path / "sized"))) as url:
        state, words = check(visit().page, newspaper, log=url, key=key, entries=" ".join(map(str, wanted)), lang="en")
    assert state == "good", words
    for index in wanted:
        assert f'"text":"number {index}"' in words


def test_parsers_refuse_what_is_not_in_its_one_spelling(newspaper: str, site: Site, visit: Visitor) -> None:
    page = visit().open(newspaper).page
    proof = LogReader.open(site.folder).prove(5).to_text()
    note = (site.folder / "public" / "checkpoint").read_text()
    name, hexed, rest = site.key.split("+", 2)
    assert page.evaluate("p => parseProof(encoder.encode(p)).index", proof) == 5
    refused = page.evaluate(
        """async (cases) => {
          const told = [];
          for (const [parse, text] of cases) {
            try {
              await { proof: (t) => parseProof(encoder.encode(t)), note: (t) => splitNote(encoder.encode(t)), key: parseKey,
                number: decimal, base64, policy: parsePolicy }[parse](text);
              told.push([parse, text, "accepted"]);
            } catch (error) {
              if (!(error instanceof Refused) || error.reason !== "format") told.push([parse, text, String(error)]);
            }
          }
          return told;
        }""",
        [
            *[["proof", text] for text in (
                "", proof.replace("@v1", "@v2"), proof.replace("index 5", "index 05"), proof.replace("index 5", "index +5"),
                proof.replace("index 5", "index  5"), proof.replace("index 5\n", "index 5\n\n"), proof.replace("\n", "\r\n"),
                proof.replace("index 5", "index 9007199254740993"), proof.replace("extra ", "extra  "),
                re.sub(r"(index 5\n)(.*)\n", r"\1\2=\n", proof), re.sub(r"(index 5\n)(.{8})", r"\1", proof),
            )],
            *[["note", text] for text in (
                "", note[:-1], note.replace("\n\n", "\n"), note.replace("— ", "—  "), note + "junk\n", note.replace("98", "9\t8"),
                note + note.rsplit("\n\n", 1)[1] * 101, "— a AAAAAAA=\n",
            )],
            *[["key", text] for text in (
                "", "a", f"{name}+{hexed}", f"{name}+{hexed}+{rest[:-4]}", f"{name}+00000000+{rest}", f"{name} +{hexed}+{rest}",
                f"{name}+{hexed.upper() if hexed != hexed.upper() else 'x'}+{rest}", f"{name}+{hexed}+{rest}=",
            )],
            *[["number", text] for text in ("", "01", "-1", "+1", "1.0", " 1", "1e3", "9007199254740993", "٣")],
            *[["base64", text] for text in ("A", "AB==", "AA=", "AA==\n", "A A=", "_-8=")],
            *[["policy", text] for text in (
                "", "quorum", "quorum x", "quorum none\nquorum none", "witness w0", "group g 1 w0\nquorum none",
                "junk\nquorum none",
                "group none any x\nquorum none", f"log {site.key} a b\nquorum none",
            )],
        ],
    )  # fmt: skip
    assert refused == []


def test_hashing_in_the_browser_is_that_of_the_log(newspaper: str, visit: Visitor) -> None:
    page = visit().open(newspaper).page
    data = list(range(256)) * 3
    made = page.evaluate("async (d) => Array.from(await leafHash(Uint8Array.from(d)))", data)
    assert bytes(made) == leaf_hash(bytes(data))


def test_quorums_of_groups_are_counted_as_the_policy_says(newspaper: str, visit: Visitor) -> None:
    keys = [str(FileSigner.fresh(f"w{n}.example", COSIGNATURE).key) for n in range(4)]
    lines = [f"witness w{n} {key}" for n, key in enumerate(keys)]
    text = "\n".join([*lines, "group x any w0 w1", "group y all w2 w3", "group both all x y", "quorum both", ""])
    page = visit().open(newspaper).page
    met = page.evaluate(
        """async ([text, sets]) => {
          const policy = await parsePolicy(text);
          return sets.map((set) => policy.metBy(set.map((n) => policy.witnesses[n])));
        }""",
        [text, [[0, 2, 3], [1, 2, 3], [0, 1], [0, 2], [2, 3], [], [0, 1, 2, 3]]],
    )
    assert met == [True, True, False, False, False, False, True]
    assert page.evaluate("async () => (await parsePolicy('quorum none\\n')).metBy([])") is False


def test_browser_and_program_agree_on_what_is_a_proof(newspaper: str, site: Site, visit: Visitor) -> None:
    proof = LogReader.open(site.folder).prove(5).to_text().encode()
    source = random.Random(6962)
    alphabet = b"\n\n\n =+/0158Aaz\r\t\xe2\x80\x94\x00\xff"
    cases = [proof]
    for _ in range(1500):
        changed = bytearray(proof)
        for _ in range(source.randint(1, 3)):
            at = source.randrange(len(changed))
            match source.randrange(4):
                case 0:
                    changed[at] = source.choice(alphabet)
                case 1:
                    del changed[at : at + source.randint(1, 40)]
                case 2:
                    changed[at:at] = bytes(source.choices(alphabet, k=source.randint(1, 3)))
                case _:
                    changed[at:at] = changed[at : at + source.randint(1, 60)]
        cases.append(bytes(changed))
    program = []
    for case in cases:
        try:
            Proof.parse(case)
        except FormatError:
            program.append(False)
        else:
            program.append(True)
    told = (
        visit()
        .open(newspaper)
        .page.evaluate(
            """(cases) => cases.map((text) => {
          try {
            parseProof(base64(text));
            return true;
          } catch (error) {
            return error instanceof Refused && error.reason === "format" ? false : String(error);
          }
        })""",
            [base64.b64encode(case).decode() for case in cases],
        )
    )
    assert [case for case, a, b in zip(cases, program, told, strict=True) if a is not b] == []
    assert 1 < sum(program) < len(cases) / 2

"""Single sign-on: whoever the provider proves gets the role of the group, and nothing else proves anybody."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from joserfc.jwk import RSAKey
from tests.gateway_site import PASSWORDS, TEXT, ConsoleSite
from tests.needs import node_tools
from tests.oidc_provider import CLIENT, SECRET, OidcProvider
from websockets.sync.client import connect

from passerby.errors import ConfigError
from passerby.gateway.access.accounts import Role
from passerby.gateway.config.load import parse_city

HOME = "http://cameras.example.org"
ROLES = "roles: {cctv-admins: admin, guards: viewer, data-protection: auditor}"


def city(issuer: str, more: str = "") -> str:
    sign_on = f'single_sign_on: {{issuer: "{issuer}", client_id: {CLIENT}, client_secret: "{SECRET}", {ROLES}{more}}}'
    return TEXT.replace("max_viewers: 3", f'max_viewers: 3, url: "{HOME}", {sign_on}')


ADDRESSES = itertools.count(10)


class Browser(httpx.Client):
    """One that comes to the console by its public name."""

    def __init__(self, site: ConsoleSite) -> None:
        # each from an address of its own, or the many here would be slowed as one
        transport = httpx.HTTPTransport(local_address=f"127.0.0.{next(ADDRESSES)}")
        headers = {"Host": "cameras.example.org"}
        super().__init__(base_url=site.url, headers=headers, timeout=20, transport=transport)

    def sign_on(self, after: str = "", change: Callable[[str], str] = lambda address: address) -> httpx.Response:
        """Go to the provider and come back; ``change`` changes the way back."""
        away = self.get("/console/sso" + (f"?next={after}" if after else ""))
        assert away.status_code == 303, away.text
        back = httpx.get(away.headers["location"]).headers["location"]
        assert back.startswith(HOME + "/console/sso/back?")
        return self.get(change(back.removeprefix(HOME)))


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    made = OidcProvider()
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(provider: OidcProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    made = ConsoleSite(tmp_path_factory.mktemp("site"), city(provider.issuer))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def honest(provider: OidcProvider) -> None:
    provider.claims, provider.about, provider.algorithm = {"groups": ["guards"]}, {}, "RS256"


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["guards"], "viewer"),
        (["x", "guards", "cctv-admins"], "admin"),
        (["data-protection"], "auditor"),
        ("guards", "viewer"),
    ],
)
def test_a_group_gives_its_role_and_the_first_in_the_file_counts(
    site: ConsoleSite, provider: OidcProvider, groups: object, role: str
) -> None:
    provider.claims["groups"] = groups
    with Browser(site) as browser:
        arrived = browser.sign_on("/console/events")
        assert arrived.status_code == 200, arrived.text
        assert 'content="0; url=/console/events"' in arrived.text
        assert f"sso:ann-example ({role})" in browser.get("/console/").text
        assert browser.get("/api/accounts").status_code == (200 if role == "admin" else 403)
        assert browser.get("/api/cameras/hall/latest.jpg").status_code == (403 if role == "auditor" else 200)
    assert site.runtime.access.lines(user="sso:ann-example")


def test_a_live_view_lasts_as_long_as_the_login(site: ConsoleSite) -> None:
    with Browser(site) as browser:
        browser.sign_on()
        cookie = {"Cookie": "; ".join(f"{key}={value}" for key, value in browser.cookies.items())}
        with connect(site.url.replace("http", "ws") + "/live/hall", additional_headers=cookie) as live:
            assert "codec" in str(live.recv(10))
        csrf = re.search(r'name="csrf" content="([^"]+)"', browser.get("/console/").text)
        assert csrf
        assert browser.post("/api/me/stream-key", headers={"X-CSRF-Token": csrf[1]}).status_code == 400
        assert "no stream key here" in browser.get("/console/me").text
        assert browser.post("/console/logout", data={"csrf": csrf[1]}).status_code == 303
        assert browser.get("/api/cameras").status_code == 401


def test_groups_that_userinfo_alone_tells_count(site: ConsoleSite, provider: OidcProvider) -> None:
    provider.claims, provider.about = {}, {"groups": ["cctv-admins"]}
    with Browser(site) as browser:
        assert browser.sign_on().status_code == 200
        assert browser.get("/api/accounts").status_code == 200


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"groups": ["others"]}, "none of your groups"),
        ({"groups": None}, "none of your groups"),
        ({"groups": {"guards": 1}}, "none of your groups"),
        ({"iss": "https://evil.example"}, "must be for this sign-on"),
        ({"aud": "another"}, "must be for this sign-on"),
        ({"aud": ["another", CLIENT]}, "must be for this console"),
        ({"azp": "another"}, "must be for this console"),
        ({"exp": 1_700_000_000}, "must be for this sign-on"),
        ({"exp": None}, "must be for this sign-on"),
        ({"iat": 4_000_000_000}, "must be for this sign-on"),
        ({"nonce": "of another sign-on"}, "must be for this sign-on"),
        ({"nonce": None}, "must be for this sign-on"),
        ({"sub": None}, "must be for this sign-on"),
    ],
)
def test_a_proof_for_something_else_proves_nobody(
    site: ConsoleSite, provider: OidcProvider, claims: dict[str, object], said: str
) -> None:
    provider.claims |= claims
    refused(site, said)


def refused(site: ConsoleSite, said: str, change: Callable[[str], str] = lambda address: address) -> None:
    with Browser(site) as browser:
        answer = browser.sign_on(change=change)
        assert answer.status_code == 403
        assert said in answer.text
        assert browser.get("/api/cameras").status_code == 401


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_proof_without_the_providers_signature_proves_nobody(
    site: ConsoleSite, provider: OidcProvider, algorithm: str
) -> None:
    provider.algorithm = algorithm
    refused(site, "must be signed by its key")


def test_a_proof_by_another_key_proves_nobody(site: ConsoleSite, provider: OidcProvider) -> None:
    right = provider.key
    provider.key = RSAKey.generate_key(2048, {"kid": "one"})
    try:
        refused(site, "must be signed by its key")
    finally:
        provider.key = right


def test_userinfo_of_another_person_proves_nobody(site: ConsoleSite, provider: OidcProvider) -> None:
    provider.claims, provider.about = {}, {"sub": "18", "groups": ["cctv-admins"]}
    refused(site, "told of another")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda address: re.sub(r"state=[^&]+", "state=forged", address), "did not begin here"),
        (lambda address: re.sub(r"code=[^&]+", "code=forged", address), "did not take the sign-on"),
        (lambda address: re.sub(r"iss=[^&]+", "iss=https://evil.example", address), "another provider"),
        (lambda address: re.sub(r"code=[^&]+", "error=access_denied", address), "refused the sign-on"),
        (lambda _: "/console/sso/back", "did not begin here"),
    ],
)
def test_a_way_back_that_was_changed_leads_nowhere(site: ConsoleSite, change: Callable[[str], str], said: str) -> None:
    refused(site, said, change)


def test_a_sign_on_that_began_in_another_browser_is_refused(site: ConsoleSite) -> None:
    with Browser(site) as attacker, Browser(site) as victim:
        away = attacker.get("/console/sso")
        back = httpx.get(away.headers["location"]).headers["location"].removeprefix(HOME)
        answer = victim.get(back)
        assert answer.status_code == 403
        assert "another browser" in answer.text
        assert attacker.get(back).status_code == 403, "and it is used up"


def test_whoever_sets_out_too_often_is_told_when_to_come_again(site: ConsoleSite) -> None:
    with Browser(site) as browser:
        found = [browser.get("/console/sso") for _ in range(40)]
    assert found[0].status_code == 303
    late = next(one for one in found if one.status_code == 429)
    assert int(late.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("after", ["https://evil.example", "//evil.example", "/console//evil", "/api/cameras"])
def test_a_sign_on_goes_on_to_own_pages_only(site: ConsoleSite, after: str) -> None:
    with Browser(site) as browser:
        assert 'content="0; url=/console/"' in browser.sign_on(after).text


def test_login_by_password_stays_and_both_are_offered(site: ConsoleSite) -> None:
    with Browser(site) as browser:
        assert '<a class="button" href="/console/sso?next=">Single sign-on</a>' in browser.get("/console/login").text
        form = {"name": "viewer", "password": PASSWORDS[Role.VIEWER]}
        assert browser.post("/console/login", data=form).status_code == 303
        assert httpx.get(site.url + "/api/cameras", auth=("sso:ann-example", "")).status_code == 401


@pytest.mark.parametrize(
    "description",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/auth"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_not_used(tmp_path: Path, description: dict[str, object]) -> None:
    provider = OidcProvider()
    provider.description = description
    site = ConsoleSite(tmp_path, city(provider.issuer))
    answer = httpx.get(site.url + "/console/sso")
    assert answer.status_code == 503
    assert "the provider" in answer.text
    site.close()
    provider.close()


def test_where_no_provider_is_there_is_no_way_to_one(tmp_path: Path) -> None:
    site = ConsoleSite(tmp_path)
    assert httpx.get(site.url + "/console/sso").status_code == 404
    assert "sso" not in httpx.get(site.url + "/console/login").text
    site.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("roles: {", "roles: {x: god, "), "roles"),
        ((f'url: "{HOME}", ', ""), "must have url where single_sign_on is"),
        (("http://127.0.0.1:1", "http://id.example.org"), "https://"),
        ((SECRET, "short"), "client_secret"),
    ],
)
def test_a_provider_that_cannot_be_is_refused_with_its_line(change: tuple[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_city(city("http://127.0.0.1:1").replace(*change), Path("/x/city.yml"))
    assert said in caught.value.message
    assert SECRET not in caught.value.message


# a provider that is none of ours


@pytest.mark.tool
@pytest.mark.parametrize(("person", "status"), [("ann", 200), ("bob", 403)])
def test_oidc_provider_of_npm_signs_on_whom_a_group_admits(tmp_path: Path, person: str, status: int) -> None:
    node, folder = node_tools("oidc-provider")
    # its redirect addresses must be https, or of this machine
    home = "http://127.0.0.1:1"
    command = [node, str(folder / "oidc.mjs"), home + "/console/sso/back", SECRET]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    site = None
    try:
        issuer = process.stdout.readline().strip()
        site = ConsoleSite(tmp_path, city(issuer).replace(HOME, home))
        with httpx.Client(base_url=site.url, timeout=20) as browser, httpx.Client(timeout=20) as there:
            address = browser.get("/console/sso").headers["location"]
            back = through(there, issuer, address, person)
            assert back.startswith(home + "/console/sso/back?")
            arrived = browser.get(back.removeprefix(home))
            assert arrived.status_code == status, arrived.text
            assert browser.get("/api/cameras").status_code == (200 if status == 200 else 401)
            assert browser.get(back.removeprefix(home)).status_code == 403, "a code is used once"
    finally:
        if site is not None:
            site.close()
        process.terminate()
        process.wait(20)
        process.stdout.close()


def through(there: httpx.Client, issuer: str, address: str, person: str) -> str:
    """Go through the provider's pages as a person does, until it sends us back."""
    for _ in range(12):
        if not address.startswith(issuer):
            return address
        page = there.get(address)
        if page.is_redirect:
            address = urljoin(str(page.url), page.headers["location"])
            continue
        form = re.search(r'<form[^>]* action="([^"]+)"', page.text)
        prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
        assert form, page.text
        assert prompt, page.text
        fields = {"prompt": prompt[1]} | ({"login": person, "password": "any"} if prompt[1] == "login" else {})
        answer = there.post(urljoin(str(page.url), form[1]), data=fields)
        address = urljoin(str(page.url), answer.headers["location"])
    raise AssertionError("the provider sent us round and round")

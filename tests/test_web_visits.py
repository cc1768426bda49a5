"""A register that everybody may read: one address asks too much and is told when to come again; the others are served."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from passerby.cli import main
from passerby.gateway.entrance.limits import RateLimit
from passerby.register import Log, Remark
from passerby.web.register.follow import LogFollower
from passerby.web.register.server import register_app
from passerby.web.visits import BURST, PER_S, holder_of

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def follower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogFollower]:
    path = tmp_path_factory.mktemp("log") / "log"
    with Log.create(path, origin="cameras.example.org/log") as log:
        log.append_many([Remark(at=NOW, text=f"remark {n}") for n in range(3)])
    with closing(LogFollower(path)) as made:
        yield made


class Visitors:
    """Visitors of one server, whose limit is of a clock that stands."""

    def __init__(self, follower: LogFollower, proxies: tuple[str, ...] = ()) -> None:
        self.now_s = 0.0
        limit = RateLimit(8, 2, clock=lambda: self.now_s)
        self._app = register_app(follower, proxies=proxies, limit=limit)

    def ask(self, address: str, path: str = "/checkpoint", **headers: str) -> tuple[int, str | None]:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = asyncio.run(self._get(address, path, told))
        return answer.status_code, answer.headers.get("retry-after")

    async def _get(self, address: str, path: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, client=(address, 4000))
        async with httpx.AsyncClient(transport=transport, base_url="http://cameras.example.org") as client:
            return await client.get(path, headers=headers)


def test_one_address_is_refused_and_the_others_are_served(follower: LogFollower) -> None:
    visitors = Visitors(follower)
    assert [visitors.ask("192.0.2.7")[0] for _ in range(8)] == [200] * 8
    assert visitors.ask("192.0.2.7") == (429, "1")
    assert visitors.ask("192.0.2.8") == (200, None)
    visitors.now_s = 1.0
    assert [visitors.ask("192.0.2.7")[0] for _ in range(3)] == [200, 200, 429]


def test_what_is_made_anew_counts_more_than_a_file(follower: LogFollower) -> None:
    visitors = Visitors(follower)
    assert [visitors.ask("192.0.2.7", path)[0] for path in ("/proof/1", "/", "/verify.html")] == [200, 200, 429]
    assert visitors.ask("192.0.2.8", "/nothing")[0] == 404


def test_a_household_of_ipv6_is_one(follower: LogFollower) -> None:
    visitors = Visitors(follower)
    assert [visitors.ask(f"2001:db8:1:2::{n}")[0] for n in range(9)] == [200] * 8 + [429]
    assert visitors.ask("2001:db8:1:3::1")[0] == 200


def test_behind_a_proxy_of_this_machine_each_visitor_has_its_own(follower: LogFollower) -> None:
    """Most run it so: were they all taken for the proxy, one would lock the others out."""
    visitors = Visitors(follower)
    told = [visitors.ask("127.0.0.1", x_forwarded_for="192.0.2.7")[0] for _ in range(9)]
    assert told == [200] * 8 + [429]
    assert visitors.ask("127.0.0.1", x_forwarded_for="192.0.2.8")[0] == 200
    assert {visitors.ask("127.0.0.1")[0] for _ in range(20)} == {200}, "a proxy that does not say whom it speaks for"


def test_what_a_proxy_elsewhere_says_is_believed_where_it_is_named(follower: LogFollower) -> None:
    named, others = Visitors(follower, ("10.0.0.0/8",)), Visitors(follower)
    assert {named.ask("10.1.1.1", x_forwarded_for=f"192.0.2.{n}")[0] for n in range(20)} == {200}
    assert others.ask("10.1.1.1", x_forwarded_for="192.0.2.1")[0] == 200
    assert 429 in {others.ask("10.1.1.1", x_forwarded_for=f"192.0.2.{n}")[0] for n in range(20)}, (
        "anybody may write that"
    )


@pytest.mark.parametrize("address", ["", "local", "unix", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "1.2.3"])
def test_this_machine_and_who_has_no_address_are_no_strangers(address: str) -> None:
    assert holder_of(address) is None


def test_the_usual_limit_lets_an_office_check_a_log_together() -> None:
    assert BURST >= 20 * PER_S


def test_a_proxy_that_is_none_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["register", "serve", str(tmp_path), "--trusted-proxy", "nginx"])
    assert ended.value.code == 2
    assert "--trusted-proxy must be an address or a network, got 'nginx'" in capsys.readouterr().err

"""``passerby register site`` and ``passerby register serve``: the citizen's side of a log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.register.input import WithinOption, read_key, read_policy
from passerby.errors import UsageError
from passerby.languages import FALLBACK_LANGUAGE, LANGUAGES
from passerby.register import WITHIN_S
from passerby.values import digest_bytes, is_loopback
from passerby.web import (
    LogFollower,
    SiteAddresses,
    bind_port,
    copy_log,
    networks_of,
    serve_register,
    verifier_page,
    write_site,
)

STATE = ".register-state.json"
LogArgument = Annotated[str, typer.Argument(metavar="LOG", help="The log: a directory, a URL or an object store.")]
KeyOption = Annotated[str | None, typer.Option("--vkey", help="The log's key as you know it from elsewhere.")]
PolicyOption = Annotated[
    Path | None, typer.Option("--policy", exists=True, dir_okay=False, help="Witnesses that count (tlog-policy).")
]
LanguageOption = Annotated[str, typer.Option(help=f"Language of addresses that name none: {', '.join(LANGUAGES)}.")]
UrlOption = Annotated[str | None, typer.Option("--url", help="Where the pages stand for everybody; signs point there.")]


def add_commands(register: typer.Typer) -> None:
    """Add both commands to ``passerby register``."""
    register.command("site")(site)
    register.command("serve")(serve)


def site(
    *,
    log: LogArgument,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", file_okay=False, help="Folder to write; its files are replaced one by one."),
    ],
    url: UrlOption = None,
    log_url: Annotated[str | None, typer.Option(help="Where the log stands, if not beside the pages.")] = None,
    language: LanguageOption = FALLBACK_LANGUAGE,
    vkey: KeyOption = None,
    policy: PolicyOption = None,
    copy: Annotated[bool, typer.Option("--copy-log", help="Copy the log's files beside the pages.")] = False,
    within: WithinOption = WITHIN_S,
) -> None:
    """Write the public pages of a log as files, for any web server. Exit code 3 when it was not read in time: run it again."""
    follower = LogFollower(
        log,
        vkey=read_key(vkey),
        policy=read_policy(policy),
        addresses=addresses_of(url, log_url),
        saved=output / STATE,
        within_s=within,
    )
    written = write_site(follower, output, language=known_language(language))
    copied = copy_log(follower, output) if copy else 0
    typer.echo(
        f"{output}: {written.pages} pages, {written.proofs} proofs, {written.changed + copied} files written, "
        f"log of {written.size} entries",
        err=True,
    )
    typer.echo(
        f"verify.html: {digest_bytes(verifier_page()[0])}, the same for every register of this version", err=True
    )
    say_notes(follower, url)
    follower.close()


def serve(
    *,
    log: LogArgument,
    host: Annotated[
        str, typer.Option(help="Address to listen on; this machine only unless you say otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8480,
    url: UrlOption = None,
    language: LanguageOption = FALLBACK_LANGUAGE,
    vkey: KeyOption = None,
    policy: PolicyOption = None,
    state: Annotated[Path | None, typer.Option(help="File that keeps what was read, for a quick restart.")] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="A proxy whose X-Forwarded-For is believed, besides those on this machine."
        ),
    ] = None,
) -> None:
    """Serve a log and its public pages. Each address may ask for 200 files a second, or 50 pages, and 20 times that at once."""
    proxies = trusted_proxy or []
    try:
        networks_of(proxies)
    except ValueError as exc:
        raise UsageError(f"--trusted-proxy must be an address or a network, got {exc}") from exc
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    here, spoken = addresses_of(url or (address if is_loopback(host) else None), None), known_language(language)
    with bind_port(host, port) as listener:
        follower = LogFollower(log, vkey=read_key(vkey), policy=read_policy(policy), addresses=here, saved=state)
        follower.save()
        say_notes(follower, here.base_url)
        if not is_loopback(host):
            typer.echo(
                "note: this server speaks plain HTTP; browsers check proofs only over https, so put TLS before it",
                err=True,
            )
        serving = f"serving {follower.seen.origin} ({follower.seen.size} entries) on {address}"
        serve_register(
            follower,
            listener=listener,
            language=spoken,
            proxies=proxies,
            ready=lambda: typer.echo(serving, err=True),
        )
        follower.save()
        follower.close()


def addresses_of(url: str | None, log_url: str | None) -> SiteAddresses:
    """Return where pages and log stand.

    Raises:
        UsageError: an address is no http address.
    """
    for given in (url, log_url):
        if given is not None and not re.fullmatch(r"https?://[^\s?#\"'<>]+", given):
            raise UsageError(f"address must start with https:// or http://, got {given!r}")
    base = url if url is None or url.endswith("/") else f"{url}/"
    return SiteAddresses(base, log_url or "./")


def known_language(language: str) -> str:
    """Return a language that there is.

    Raises:
        UsageError: there is no such translation.
    """
    if language not in LANGUAGES:
        raise UsageError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}")
    return language


def say_notes(follower: LogFollower, url: str | None) -> None:
    """Say what the operator should know."""
    if follower.reader.own_word:
        typer.echo("note: the key was taken from the log itself; give --vkey to be sure whose log it is", err=True)
    if not follower.seen.met:
        typer.echo("note: this log is unwitnessed, and the pages say so", err=True)
    if url is None:
        typer.echo(
            f"note: signs point to https://{follower.seen.origin}/; give --url if the pages stand elsewhere", err=True
        )

"""``passerby authority``: what a court or a supervisor keeps to take part in a register. It is a witness from the start.

An authority names two keys to a log: one to approve with, made and kept by OpenSSH, and one to cosign with, made here. Whoever
has a say in openings thereby also sees to it that the log shows everybody the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from passerby import register
from passerby.cli.old_names import add_old_name
from passerby.cli.register import witness as verb_witness
from passerby.cli.register.input import KEY_HINT, NAME_HINT, typed
from passerby.errors import UsageError

_Path = Annotated[Path, typer.Argument(metavar="DIR", help="The authority's directory.")]
SSH_HINT = "make one with `ssh-keygen -t ed25519` and give the file that ends in .pub"
_SSH_TYPES = ("ssh-ed25519", "sk-ssh-ed25519@openssh.com")


def add_to(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="An authority's keys, and its witness for the logs it has a say in.")
    group.command("init")(init)
    group.command("add-log")(verb_witness.add_log)
    group.command("serve")(verb_witness.serve)
    add_old_name(group, "run", verb_witness.serve, old="authority run", new="authority serve")
    app.add_typer(group, name="authority")


def init(
    *,
    path: _Path,
    name: Annotated[str, typer.Option(help="The authority's name: a URL without https://, no + and no space.")],
    log: Annotated[list[str], typer.Option(help="Verifier key of a log it has a say in; may be given again.")],
    ssh_key: Annotated[
        Path, typer.Option(help="Public key that it approves with, as ssh-keygen -t ed25519 writes it (.pub).")
    ],
) -> None:
    """Make the authority's witness, and print its keys as entries that operators append to their logs."""
    approve = read_ssh_key(ssh_key)
    with typed(KEY_HINT):
        register.Policy.parse("\n".join([*(f"log {key}" for key in log), "quorum none", ""]))  # before anything is made
    with typed(NAME_HINT):
        cosign = register.Witness.create(path, name)
    for key in log:
        register.Witness.add_log(path, key)
    keys = (("approve", approve), ("cosign", str(cosign)))
    entries = [{"kind": "key.added", "holder": "authority", "name": name, "use": use, "key": key} for use, key in keys]
    typer.echo(json.dumps(entries, indent=1))
    typer.echo(
        f"next: have each log append this (`passerby register append`), then `passerby authority serve {path}`",
        err=True,
    )


def read_ssh_key(path: Path) -> str:
    """Return type and key of an OpenSSH public key, without its comment, which often names a person.

    Raises:
        UsageError: the file cannot be read, or is no Ed25519 public key.
    """
    try:
        words = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise UsageError(f"{path} cannot be read as a public key: {why}", hint=SSH_HINT) from error
    if len(words) < 2 or words[0] not in _SSH_TYPES:
        found = words[0][:40] if words else "nothing"
        raise UsageError(f"{path} must begin with {' or '.join(_SSH_TYPES)}, got {found}", hint=SSH_HINT)
    return f"{words[0]} {words[1]}"

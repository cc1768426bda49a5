"""Checks who signed a declaration: an SSH signature, by ``ssh-keygen``, which knows every key and every rule of allowed signers.

Source: OpenSSH, PROTOCOL.sshsig; ssh-keygen(1), sections ``-Y verify`` and ALLOWED SIGNERS. A parser of our own would be longer
and worse; whoever can sign has the program.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from passerby.errors import ScanError

NAMESPACE = "passerby-declaration"
"""What is signed for: ``ssh-keygen -Y sign -n passerby-declaration -f KEY FILE``."""
SSH_KEYGEN = "ssh-keygen"
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """Whether a signature is right.

    Attributes:
        good: It is, and of an allowed signer where these were given.
        key: Fingerprint of the key; empty where it is not known.
        signer: Who that is, by the file of allowed signers; empty without one.
        reason: Why it is not good, or empty.
    """

    good: bool
    key: str = ""
    signer: str = ""
    reason: str = ""


def check_signature(
    data: bytes, signature: Path, signers: Path | None, *, namespace: str = NAMESPACE, program: str = SSH_KEYGEN
) -> SignatureCheck:
    """Check the signature of a declaration, or of another file that is signed for something else.

    Args:
        data: What was signed.
        signature: The file that ``ssh-keygen -Y sign`` wrote.
        signers: A file of allowed signers; without one it is checked that some key signed.
        namespace: What must have been signed for.
        program: Another name of ``ssh-keygen``.

    Raises:
        ScanError: a file cannot be read, or there is no ``ssh-keygen``.
    """
    for file in filter(None, (signature, signers)):
        try:
            file.open("rb").close()
        except OSError as exc:
            raise ScanError(
                f"file must be readable to check a declaration, got {file}: {exc.strerror}",
                hint=f"a supplier signs by: ssh-keygen -Y sign -n {namespace} -f KEY FILE",
            ) from exc
    given = ["-n", namespace, "-s", str(signature)]
    if signers is None:
        done = _run([program, "-Y", "check-novalidate", *given], data)
        return _answer(done, "")
    found = _run([program, "-Y", "find-principals", "-s", str(signature), "-f", str(signers)], data)
    names = found.stdout.splitlines()
    if found.returncode or not names:
        alone = check_signature(data, signature, None, namespace=namespace, program=program)
        reason = "it was signed by nobody of the allowed signers" if alone.good else alone.reason
        return SignatureCheck(good=False, key=alone.key, reason=reason)
    signer = names[0].partition(",")[0]
    done = _run([program, "-Y", "verify", "-f", str(signers), "-I", signer, *given], data)
    return _answer(done, signer)


def _run(command: list[str], data: bytes) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_SECONDS, check=False)
    except FileNotFoundError as exc:
        raise ScanError(
            "ssh-keygen must be there to check a declaration's signature, is not", hint="install OpenSSH"
        ) from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ScanError("ssh-keygen must answer to check a declaration's signature, did not") from exc
    out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(command, done.returncode, out, err)


def _answer(done: subprocess.CompletedProcess[str], signer: str) -> SignatureCheck:
    key = re.search(r"SHA256:[A-Za-z0-9+/]{43}", done.stdout)
    if done.returncode or key is None:
        return SignatureCheck(good=False, reason="it does not fit the file, the key, or what may be signed with it")
    return SignatureCheck(good=True, key=key[0], signer=signer)

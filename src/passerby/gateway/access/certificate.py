"""The certificate that the gateway signs itself where none is given: made once, kept, made anew a month before it ends."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from passerby.errors import OutputError, ServiceError
from passerby.files import write_atomic
from passerby.values import utc_now

_LENGTH = timedelta(days=397)
"""Source: the longest that browsers take from any authority; a longer one brings extra warnings."""
_RENEW = timedelta(days=30)


def own_certificate(folder: Path, host: str) -> tuple[Path, Path, str]:
    """Return the certificate's file, its key's file and its SHA-256 fingerprint, made if needed.

    Args:
        folder: Where they are kept; the key gets mode 0600.
        host: Address that is listened on; names of this machine are added.

    Raises:
        ServiceError: they cannot be read or written.
    """
    certificate, key = folder / "certificate.pem", folder / "certificate-key.pem"
    try:
        found = _sound(certificate, key)
        if found is None:
            found = _make(certificate, key, host)
    except (OSError, OutputError) as exc:
        told = exc.strerror if isinstance(exc, OSError) else exc.message
        raise ServiceError(f"certificate must be writable in {folder}, got {told}") from exc
    digest = found.fingerprint(hashes.SHA256()).hex(":").upper()
    return certificate, key, digest


def _sound(certificate: Path, key: Path) -> x509.Certificate | None:
    if not certificate.exists() or not key.exists():
        return None
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        return None
    return found if found.not_valid_after_utc - utc_now() > _RENEW else None


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    own = socket.gethostname()
    with contextlib.suppress(ValueError):
        names.append(x509.DNSName(own))
    try:
        address = ipaddress.ip_address(host)
        if not address.is_unspecified and not address.is_loopback:
            names.append(x509.IPAddress(address))
    except ValueError:
        with contextlib.suppress(ValueError):
            names.append(x509.DNSName(host))
    return names


def _make(certificate: Path, key: Path, host: str) -> x509.Certificate:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Passerby gateway")])
    now = utc_now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LENGTH)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    pem = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(key, pem, mode=0o600)
    write_atomic(certificate, made.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return made

"""Exits 0 if the gateway of a configuration answers at its own address: ``python alive.py CITY.YML``. For HEALTHCHECK.

Over TLS the certificate is not checked: nothing is sent but the question, and the address is this machine's.
"""

from __future__ import annotations

import ipaddress
import ssl
import sys
import urllib.request
from pathlib import Path

import yaml


def address(text: str) -> str:
    """Return where the gateway of a configuration says that it is alive.

    >>> address("server: {host: 192.0.2.1, port: 9000}")
    'https://192.0.2.1:9000/healthz'
    >>> address("cameras: {}")
    'http://127.0.0.1:18480/healthz'
    """
    server = (yaml.safe_load(text) or {}).get("server") or {}
    host = str(server.get("host", "127.0.0.1"))
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    shown = f"[{here}]" if ":" in here else here
    return f"http{'' if loopback else 's'}://{shown}:{server.get('port', 18480)}/healthz"


if __name__ == "__main__":
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = address(Path(sys.argv[1]).read_text("utf-8"))
    try:
        urllib.request.urlopen(url, timeout=4, context=context).close()  # noqa: S310 - http and https only
    except OSError as exc:
        sys.exit(f"{url}: {exc}")

"""Reaching an object store, and saying in one line what it answered."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import from_url

from passerby.errors import UsageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig

RETRY: RetryConfig = {"max_retries": 6, "retry_timeout": timedelta(seconds=20)}
"""Source: throttling (503) passes in seconds; a person who waits for a store that is away is told within half a minute."""


def connect(url: str, retry: RetryConfig | None = None) -> ObjectStore:
    """Reach for an object store; nothing is asked yet.

    Raises:
        UsageError: the address, or an endpoint in the environment, is none.
    """
    _check_endpoints()
    try:
        return from_url(url) if url.startswith("memory:") else from_url(url, retry_config=retry or RETRY)
    except (BaseError, ValueError) as exc:
        raise UsageError(f"{url} must be the URL of an object store: {str(exc).splitlines()[0]}") from exc


def _check_endpoints() -> None:
    """The client does not refuse such an address but stops as a whole."""
    for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        value = os.environ.get(name)
        if value and not re.fullmatch(r"https?://([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?(/[!-~]*)?", value):
            raise UsageError(
                f"{name} must be an address like https://s3.example.org, without user and password, got another text"
            )


def refusal_of(error: Exception) -> tuple[str, str]:
    """Return what a store said, in one line, and what to do about it."""
    line, _, rest = str(error).partition("\n")
    said = re.search(r"<Message>([^<]{1,200})</Message>", f"{line}{rest[:2000]}")
    plain = re.sub(r" in [0-9.]+[nµm]?s\b|Generic \w+ error: |<.*", "", line).strip(" :")
    return f"{plain[:300]}{f' ({said[1]})' if said else ''}", _hint(error)


def _hint(error: Exception) -> str:
    text = str(error)
    if "InvalidObjectState" in text:
        return "restore it from the archive first"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or "169.254.169.254" in text:
        return "give credentials in the environment that may list the bucket, and get, put and delete its objects"
    if isinstance(error, NotFoundError | FileNotFoundError) or re.search("NoSuchBucket|bucket does not exist", text):
        return "make the bucket first"
    if "builder error" in text:
        return "an endpoint with http:// needs AWS_ALLOW_HTTP=true"
    if "redirect" in text:
        return "set the bucket's region, for example AWS_REGION=eu-central-1"
    return "see that the store answers, and that the endpoint in the environment is right"

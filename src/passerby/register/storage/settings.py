"""What a log's writer, or a witness, works with. The defaults are what every command uses; others are mostly for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from passerby.objects import connect
from passerby.register.storage.directory_store import Disk
from passerby.register.storage.lease import LEASE_S
from passerby.values import utc_now

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig

TIMEOUT_S = 20.0
RETRY: RetryConfig = {"max_retries": 8, "retry_timeout": timedelta(seconds=TIMEOUT_S)}
"""Source: throttling (503) passes in seconds; a store that is away must be said well before a writer's lease of 60 s ends."""


@dataclass(frozen=True, slots=True)
class WriterSettings:
    """Clock, disk and object stores of a log's writer, or of a witness.

    Attributes:
        clock: The wall clock: dates the entries that the writer makes itself and a witness's signatures, and ends a lease.
        disk: The calls to the system that writing to a directory needs.
        connect: Reaches for an object store by its URL.
        retry: How often a request to it is tried again.
        lease_s: How long a writer's lease on it counts.
    """

    clock: Callable[[], datetime] = utc_now
    disk: Disk = field(default_factory=Disk)
    connect: Callable[[str, RetryConfig], ObjectStore] = connect
    retry: RetryConfig = field(default_factory=lambda: RETRY)
    lease_s: float = LEASE_S

"""What a gateway may state: what its own cameras are and do, and who runs them. Everything else is the operator's to append."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from passerby.register.entries import (
    AccessTested,
    CameraChanged,
    CameraRegistered,
    CameraRetired,
    Entry,
    Fault,
    Heartbeat,
    OperatorStated,
    RunningStarted,
    RunningStopped,
    SelfTest,
)
from passerby.register.submission.book import GatewayRights

_OF_CAMERA = (
    CameraRegistered, CameraChanged, CameraRetired, RunningStarted, RunningStopped, Heartbeat, Fault, SelfTest, AccessTested,
)  # fmt: skip


class Rights:
    """The rights of one gateway, for one submission.

    Args:
        gateway: Who submits.
        owner: Returns whose a camera is, as ``SubmissionBook.owner``.
        operator: Who the log's operator is, by its newest entry; None where none stands.
    """

    def __init__(
        self, gateway: GatewayRights, owner: Callable[[str], str | None], operator: OperatorStated | None
    ) -> None:
        self._gateway, self._owner, self.operator = gateway, owner, operator
        self.cameras: set[str] = set()
        """Cameras that this submission brings."""

    def refuse(self, entry: Entry) -> tuple[HTTPStatus, str] | None:
        """Return why an entry is not this gateway's to state, None where it is."""
        if isinstance(entry, OperatorStated):
            return self._refuse_operator(entry)
        if not isinstance(entry, _OF_CAMERA):
            return HTTPStatus.FORBIDDEN, f"{entry.kind} must be appended by the operator, got it from a gateway"
        owner, name = self._owner(entry.camera), self._gateway.key.name
        if entry.camera in self.cameras or owner == name:
            return None
        if owner is None and isinstance(entry, CameraRegistered):
            self.cameras.add(entry.camera)
            return None
        if owner is None:
            return HTTPStatus.FORBIDDEN, f"camera {entry.camera} must be registered before anything is stated about it"
        whose = "another gateway" if owner else "no gateway yet (give it: passerby register gateway add --camera)"
        return HTTPStatus.FORBIDDEN, f"camera {entry.camera} must be one of {name}, belongs to {whose}"

    def _refuse_operator(self, entry: OperatorStated) -> tuple[HTTPStatus, str] | None:
        stands = self.operator
        if stands is not None and not self._gateway.operator and stands.model_copy(update={"at": entry.at}) != entry:
            return HTTPStatus.FORBIDDEN, (
                "operator and grace time must be as the log states them already, are others "
                "(make city.yml agree, or let this gateway state them: passerby register gateway add --operator)"
            )
        self.operator = entry
        return None

"""Functions, their versions and aliases, and how the state of one moves.

Pure of network, disk and clock: the time is an argument. A state settles when it is looked at after
its time has come, so that no timer can be missed.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tuner.locallambda.registry.configuration import Configuration
from tuner.locallambda.registry.names import LATEST, function_arn
from tuner.locallambda.responses import conflict, not_ready, stale_revision

#: Platform seconds that AWS's short states last here: long enough to be seen.
SETTLE_S = 0.1
_CREATING = {"StateReason": "The function is being created.", "StateReasonCode": "Creating"}


def new_revision() -> str:
    return str(uuid.uuid4())


def timestamp(wall: float) -> str:
    """A LastModified as AWS writes it, from seconds since 1970."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


@dataclass
class Version:
    """A published version; ``deployment`` is the key of its sandboxes."""

    number: str
    configuration: Configuration
    revision: str
    modified: str
    deployment: str = field(default_factory=new_revision)
    pending: bool = False  # published by a creation or update that has not settled


@dataclass
class Alias:
    """A name for a version, or for two by weight."""

    name: str
    version: str
    description: str = ""
    weights: dict[str, float] = field(default_factory=dict)  # additional version -> share
    revision: str = field(default_factory=new_revision)


@dataclass
class Provisioned:
    """Provisioned concurrency of a version or alias: how much, and how far it has come."""

    asked: int
    modified: str
    version: str  # the one whose sandboxes are kept ready
    status: str = "IN_PROGRESS"  # or "READY", "FAILED"
    reason: str | None = None
    ready: int = 0


@dataclass(frozen=True, slots=True)
class Deployment:
    """One configuration of one version, with sandboxes of its own."""

    key: str
    function: "Function"
    version: str
    configuration: Configuration


@dataclass
class Function:
    """One function. ``shown`` is what Get returns, ``live`` what invocations run."""

    region: str
    name: str
    shown: Configuration
    modified: str
    live: Configuration
    settles_at: float = 0.0
    state: str = "Pending"
    updating: bool = False
    revision: str = field(default_factory=new_revision)
    deployment: str = field(default_factory=new_revision)
    versions: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    next_version: int = 1
    published: Configuration | None = None  # what the last version was made of
    reserved: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    urls: dict[str, dict[str, Any]] = field(default_factory=dict)  # by alias, or ""
    runtime_updates: dict[str, dict[str, str]] = field(default_factory=dict)  # by qualifier
    recursive_loop: str = "Terminate"
    code_signing: str | None = None  # ARN
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)  # by qualifier
    event_configs: dict[str, dict[str, Any]] = field(default_factory=dict)  # by qualifier
    provisioned: dict[str, Provisioned] = field(default_factory=dict)  # by qualifier

    @property
    def arn(self) -> str:
        return function_arn(self.region, self.name)

    def qualified_arn(self, qualifier: str) -> str:
        return function_arn(self.region, self.name, qualifier)

    def settle(self, now: float) -> str | None:
        """Finish a creation or update whose time has come; returns the replaced deployment."""
        if now < self.settles_at or (self.state == "Active" and not self.updating):
            return None
        self.state, self.updating = "Active", False
        self.revision = new_revision()
        self.live = self.shown
        for version in self.versions.values():
            if version.pending:
                version.pending, version.revision = False, new_revision()
        replaced, self.deployment = self.deployment, new_revision()
        return replaced

    def check_change(self, revision: str | None = None) -> None:
        """Raise 412 for a revision that is not the latest, 409 while another change settles."""
        if revision is not None and revision != self.revision:
            raise stale_revision()
        if self.state != "Active":
            raise not_ready(self.state)
        if self.updating:
            raise conflict(
                "The operation cannot be performed at this time. "
                f"An update is in progress for resource: {self.arn}"
            )

    def document(
        self, version: Version | None = None, *, listed: bool = False, asked: str | None = None
    ) -> dict[str, Any]:
        """AWS's FunctionConfiguration of $LATEST or a version; lists leave out what moves.

        ``asked`` is the qualifier in its ARN, if that is not the version.
        """
        configuration = version.configuration if version else self.shown
        qualifier = version.number if version else (LATEST if listed else None)
        if asked is not None:
            qualifier = asked
        shown = {
            "FunctionName": self.name,
            "FunctionArn": function_arn(self.region, self.name, qualifier),
            **configuration.document(self.name, self.region),
            "LastModified": version.modified if version else self.modified,
            "Version": version.number if version else LATEST,
            "RevisionId": version.revision if version else self.revision,
        }
        if listed:
            del shown["RuntimeVersionConfig"]
            return shown
        return {**shown, **self._state(version)}

    def _state(self, version: Version | None) -> dict[str, str]:
        if self.state != "Active" or (version is not None and version.pending):
            return {"State": "Pending", **_CREATING}
        if self.updating and version is None:
            return {
                "State": "Active",
                "LastUpdateStatus": "InProgress",
                "LastUpdateStatusReason": _CREATING["StateReason"],
                "LastUpdateStatusReasonCode": _CREATING["StateReasonCode"],
            }
        return {"State": "Active", "LastUpdateStatus": "Successful"}

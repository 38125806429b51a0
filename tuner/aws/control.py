"""Lambda's control plane, as thin as can be: read, change memory, publish, alias, delete, wait.

It never invokes. Every change takes the RevisionId that it expects, so that a deployment by
somebody else is never overwritten.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tuner.aws.calls import MARKER, Client, Patience
from tuner.aws.policy import CLONE_PREFIX
from tuner.aws.session import AwsSession
from tuner.clock import Clock
from tuner.errors import ChangedUnderneath, NotFound, TargetError

#: A FunctionConfiguration of the Lambda API, as botocore gives it.
Configuration = Mapping[str, Any]

#: The longest wait for an update or a version, in seconds: SnapStart takes minutes to publish
#: (botocore's own ``published_version_active`` waiter allows 26 minutes).
WAIT_LIMIT_S = 1_560.0


class ControlPlane(Client):
    """The control plane of one region."""

    def __init__(
        self,
        session: AwsSession,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(session.client, clock, rng, patience or Patience())
        self.session = session
        # botocore's _v2 waiters ask every second; a service on loopback needs a tenth of one.
        self.poll_s = 0.11 if session.loopback else 1.0

    def get(self, function: str, qualifier: str | None = None) -> Mapping[str, Any]:
        """GetFunction: ``Configuration``, ``Concurrency``, ``Tags``. It may be called 100 times a
        second; GetFunctionConfiguration shares its limit with everything else."""
        return self._send("GetFunction", function, **_optional(Qualifier=qualifier))

    def configuration(self, function: str, qualifier: str | None = None) -> Configuration:
        found: Configuration = self.get(function, qualifier)["Configuration"]
        return found

    def exists(self, arn: str) -> bool:
        """True if the function is there; by ARN, since plain names depend on the credentials."""
        try:
            self.configuration(arn)
        except NotFound:
            return False
        return True

    def update(
        self,
        function: str,
        memory_mb: int,
        description: str,
        revision_id: str,
        snap_start: str | None = None,
    ) -> Configuration:
        """Set only memory and description of ``$LATEST``, and what SnapStart applies on if that
        is given. Does not wait.

        An empty ``revision_id`` is left out: some stand-ins for Lambda (moto) have none.
        """
        snap = {} if snap_start is None else {"SnapStart": {"ApplyOn": snap_start}}
        return self._send(
            "UpdateFunctionConfiguration",
            function,
            MemorySize=memory_mb,
            Description=description,
            **snap,
            **_optional(RevisionId=revision_id or None),
        )

    def publish(
        self, function: str, description: str, revision_id: str, code_sha256: str
    ) -> Configuration:
        """Publish ``$LATEST``; for an unchanged function Lambda returns the version it has."""
        return self._send(
            "PublishVersion",
            function,
            Description=description,
            CodeSha256=code_sha256,
            **_optional(RevisionId=revision_id or None),
        )

    def delete_version(self, function: str, version: str) -> bool:
        """Delete one published version; ``False`` if it was gone already."""
        if not version.isdigit():
            raise ValueError(f"not a published version: {version!r}")
        return self._delete("DeleteFunction", function, Qualifier=version)

    def delete_clone(self, arn: str) -> bool:
        """Delete a temporary copy, versions and all; ``False`` if it was gone already."""
        if not arn.rsplit(":", 1)[-1].startswith(CLONE_PREFIX):
            raise ValueError(f"not a copy of ours: {arn!r}")
        return self._delete("DeleteFunction", arn)

    def get_alias(self, function: str, name: str) -> Mapping[str, Any]:
        """One alias, with its ``RoutingConfig`` if it splits traffic."""
        return self._send("GetAlias", function, Name=name)

    def update_alias(
        self,
        function: str,
        name: str,
        version: str,
        weights: Mapping[str, float],
        revision_id: str | None,
    ) -> Mapping[str, Any]:
        """Point an alias at a version, with shares of its traffic on another; all of it is set."""
        return self.send(
            "UpdateAlias",
            function,
            FunctionName=function,
            Name=name,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": dict(weights)},
            **_optional(RevisionId=revision_id or None),
        )

    def versions(self, function: str) -> Iterator[Configuration]:
        """Every version, ``$LATEST`` included."""
        for page in self.pages("ListVersionsByFunction", function, MARKER, FunctionName=function):
            yield from page["Versions"]

    def account_concurrency(self) -> int | None:
        """The invocations that the account may have in flight; ``None`` if it cannot be read,
        which is no reason to stop: the permission is often missing, and it is only a hint."""
        limits = self.account_limits()
        return None if limits is None else int(limits["ConcurrentExecutions"])

    def account_limits(self) -> Mapping[str, Any] | None:
        """The account's ``AccountLimit``; ``None`` if it cannot be read."""
        try:
            limits: Mapping[str, Any] = self._send("GetAccountSettings", "")["AccountLimit"]
        except TargetError:
            return None
        return limits

    def wait(
        self, function: str, qualifier: str | None = None, known: Configuration | None = None
    ) -> Configuration:
        """:meth:`settle`; raises :class:`TargetError` for a failed update or version."""
        return _usable(self.settle(function, qualifier, known), function)

    def settle(
        self, function: str, qualifier: str | None = None, known: Configuration | None = None
    ) -> Configuration:
        """Poll GetFunction until nothing is in progress, as botocore's ``_v2`` waiters do.

        ``known`` is the answer to a change that was just made; it saves the first call.
        """
        deadline = self.clock.monotonic() + WAIT_LIMIT_S
        now = known or self.configuration(function, qualifier)
        while not settled(now):
            if self.clock.monotonic() > deadline:
                reason = f"still not ready after {WAIT_LIMIT_S:.0f} s"
                raise TargetError(function, reason, "Try again later.")
            self.clock.sleep(self.poll_s)
            now = self.configuration(function, qualifier)
        return now

    def _send(self, operation: str, function: str, **parameters: Any) -> Mapping[str, Any]:
        if function:
            parameters["FunctionName"] = function
        return self.send(operation, function or "the account", **parameters)

    def _delete(self, operation: str, function: str, **parameters: Any) -> bool:
        try:
            self._send(operation, function, **parameters)
        except NotFound:
            return False
        return True


def changed_meanwhile(
    function: str, reason: str = "somebody else changed it meanwhile; it was not overwritten"
) -> ChangedUnderneath:
    """The error for somebody else's deployment during ours."""
    fix = "Wait for the other deployment to finish, then start again."
    return ChangedUnderneath(function, reason, fix)


def revision_of(configuration: Configuration) -> str:
    """The RevisionId that guards the next change; empty where the service has none."""
    return str(configuration.get("RevisionId", ""))


def unqualified(arn: str) -> str:
    """A function's ARN without version or alias."""
    return ":".join(arn.split(":")[:7])


def settled(configuration: Configuration) -> bool:
    """True if neither an update nor the creation of this version is under way."""
    return (
        configuration.get("LastUpdateStatus") != "InProgress"
        and configuration.get("State") != "Pending"
    )


def uses_snap_start(configuration: Configuration) -> bool:
    """True if versions that are published now become snapshots."""
    return (configuration.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions"


def _usable(configuration: Configuration, function: str) -> Configuration:
    if configuration.get("LastUpdateStatus") == "Failed":
        why = configuration.get("LastUpdateStatusReason") or "no reason given"
        raise TargetError(
            function, f"its last update failed ({why})", "Repair it with a new deployment first."
        )
    if configuration.get("State") == "Failed":
        why = configuration.get("StateReason") or "no reason given"
        raise TargetError(function, f"it cannot run ({why})", "Repair or delete it.")
    return configuration


def _optional(**parameters: str | None) -> dict[str, str]:
    return {key: value for key, value in parameters.items() if value is not None}

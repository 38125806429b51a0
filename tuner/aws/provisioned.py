"""Provisioned concurrency of a version of ours: requested, awaited, removed.

It costs money from allocation to removal, so it is journalled before it is requested and is the
first thing to be undone. What others configured is never touched.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tuner.aws.calls import MARKER
from tuner.aws.control import ControlPlane
from tuner.aws.journal import Journal, JournalEntry
from tuner.errors import NotFound, TargetError

#: The longest wait until all are ready, in seconds. AWS starts one or two minutes after the
#: request, and then up to 6,000 a minute (Lambda developer guide, provisioned concurrency).
READY_LIMIT_S = 600.0


def configurations(control: ControlPlane, function: str) -> Iterator[Mapping[str, Any]]:
    """The configurations of a function: ``FunctionArn`` (with its qualifier) and counts."""
    operation = "ListProvisionedConcurrencyConfigs"
    for page in control.pages(operation, function, MARKER, FunctionName=function):
        yield from page["ProvisionedConcurrencyConfigs"]


def provision(control: ControlPlane, journal: Journal, version: str, count: int) -> None:
    """Request ``count`` sandboxes of a version that the journal's run has published."""
    function = journal.header.clone or journal.header.function
    journal.will("provision", version=version, count=count)
    control.send(
        "PutProvisionedConcurrencyConfig",
        function,
        FunctionName=function,
        Qualifier=version,
        ProvisionedConcurrentExecutions=count,
    )
    journal.did()


def wait_until_ready(
    control: ControlPlane, function: str, version: str, stop: Callable[[], bool]
) -> float:
    """Poll until all are ready; returns the seconds that it took.

    Raises TargetError if that fails, takes longer than :data:`READY_LIMIT_S`, or is stopped.
    """
    begun = control.clock.monotonic()
    while True:
        found = control.send(
            "GetProvisionedConcurrencyConfig", function, FunctionName=function, Qualifier=version
        )
        waited_s = control.clock.monotonic() - begun
        if found["Status"] == "READY":
            return waited_s
        if found["Status"] == "FAILED":
            why = found.get("StatusReason") or "no reason given"
            fix = "A function whose INIT fails cannot be kept ready: check its log."
            raise TargetError(function, f"provisioned concurrency failed ({why})", fix)
        if stop():
            raise TargetError(function, "provisioned concurrency was not waited for")
        if waited_s > READY_LIMIT_S:
            reason = f"provisioned concurrency was not ready in {READY_LIMIT_S:.0f} s"
            raise TargetError(function, reason, "Try again later, or with less.")
        control.clock.sleep(control.poll_s)


def withdraw(control: ControlPlane, function: str, version: str) -> bool:
    """Remove a version's provisioned concurrency; ``False`` if there was none."""
    try:
        control.send(
            "DeleteProvisionedConcurrencyConfig",
            function,
            FunctionName=function,
            Qualifier=version,
        )
    except NotFound:
        return False
    return True


def withdraw_all(entry: JournalEntry, control: ControlPlane) -> None:
    """Remove what the journal's run has provisioned, from versions with the very description that
    we published them with: a function made anew counts its versions anew, too."""
    arn = entry.header.clone or entry.header.arn
    published = {step["description"] for step in entry.written("publish")}
    for step in entry.written("provision"):
        version = str(step["version"])
        try:
            found = control.configuration(arn, version)
        except NotFound:
            continue
        if found.get("Description", "") in published:
            withdraw(control, arn, version)

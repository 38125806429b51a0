"""Provisioned concurrency of a version of ours: asked for, waited for, removed.

It costs money from the moment it is allocated until it is removed, so it is journalled before it
is asked for, and is the first thing that is taken back. It never touches what others configured.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tuner.aws.control import Control
from tuner.aws.journal import Journal, JournalEntry
from tuner.errors import NotFound, TargetError

#: The longest wait until all are ready, in seconds. AWS starts one or two minutes after it was
#: asked, and then up to 6,000 a minute (Lambda developer guide, provisioned concurrency).
READY_LIMIT_S = 600.0


def configurations(control: Control, function: str) -> Iterator[Mapping[str, Any]]:
    """What a function has: ``FunctionArn`` (with its qualifier) and counts."""
    yield from control.pages(
        "ListProvisionedConcurrencyConfigs", "ProvisionedConcurrencyConfigs", function
    )


def provision(control: Control, journal: Journal, version: str, count: int) -> None:
    """Ask for ``count`` sandboxes of a version that the journal's run has published."""
    function = journal.opening.function
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
    control: Control, function: str, version: str, stop: Callable[[], bool]
) -> float:
    """Poll until all are ready; gives the seconds that it took.

    Raises TargetError if they cannot be had, not in :data:`READY_LIMIT_S`, or ``stop`` says so.
    """
    begun = control.clock.monotonic()
    while True:
        told = control.send(
            "GetProvisionedConcurrencyConfig", function, FunctionName=function, Qualifier=version
        )
        waited_s = control.clock.monotonic() - begun
        if told["Status"] == "READY":
            return waited_s
        if told["Status"] == "FAILED":
            why = told.get("StatusReason") or "no reason given"
            fix = "A function whose INIT fails cannot be kept ready; look at its log."
            raise TargetError(function, f"provisioned concurrency failed ({why})", fix)
        if stop():
            raise TargetError(function, "provisioned concurrency was not waited for", "")
        if waited_s > READY_LIMIT_S:
            reason = f"provisioned concurrency was not ready in {READY_LIMIT_S:.0f} s"
            raise TargetError(function, reason, "Try again later, or with fewer.")
        control.clock.sleep(control.poll_s)


def withdraw(control: Control, function: str, version: str) -> bool:
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


def withdraw_all(entry: JournalEntry, control: Control) -> None:
    """Remove what the journal's run has provisioned. A version is ours if it has the very
    description that we published it with: a function made anew counts its versions anew, too."""
    arn = entry.opening.arn
    published = {step["description"] for step in entry.written("publish")}
    for step in entry.written("provision"):
        version = str(step["version"])
        try:
            found = control.configuration(arn, version)
        except NotFound:
            continue
        if found.get("Description", "") in published:
            withdraw(control, arn, version)

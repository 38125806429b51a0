"""What Lambda says of a function, a version or an alias: readings of its configuration.

Pure, and sends nothing.
"""

from collections.abc import Mapping
from typing import Any

from tuner.errors import ChangedUnderneath, TargetError

#: A FunctionConfiguration of the Lambda API, as botocore gives it.
Configuration = Mapping[str, Any]

_NO_REASON = "no reason given"
#: What Lambda changes by itself, and the two values that we change. A runtime that is updated
#: with the function may move to a new patch with our update.
_NOT_COMPARED = frozenset(
    {
        *("MemorySize", "Description", "RevisionId", "LastModified", "ConfigSha256"),
        *("RuntimeVersionConfig", "ResponseMetadata", "FunctionArn", "Version", "SnapStart"),
        "MasterArn",
    }
)


def changed_meanwhile(
    function: str, reason: str = "somebody else changed it meanwhile"
) -> ChangedUnderneath:
    """The error for somebody else's deployment during ours."""
    fix = "Wait for the other deployment to finish, then start again."
    return ChangedUnderneath(function, reason, fix)


def revision_of(configuration: Configuration) -> str:
    """The RevisionId that guards the next change; empty where the service has none."""
    return str(configuration.get("RevisionId", ""))


def modified_of(configuration: Configuration) -> str:
    """LastModified, which sorts as text; empty where the service has none."""
    return str(configuration.get("LastModified", ""))


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


def failed_update(configuration: Configuration) -> str | None:
    """Return why the last update failed; ``None`` if it did not."""
    failed = configuration.get("LastUpdateStatus") == "Failed"
    return str(configuration.get("LastUpdateStatusReason") or _NO_REASON) if failed else None


def state_of(configuration: Configuration) -> tuple[Any, ...]:
    """What consecutive reads of one configuration agree in."""
    keys = ("RevisionId", "MemorySize", "Description", "CodeSha256", "LastUpdateStatus")
    return tuple(configuration.get(key) for key in keys)


class FailedUpdateError(TargetError):
    """An update that Lambda accepted and did not make work; its values are there all the same."""


def usable(configuration: Configuration, function: str) -> Configuration:
    """Return it; raises :class:`FailedUpdateError`, or :class:`TargetError` for a function that
    cannot run."""
    why = failed_update(configuration)
    if why is not None:
        fix = "Repair it with a new deployment first."
        raise FailedUpdateError(function, f"its last update failed ({why})", fix)
    if configuration.get("State") == "Failed":
        why = configuration.get("StateReason") or _NO_REASON
        raise TargetError(function, f"it cannot run ({why})", "Repair or delete it.")
    return configuration


def architecture_of(configuration: Configuration) -> str:
    """``x86_64`` or ``arm64``; x86_64 where the configuration names none."""
    return str((configuration.get("Architectures") or ["x86_64"])[0])


def identity(configuration: Configuration) -> Mapping[str, Any]:
    """The configuration without memory, description and state: equal if it is the same one."""
    return {
        key: value
        for key, value in configuration.items()
        if key not in _NOT_COMPARED and not key.startswith(("State", "LastUpdate"))
    }


def changed_parts(before: Configuration, now: Configuration) -> list[str]:
    """Return the fields in which calls before and after a change may differ, in order of names;
    ``Version`` where an alias points elsewhere, ``CodeSha256`` for other code."""
    then, found = identity(before), identity(now)
    names = {key for key in {*then, *found} if then.get(key) != found.get(key)}
    if before.get("Version") != now.get("Version"):
        return ["Version"]
    return sorted(names - {"CodeSize"})


def whole(configuration: Configuration) -> tuple[int, str, Mapping[str, Any]]:
    """Memory, description and the rest of a configuration, to compare it with another."""
    return (
        configuration["MemorySize"],
        configuration.get("Description", ""),
        identity(configuration),
    )


def weights_of(alias: Mapping[str, Any]) -> dict[str, float]:
    """Other version -> its share of an alias's traffic."""
    return dict((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})

"""Whether a function can be started in another way, asked before anything is changed.

Rules: Lambda developer guide, "Improving startup performance with SnapStart" and "Configuring
provisioned concurrency for a function"; both as of September 2026. Reads only.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tuner.aws.control import Configuration, ControlPlane, uses_snap_start
from tuner.aws.provisioned import configurations
from tuner.errors import TargetError
from tuner.records import SNAP_START, Backend, Setting

#: What AWS leaves to functions without a reservation; a smaller account keeps all that it has.
MIN_UNRESERVED = 100
_FREE_EPHEMERAL_MB = 512
_LEAVE_OUT = "Leave snapstart out of --variants."


def refuse_startups(
    control: ControlPlane,
    found: Mapping[str, Any],
    qualifier: str | None,
    settings: Iterable[Setting],
    backend: Backend,
) -> None:
    """Raise :class:`TargetError` for the first way that is not possible, with the reason.

    ``found`` is GetFunction's answer on the function without qualifier.
    """
    configuration: Configuration = found["Configuration"]
    thing = str(configuration["FunctionName"])
    if uses_snap_start(configuration):
        raise TargetError(
            thing,
            "it has SnapStart already, so none of its versions starts on demand",
            "`tuner cold` without --variants measures its restores.",
        )
    for setting in settings:
        if setting.start == SNAP_START:
            reason = no_snap_start(configuration, backend)
            if reason is not None:
                raise TargetError(thing, reason, _LEAVE_OUT)
        elif setting.provisioned:
            reserved = (found.get("Concurrency") or {}).get("ReservedConcurrentExecutions")
            _refuse_provisioned(control, thing, qualifier, setting.provisioned, reserved)


def no_snap_start(configuration: Configuration, backend: Backend) -> str | None:
    """Why a function can have no snapshots; ``None`` if it can."""
    runtime = configuration.get("Runtime")
    ephemeral = (configuration.get("EphemeralStorage") or {}).get("Size", _FREE_EPHEMERAL_MB)
    if backend is Backend.LOCAL:
        return "the local Lambda takes no snapshots of a running sandbox, so it has no SnapStart"
    if configuration.get("PackageType") == "Image":
        return (
            "it is a container image: whether SnapStart works depends on its base image, and "
            "what it costs is not known"
        )
    if not _snap_start_runtime(str(runtime)):
        return f"SnapStart is for java11, python3.12, dotnet8 and newer ones, and it is {runtime}"
    if configuration.get("FileSystemConfigs"):
        return "it mounts a file system, with which there is no SnapStart"
    if ephemeral > _FREE_EPHEMERAL_MB:
        return f"its /tmp has {ephemeral} MB, and SnapStart allows no more than 512"
    return None


def _snap_start_runtime(runtime: str) -> bool:
    match = re.fullmatch(r"(java|python3\.|dotnet)(\d+)", runtime, re.ASCII)
    least = {"java": 11, "python3.": 12, "dotnet": 8}
    return match is not None and int(match[2]) >= least[match[1]]


def _refuse_provisioned(
    control: ControlPlane, thing: str, qualifier: str | None, count: int, reserved: int | None
) -> None:
    present = list(configurations(control, thing))
    if qualifier is not None and any(
        str(one["FunctionArn"]).rsplit(":", 1)[-1] == qualifier for one in present
    ):
        raise TargetError(
            f"{thing}:{qualifier}",
            "it has provisioned concurrency already, which production uses",
            "Name the function without the alias or version: versions of our own are measured.",
        )
    fix = "Ask for fewer, or raise the limit."
    if reserved is not None:
        kept = sum(one["RequestedProvisionedConcurrentExecutions"] for one in present)
        if kept + count >= reserved:
            reason = (
                f"provisioned={count} would leave nothing of its reserved concurrency of "
                f"{reserved} to other calls" + (f" ({kept} are provisioned already)" * (kept > 0))
            )
            raise TargetError(thing, reason, fix)
        return
    limits = control.account_limits()
    if limits is None:
        return  # AWS itself refuses what the account has not got
    limit, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    floor = min(MIN_UNRESERVED, limit)
    if unreserved - count < floor:
        reason = (
            f"provisioned={count} would leave {unreserved - count} of the account's concurrency "
            f"unreserved, and AWS keeps {floor}"
        )
        raise TargetError(thing, reason, fix)

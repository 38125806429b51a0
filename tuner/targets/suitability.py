"""A function by its configuration: its facts, and whether and how it can be measured.

Reads a configuration as Lambda gives it and refuses with the reason and the next step, before
anything is changed. Rules of ways to start: Lambda developer guide, "Improving startup performance
with SnapStart" and "Configuring provisioned concurrency for a function", as of September 2026.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tuner.aws.configuration import Configuration, uses_snap_start
from tuner.aws.control import ControlPlane
from tuner.errors import TargetError
from tuner.records import SNAP_START, Backend, FunctionFacts, Setting
from tuner.targets.aws_observers import platform_facts

#: Fields that decide how a function behaves; a version in which one differs from ``$LATEST`` is
#: another function. Memory is what is measured.
_BEHAVIOUR = {
    "CodeSha256": "code",
    "Runtime": "runtime",
    "Handler": "handler",
    "Layers": "layers",
    "Environment": "environment variables",
    "Timeout": "timeout",
    "Architectures": "architecture",
    "EphemeralStorage": "ephemeral storage",
    "VpcConfig": "VPC",
    "Role": "role",
    "FileSystemConfigs": "file systems",
    "ImageConfigResponse": "image configuration",
}


def function_facts(
    control: ControlPlane, configuration: Configuration, concurrency: Mapping[str, Any]
) -> FunctionFacts:
    """Facts from a configuration and reserved concurrency as GetFunction has them; asks for the
    account's concurrency, and a local Lambda for its machine."""
    session = control.session
    platform = platform_facts(session.endpoint_url) if session.loopback else {}
    logging = configuration.get("LoggingConfig") or {}
    return FunctionFacts(
        name=configuration["FunctionName"],
        arn=configuration["FunctionArn"],
        backend=Backend.LOCAL if platform else Backend.AWS,
        region=session.region,
        arch=(configuration.get("Architectures") or ["x86_64"])[0],
        runtime=configuration.get("Runtime"),
        memory_mb=configuration["MemorySize"],
        timeout_s=float(configuration["Timeout"]),
        version=configuration.get("Version", "$LATEST"),
        handler=configuration.get("Handler"),
        package=str(configuration.get("PackageType", "Zip")).lower(),
        code_bytes=configuration.get("CodeSize"),
        code_sha256=configuration.get("CodeSha256"),
        ephemeral_mb=(configuration.get("EphemeralStorage") or {}).get("Size", 512),
        log_format=logging.get("LogFormat", "Text"),
        system_log_level=logging.get("SystemLogLevel"),
        reserved_concurrency=concurrency.get("ReservedConcurrentExecutions"),
        account_concurrency=control.account_concurrency(),
        traced=(configuration.get("TracingConfig") or {}).get("Mode") == "Active",
        snap_start=uses_snap_start(configuration),
        platform=platform,
    )


def refuse_unsuitable(configuration: Configuration, thing: str) -> None:
    """Raise :class:`TargetError` if the function is of a kind that cannot be measured so."""
    said = {key: value for key, value in configuration.items() if value}
    for applies, reason, fix in _REFUSALS:
        if applies(configuration):
            words = defaultdict(lambda: "no reason given", said)
            raise TargetError(thing, reason.format_map(words), fix)


def refuse_other_version(qualified: Configuration, latest: Configuration, thing: str) -> None:
    """Raise unless ``$LATEST`` runs the same as the version behind the qualifier.

    Published versions cannot be changed, so new ones can be made of ``$LATEST`` only.
    """
    different = [word for key, word in _BEHAVIOUR.items() if qualified.get(key) != latest.get(key)]
    if different:
        raise TargetError(
            thing,
            f"it is version {qualified.get('Version')}, which differs from $LATEST in "
            f"{', '.join(different)}; new sizes can be published from $LATEST only",
            "Deploy that code to $LATEST first, or leave out the alias or version.",
        )


def refuse_split_alias(control: ControlPlane, function: str, qualifier: str, thing: str) -> None:
    """Raise if it is an alias that sends part of its traffic to a second version."""
    if qualifier == "$LATEST" or qualifier.isdigit():
        return
    alias = control.get_alias(function, qualifier)
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if weights:
        versions = ", ".join([str(alias.get("FunctionVersion")), *weights])
        fix = "Name one version, or finish the deployment first."
        raise TargetError(thing, f"the alias splits its traffic between versions {versions}", fix)


_REFUSALS: list[tuple[Callable[[Configuration], bool], str, str]] = [
    (
        lambda c: bool(c.get("CapacityProviderConfig")),
        "it runs on Managed Instances, which are not billed by memory and time",
        "Measure a function without a capacity provider.",
    ),
    (
        lambda c: bool(c.get("DurableConfig")),
        "it is a durable function: one execution takes several invocations",
        "Measure a copy without durable execution.",
    ),
    (
        lambda c: bool(c.get("TenancyConfig")),
        "it isolates tenants, so every invocation needs a tenant id",
        "Measure a copy without tenant isolation.",
    ),
    (
        lambda c: c.get("PackageType") == "Image" and uses_snap_start(c),
        "it is a container image with SnapStart: each version takes minutes to publish",
        "Turn SnapStart off on a copy and measure that.",
    ),
    (
        lambda c: bool(c.get("MasterArn")),
        "it is a Lambda@Edge replica, which cannot be changed",
        "Measure a copy of the original function that no distribution uses.",
    ),
    (
        lambda c: c.get("State") == "Inactive",
        "it is inactive ({StateReason})",
        "Invoke it once, wait a minute until it is active, then try again.",
    ),
    (
        lambda c: c.get("State") not in (None, "Active"),
        "it cannot run: its state is {State} ({StateReason})",
        "Repair it with a new deployment, or wait until it is active.",
    ),
    (
        lambda c: c.get("LastUpdateStatus") == "Failed",
        "its last update failed ({LastUpdateStatusReason})",
        "Repair it with a new deployment first.",
    ),
]


#: What AWS leaves to functions without a reservation; a smaller account keeps all that it has.
MIN_UNRESERVED = 100
_FREE_EPHEMERAL_MB = 512


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
        fix = "`tuner cold` without --variants measures its restores."
        has = "it already has SnapStart, so none of its versions starts on demand"
        raise TargetError(thing, has, fix)
    for setting in settings:
        if setting.start == SNAP_START:
            reason = no_snap_start(configuration, backend)
            if reason is not None:
                raise TargetError(thing, reason, "Leave snapstart out of --variants.")
        elif setting.provisioned:
            reserved = (found.get("Concurrency") or {}).get("ReservedConcurrentExecutions")
            _refuse_provisioned(control, thing, qualifier, setting.provisioned, reserved)


def no_snap_start(configuration: Configuration, backend: Backend) -> str | None:
    """Return why a function can have no snapshots; ``None`` if it can."""
    runtime = configuration.get("Runtime")
    ephemeral = (configuration.get("EphemeralStorage") or {}).get("Size", _FREE_EPHEMERAL_MB)
    if backend is Backend.LOCAL:
        return "the local Lambda takes no snapshots of a running sandbox, so it has no SnapStart"
    if configuration.get("PackageType") == "Image":
        return (
            "it is a container image: whether SnapStart works depends on its base image, and "
            "its price is not known"
        )
    known = re.fullmatch(r"(java|python3\.|dotnet)(\d+)", str(runtime), re.ASCII)
    if known is None or int(known[2]) < {"java": 11, "python3.": 12, "dotnet": 8}[known[1]]:
        return f"SnapStart needs java11, python3.12, dotnet8 or newer, and it runs {runtime}"
    if configuration.get("FileSystemConfigs"):
        return "it mounts a file system, which SnapStart does not support"
    if ephemeral > _FREE_EPHEMERAL_MB:
        return f"its /tmp has {ephemeral} MB, and SnapStart allows no more than 512"
    return None


def _refuse_provisioned(
    control: ControlPlane, thing: str, qualifier: str | None, count: int, reserved: int | None
) -> None:
    present = list(control.provisioned(thing))
    if qualifier in {str(one["FunctionArn"]).rpartition(":")[2] for one in present}:
        reason = "it already has provisioned concurrency, which production uses"
        fix = "Leave out the alias or version: tuner measures versions of its own."
        raise TargetError(f"{thing}:{qualifier}", reason, fix)
    kept = sum(one["RequestedProvisionedConcurrentExecutions"] for one in present)
    if reserved is None:
        left = _too_little_of_account(control, count)
    elif kept + count >= reserved:
        already = f" ({kept} are provisioned already)" if kept else ""
        left = f"nothing of its reserved concurrency of {reserved} to other calls{already}"
    else:
        return
    if left:
        reason = f"provisioned={count} would leave {left}"
        raise TargetError(thing, reason, "Ask for fewer, or raise the limit.")


def _too_little_of_account(control: ControlPlane, count: int) -> str:
    limits = control.account_limits()
    if limits is None:
        return ""  # AWS itself refuses what the account has not got
    left = limits["UnreservedConcurrentExecutions"] - count
    floor = min(MIN_UNRESERVED, limits["ConcurrentExecutions"])
    kept = f"{left} of the account's concurrency unreserved, and AWS keeps {floor}"
    return kept if left < floor else ""

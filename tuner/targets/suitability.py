"""Whether a function can be measured by publishing versions of it; if not, why, said beforehand.

Reads a configuration as Lambda gives it and refuses with the reason and the next step. Nothing
is asked or changed here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tuner.aws.control import uses_snap_start
from tuner.errors import TargetError

Configuration = Mapping[str, Any]

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


def refuse_unsuitable(configuration: Configuration, thing: str) -> None:
    """Raise :class:`TargetError` if the function is of a kind that cannot be measured so."""
    for applies, reason, fix in _REFUSALS:
        if applies(configuration):
            raise TargetError(thing, reason.format(**_words(configuration)), fix)


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
            "Deploy that code to $LATEST first, or leave the part after the function's name out.",
        )


def refuse_split_alias(alias: Mapping[str, Any], thing: str) -> None:
    """Raise if an alias sends part of its traffic to a second version."""
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if weights:
        versions = ", ".join([str(alias.get("FunctionVersion")), *weights])
        raise TargetError(
            thing,
            f"the alias splits its traffic between versions {versions}",
            "Name one version, or finish the deployment first.",
        )


def _words(configuration: Configuration) -> dict[str, str]:
    return {
        "state": str(configuration.get("State")),
        "why": str(configuration.get("StateReason") or "no reason given"),
        "update": str(configuration.get("LastUpdateStatusReason") or "no reason given"),
    }


_REFUSALS: list[tuple[Callable[[Configuration], bool], str, str]] = [
    (
        lambda c: bool(c.get("CapacityProviderConfig")),
        "it runs on Managed Instances, which are not billed by memory and time",
        "Measure a function without a capacity provider.",
    ),
    (
        lambda c: bool(c.get("DurableConfig")),
        "it is a durable function: one run is several invocations",
        "Measure a copy without durable execution.",
    ),
    (
        lambda c: bool(c.get("TenancyConfig")),
        "it isolates tenants, so every invocation needs a tenant id",
        "Measure a copy without tenant isolation.",
    ),
    (
        lambda c: c.get("PackageType") == "Image" and uses_snap_start(c),
        "it is a container image with SnapStart, whose versions take minutes each to publish",
        "Switch SnapStart off on a copy and measure that.",
    ),
    (
        lambda c: bool(c.get("MasterArn")),
        "it is a Lambda@Edge replica, which cannot be changed",
        "Measure a copy of the original function that no distribution uses.",
    ),
    (
        lambda c: c.get("State") == "Inactive",
        "it is inactive ({why})",
        "Invoke it once, wait a minute until it is active, then start again.",
    ),
    (
        lambda c: c.get("State") not in (None, "Active"),
        "it cannot run: its state is {state} ({why})",
        "Repair it with a new deployment, or wait until it is active.",
    ),
    (
        lambda c: c.get("LastUpdateStatus") == "Failed",
        "its last update failed ({update})",
        "Repair it with a new deployment first.",
    ),
]

"""Every function of a region, as it is configured; reads only.

Needs ``lambda:ListFunctions``, and ``tag:GetResources`` where tags choose.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from tuner.aws.calls import AwsService
from tuner.aws.control import ControlPlane
from tuner.recording.production import Deployed

#: What CloudFormation puts on everything that a stack makes.
STACK_TAG = "aws:cloudformation:stack-name"
#: Tokens of the Resource Groups Tagging API.
_PAGES = ("PaginationToken", "PaginationToken")


def list_functions(
    control: ControlPlane, names: Sequence[str] = (), tagged: frozenset[str] | None = None
) -> list[Deployed]:
    """The functions of the region by name; ``names`` may have ``*`` and ``?``, ``tagged`` are the
    ARNs to stay with. Raises our errors."""
    chosen = (
        each
        for each in map(deployed, control.functions())
        if (tagged is None or each.arn in tagged)
        and (not names or any(fnmatchcase(each.name, name) for name in names))
    )
    return sorted(chosen, key=lambda each: each.name)


def deployed(found: Mapping[str, Any]) -> Deployed:
    """Read a FunctionConfiguration."""
    log = found.get("LoggingConfig") or {}
    name = str(found["FunctionName"])
    return Deployed(
        name=name,
        arn=str(found["FunctionArn"]),
        memory_mb=int(found.get("MemorySize") or 128),
        timeout_s=float(found.get("Timeout") or 3),
        runtime=found.get("Runtime"),
        arch=(found.get("Architectures") or ["x86_64"])[0],
        package=str(found.get("PackageType") or "Zip").lower(),
        code_bytes=found.get("CodeSize"),
        ephemeral_mb=int((found.get("EphemeralStorage") or {}).get("Size") or 512),
        log_group=str(log.get("LogGroup") or f"/aws/lambda/{name}"),
        log_format=str(log.get("LogFormat") or "Text"),
        system_log_level=log.get("SystemLogLevel"),
        snap_start=(found.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions",
        unfit=_unfit(found),
    )


def _unfit(found: Mapping[str, Any]) -> str:
    """Why GB-seconds are not this function's bill (AWS Lambda developer guide, "Lambda Managed
    Instances", "Durable functions")."""
    if found.get("CapacityProviderConfig"):
        return "runs on managed instances, which are billed by the instance"
    if found.get("DurableConfig"):
        return "is a durable function: one run of it is several calls"
    return ""


def tagged_functions(tagging: AwsService, tags: Mapping[str, str]) -> frozenset[str]:
    """The ARNs of the functions that have all these tags; an empty value means any."""
    filters = [{"Key": key, **({"Values": [v]} if v else {})} for key, v in tags.items()]
    pages = tagging.pages(
        "GetResources",
        "the account",
        _PAGES,
        TagFilters=filters,
        ResourceTypeFilters=["lambda:function"],
    )
    return frozenset(
        str(each["ResourceARN"]) for page in pages for each in page["ResourceTagMappingList"]
    )

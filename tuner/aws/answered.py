"""Whether an answer is Lambda's: it must have what is read of it.

A captive portal, a proxy's page or another service answers 200, too, and botocore takes whatever
it is for an answer with nothing in it. Only what the rest of this room reads is asked for here.
"""

from collections.abc import Mapping
from typing import Any

from tuner.aws.translate import Asked
from tuner.errors import TargetError

_CONFIGURATION = {"FunctionArn": str, "MemorySize": int, "CodeSha256": str}
_VERSION = {**_CONFIGURATION, "Version": str}
_ALIAS = {"Name": str, "FunctionVersion": str}

#: Operation -> the keys that are read, each with its type, its own keys, or those of each item.
EXPECTED: Mapping[str, Mapping[str, Any]] = {
    "GetFunction": {"Configuration": _CONFIGURATION},
    "CreateFunction": {"FunctionArn": str},
    "UpdateFunctionConfiguration": _CONFIGURATION,
    "PublishVersion": _VERSION,
    "ListVersionsByFunction": {"Versions": [{"Version": str}]},
    "GetAlias": _ALIAS,
    "CreateAlias": _ALIAS,
    "UpdateAlias": _ALIAS,
    "ListAliases": {"Aliases": [_ALIAS]},
    "GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": int}},
    "ListEventSourceMappings": {"EventSourceMappings": list},
    "GetMetricData": {"MetricDataResults": [{"Id": str, "Values": list}]},
    "GetCallerIdentity": {"Account": str, "Arn": str},
}


def check_answer(answer: Mapping[str, Any], asked: Asked) -> None:
    """Raise :class:`TargetError` for an answer that lacks what is read of it."""
    missing = _missing(answer, EXPECTED.get(asked.operation, {}))
    if missing:
        raise TargetError(
            asked.thing,
            f"{asked.endpoint_url or 'AWS'} does not answer as AWS does "
            f"({asked.operation} without {missing})",
            "Check --endpoint-url, and whether a proxy answers in its place.",
        )


def _missing(found: Any, wanted: Any) -> str:
    """The first thing that is not there as it should be; empty if all is."""
    if isinstance(wanted, type):
        return "" if isinstance(found, wanted) else "the right kind of value"
    if isinstance(wanted, list):
        if not isinstance(found, list):
            return "a list"
        return next(filter(None, (_missing(item, wanted[0]) for item in found)), "")
    if not isinstance(found, Mapping):
        return "an object"
    for key, part in wanted.items():
        if key not in found or _missing(found[key], part):
            return str(key)
    return ""

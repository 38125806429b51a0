"""What the error codes of calls other than the control plane's mean to a user, family by family.

Invoke alone has dozens; ``tuner doctor`` meets them in its dry run. ``reasons.py`` has the rest.
"""

from tuner.aws.reasons import Row
from tuner.errors import TargetError

_VPC = Row(
    TargetError,
    "its VPC keeps it from running ({said})",
    "Repair the function's subnets and security groups, then start again.",
)
_FILES = Row(
    TargetError,
    "its file system cannot be used ({said})",
    "Repair what the function mounts, then start again.",
)
_KEY = Row(
    TargetError,
    "its KMS key cannot be used ({said})",
    "Repair the key of the function's environment, then start again.",
)
_SNAPSHOT = Row(
    TargetError,
    "SnapStart keeps it from running ({said})",
    "Wait until the version's snapshot is ready, or publish it again.",
)
_NOT_READY = Row(TargetError, "it is not ready ({said})", "Try again in a minute.")
_BROKEN = Row(
    TargetError,
    "its code or runtime cannot run ({said})",
    "Deploy it again, with a runtime that Lambda still has.",
)
_TOO_LARGE = Row(TargetError, "the request is too large ({said})", "Send a smaller payload.")
_LIMIT = Row(
    TargetError,
    "a limit of the account stands against it ({said})",
    "Look at the account's quotas for Lambda.",
)
_REFUSED = Row(TargetError, "{operation} was refused ({said})", "Change what the message names.")
_ARCHIVED = Row(
    TargetError,
    "the object is archived and cannot be read ({said})",
    "Restore it in S3, or name another.",
)

#: How a code begins -> how it is told; the first that fits counts.
_FAMILIES: tuple[tuple[tuple[str, ...], Row], ...] = (
    (("EC2", "ENI", "InvalidSubnet", "InvalidSecurityGroup", "SubnetIPAddress"), _VPC),
    (("EFS", "S3Files"), _FILES),
    (("KMS",), _KEY),
    (("SnapStart",), _SNAPSHOT),
    (("ResourceNotReady", "CodeArtifactUserPending"), _NOT_READY),
    (("InvalidZipFile", "InvalidRuntime", "Runtime", "CodeArtifactUser"), _BROKEN),
    (("RequestTooLarge", "SerializedRequestEntityTooLarge"), _TOO_LARGE),
    (("ServiceQuotaExceeded", "RecursiveInvocation"), _LIMIT),
    (("InvalidObjectState",), _ARCHIVED),
    (
        (
            "UnsupportedMediaType",
            "InvalidRequestContent",
            "ModeNotSupported",
            "NoPublishedVersion",
            "DurableExecutionAlreadyStarted",
            "InvalidParameterException",
            "InvalidNextToken",
            "MalformedPolicyDocument",
            "PackedPolicyTooLarge",
            "InvalidContextAssertion",
        ),
        _REFUSED,
    ),
)


def family_of(code: str) -> Row | None:
    """How a code is told that has no row of its own; ``None`` if nothing is known of it."""
    return next((row for starts, row in _FAMILIES if code.startswith(starts)), None)

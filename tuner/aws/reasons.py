"""What each foreign error means to a user: the tables that ``translate.py`` reads.

One table holds the error codes that Lambda and its front door answer with, the other the
exceptions that botocore raises before or instead of an answer. To add one: a row here, and its
line in ``tests/unit/aws/test_translate.py``.
"""

from dataclasses import dataclass

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from tuner.errors import (
    AccessDenied,
    ChangedUnderneath,
    NotFound,
    TargetError,
    TunerError,
    UsageError,
)


@dataclass(frozen=True)
class ErrorText:
    """How one error is told; ``{said}`` in the reason is the service's own message."""

    error: type[TunerError]
    reason: str
    fix: str


_LOG_IN = "Refresh them (aws sso login, aws configure, or new environment variables) and try again."
_RERUN = "Try again in a few minutes; a changed function is put back by `tuner restore`."

#: Error code -> what the user sees. Codes are those of botocore's service model for the
#: operations that ``control.py`` sends, and AWS's common errors.
CODES: dict[str, ErrorText] = {
    "ResourceNotFoundException": ErrorText(
        NotFound,
        "there is no such function, version or alias in {region} ({said})",
        "Check the name and --region; `aws lambda list-functions` shows what there is.",
    ),
    "ProvisionedConcurrencyConfigNotFoundException": ErrorText(
        NotFound, "it has no provisioned concurrency there", "There is nothing to remove."
    ),
    "AccessDeniedException": ErrorText(
        AccessDenied,
        "{action} is not allowed ({said})",
        "Allow {action} on the function; `tuner policy` prints the least policy.",
    ),
    "ExpiredTokenException": ErrorText(AccessDenied, "the credentials have expired", _LOG_IN),
    "UnrecognizedClientException": ErrorText(
        AccessDenied, "AWS does not know these credentials ({said})", _LOG_IN
    ),
    "InvalidSignatureException": ErrorText(
        AccessDenied,
        "the signature was refused ({said})",
        "Check the secret key and that this machine's clock is right.",
    ),
    "MissingAuthenticationTokenException": ErrorText(
        AccessDenied, "the request carried no credentials", _LOG_IN
    ),
    "OptInRequired": ErrorText(
        AccessDenied,
        "the account may not use this region or service ({said})",
        "Enable the region for the account, or choose another with --region.",
    ),
    "PreconditionFailedException": ErrorText(
        ChangedUnderneath,
        "somebody else changed the function meanwhile; it was not overwritten",
        "Wait until the other deployment is done, run `tuner restore`, then start again.",
    ),
    "ResourceConflictException": ErrorText(
        TargetError, "{operation} is not possible now ({said})", _RERUN
    ),
    "TooManyRequestsException": ErrorText(
        TargetError,
        "AWS throttles {operation} ({limit})",
        "Try again when fewer deployments run in this account and region.",
    ),
    "ServiceException": ErrorText(TargetError, "{who} had an internal error ({said})", _RERUN),
    "InvalidParameterValueException": ErrorText(
        TargetError, "{operation} was refused ({said})", "Change what the message names."
    ),
    "CodeStorageExceededException": ErrorText(
        TargetError,
        "the account's storage for code is full, so no version can be published",
        "Delete old versions and unused functions, then start again.",
    ),
    "AliasLimitExceededException": ErrorText(
        TargetError, "the function has as many aliases as it may have", "Delete unused aliases."
    ),
    "InvalidCodeSignatureException": ErrorText(
        TargetError,
        "code signing refused the package ({said})",
        "Deploy signed code, or relax the code signing configuration.",
    ),
    "CodeSigningConfigNotFoundException": ErrorText(
        TargetError,
        "the function's code signing configuration is gone ({said})",
        "Create it again or remove it from the function.",
    ),
    "FunctionVersionsPerCapacityProviderLimitExceededException": ErrorText(
        TargetError,
        "the capacity provider holds as many versions as it may",
        "Delete unused versions, or measure a function without a capacity provider.",
    ),
    "RequestEntityTooLargeException": ErrorText(
        TargetError, "the package is too large ({said})", "Make the package smaller."
    ),
}

SAME_AS = {
    "AccessDenied": "AccessDeniedException",
    "UnauthorizedOperation": "AccessDeniedException",
    "NotAuthorized": "AccessDeniedException",
    "KMSAccessDeniedException": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "RequestExpired": "ExpiredTokenException",
    "TokenRefreshRequired": "ExpiredTokenException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "InvalidAccessKeyId": "UnrecognizedClientException",
    "AuthFailure": "UnrecognizedClientException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "IncompleteSignature": "InvalidSignatureException",
    "IncompleteSignatureException": "InvalidSignatureException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SubscriptionRequiredException": "OptInRequired",
    "RegionDisabledException": "OptInRequired",
    "CodeVerificationFailedException": "InvalidCodeSignatureException",
    "Throttling": "TooManyRequestsException",
    "ThrottledException": "TooManyRequestsException",
    "InvalidRequestException": "InvalidParameterValueException",
    "InvalidNextToken": "InvalidParameterValueException",
    "ThrottlingException": "TooManyRequestsException",
    "RequestLimitExceeded": "TooManyRequestsException",
    "InternalFailure": "ServiceException",
    "InternalServerError": "ServiceException",
    "ServiceUnavailable": "ServiceException",
    "ServiceUnavailableException": "ServiceException",
    "ValidationException": "InvalidParameterValueException",
}

_NO_CREDENTIALS = ErrorText(
    AccessDenied,
    "no AWS credentials were found",
    "Set AWS_PROFILE or --profile, run `aws configure` or `aws sso login`.",
)
_UNREACHABLE = ErrorText(
    TargetError,
    "{endpoint} cannot be reached ({said})",
    "Check the network, --region and --endpoint-url.",
)

#: botocore exception -> what the user sees; the first that fits counts, so special ones first.
CLIENT_SIDE: list[tuple[tuple[type[Exception], ...], ErrorText]] = [
    ((boto.NoCredentialsError,), _NO_CREDENTIALS),
    (
        (boto.PartialCredentialsError,),
        ErrorText(AccessDenied, "the AWS credentials are incomplete ({said})", _LOG_IN),
    ),
    (
        (
            boto.UnauthorizedSSOTokenError,
            boto.SSOError,
            boto.TokenRetrievalError,
            boto.CredentialRetrievalError,
            boto.MetadataRetrievalError,
        ),
        ErrorText(AccessDenied, "the AWS credentials could not be obtained ({said})", _LOG_IN),
    ),
    (
        (boto.ProfileNotFound,),
        ErrorText(UsageError, "{said}", "`aws configure list-profiles` shows what there is."),
    ),
    (
        (boto.NoRegionError,),
        ErrorText(UsageError, "no AWS region is set", "Add --region, or set AWS_REGION."),
    ),
    (
        (boto.InvalidRegionError,),
        ErrorText(UsageError, "{said}", "Write --region like us-east-1."),
    ),
    (
        (boto.ParamValidationError,),
        ErrorText(
            UsageError, "{operation} would be refused ({said})", "Change what the message names."
        ),
    ),
    (
        (ResponseParserError,),
        ErrorText(
            TargetError,
            "{endpoint} does not answer as Lambda does ({said})",
            "Check --endpoint-url.",
        ),
    ),
    (
        (boto.SSLError,),
        ErrorText(
            TargetError,
            "TLS with {endpoint} failed ({said})",
            "Check AWS_CA_BUNDLE, the proxy and the clock.",
        ),
    ),
    ((boto.HTTPClientError, boto.ConnectionError, OSError), _UNREACHABLE),
    (
        (boto.ConfigParseError, boto.BotoCoreError, ValueError),
        ErrorText(
            UsageError, "{said}", "Check --region, --profile, --endpoint-url and ~/.aws/config."
        ),
    ),
]


_VPC = ErrorText(
    TargetError,
    "its VPC keeps it from running ({said})",
    "Repair the function's subnets and security groups, then start again.",
)
_FILES = ErrorText(
    TargetError,
    "its file system cannot be used ({said})",
    "Repair what the function mounts, then start again.",
)
_KEY = ErrorText(
    TargetError,
    "its KMS key cannot be used ({said})",
    "Repair the key of the function's environment, then start again.",
)
_SNAPSHOT = ErrorText(
    TargetError,
    "SnapStart keeps it from running ({said})",
    "Wait until the version's snapshot is ready, or publish it again.",
)
_NOT_READY = ErrorText(TargetError, "it is not ready ({said})", "Try again in a minute.")
_BROKEN = ErrorText(
    TargetError,
    "its code or runtime cannot run ({said})",
    "Deploy it again, with a runtime that Lambda still has.",
)
_TOO_LARGE = ErrorText(TargetError, "the request is too large ({said})", "Send a smaller payload.")
_LIMIT = ErrorText(
    TargetError,
    "a limit of the account stands against it ({said})",
    "Look at the account's quotas for Lambda.",
)
_REFUSED = ErrorText(
    TargetError, "{operation} was refused ({said})", "Change what the message names."
)
_ARCHIVED = ErrorText(
    TargetError,
    "the object is archived and cannot be read ({said})",
    "Restore it in S3, or name another.",
)

#: How a code begins -> how it is told; the first that fits counts.
_FAMILIES: tuple[tuple[tuple[str, ...], ErrorText], ...] = (
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


def family_of(code: str) -> ErrorText | None:
    """How a code is told that has no row of its own; ``None`` if nothing is known of it."""
    return next((row for starts, row in _FAMILIES if code.startswith(starts)), None)

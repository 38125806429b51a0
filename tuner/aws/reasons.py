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
class Row:
    """How one error is told; ``{said}`` in the reason is the service's own message."""

    error: type[TunerError]
    reason: str
    fix: str


_LOG_IN = "Refresh them (aws sso login, aws configure, or new environment variables) and try again."
_RERUN = "Try again in a few minutes; a changed function is put back by `tuner restore`."

#: Error code -> what the user sees. Codes are those of botocore's service model for the
#: operations that ``control.py`` sends, and AWS's common errors.
CODES: dict[str, Row] = {
    "ResourceNotFoundException": Row(
        NotFound,
        "there is no such function, version or alias in {region} ({said})",
        "Check the name and --region; `aws lambda list-functions` shows what there is.",
    ),
    "ProvisionedConcurrencyConfigNotFoundException": Row(
        NotFound, "it has no provisioned concurrency there", "There is nothing to remove."
    ),
    "AccessDeniedException": Row(
        AccessDenied,
        "{action} is not allowed ({said})",
        "Allow {action} on the function; `tuner policy` prints the least policy.",
    ),
    "ExpiredTokenException": Row(AccessDenied, "the credentials have expired", _LOG_IN),
    "UnrecognizedClientException": Row(
        AccessDenied, "AWS does not know these credentials ({said})", _LOG_IN
    ),
    "InvalidSignatureException": Row(
        AccessDenied,
        "the signature was refused ({said})",
        "Check the secret key and that this machine's clock is right.",
    ),
    "MissingAuthenticationTokenException": Row(
        AccessDenied, "the request carried no credentials", _LOG_IN
    ),
    "OptInRequired": Row(
        AccessDenied,
        "the account may not use this region or service ({said})",
        "Enable the region for the account, or choose another with --region.",
    ),
    "PreconditionFailedException": Row(
        ChangedUnderneath,
        "somebody else changed the function meanwhile; it was not overwritten",
        "Wait until the other deployment is done, run `tuner restore`, then start again.",
    ),
    "ResourceConflictException": Row(
        TargetError, "{operation} is not possible now ({said})", _RERUN
    ),
    "TooManyRequestsException": Row(
        TargetError,
        "AWS throttles {operation} ({limit})",
        "Try again when fewer deployments run in this account and region.",
    ),
    "ServiceException": Row(TargetError, "{who} had an internal error ({said})", _RERUN),
    "InvalidParameterValueException": Row(
        TargetError, "{operation} was refused ({said})", "Change what the message names."
    ),
    "CodeStorageExceededException": Row(
        TargetError,
        "the account's storage for code is full, so no version can be published",
        "Delete old versions and unused functions, then start again.",
    ),
    "AliasLimitExceededException": Row(
        TargetError, "the function has as many aliases as it may have", "Delete unused aliases."
    ),
    "InvalidCodeSignatureException": Row(
        TargetError,
        "code signing refused the package ({said})",
        "Deploy signed code, or relax the code signing configuration.",
    ),
    "CodeSigningConfigNotFoundException": Row(
        TargetError,
        "the function's code signing configuration is gone ({said})",
        "Create it again or remove it from the function.",
    ),
    "FunctionVersionsPerCapacityProviderLimitExceededException": Row(
        TargetError,
        "the capacity provider holds as many versions as it may",
        "Delete unused versions, or measure a function without a capacity provider.",
    ),
    "RequestEntityTooLargeException": Row(
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

_NO_CREDENTIALS = Row(
    AccessDenied,
    "no AWS credentials were found",
    "Set AWS_PROFILE or --profile, run `aws configure` or `aws sso login`.",
)
_UNREACHABLE = Row(
    TargetError,
    "{endpoint} cannot be reached ({said})",
    "Check the network, --region and --endpoint-url.",
)

#: botocore exception -> what the user sees; the first that fits counts, so special ones first.
CLIENT_SIDE: list[tuple[tuple[type[Exception], ...], Row]] = [
    ((boto.NoCredentialsError,), _NO_CREDENTIALS),
    (
        (boto.PartialCredentialsError,),
        Row(AccessDenied, "the AWS credentials are incomplete ({said})", _LOG_IN),
    ),
    (
        (
            boto.UnauthorizedSSOTokenError,
            boto.SSOError,
            boto.TokenRetrievalError,
            boto.CredentialRetrievalError,
            boto.MetadataRetrievalError,
        ),
        Row(AccessDenied, "the AWS credentials could not be obtained ({said})", _LOG_IN),
    ),
    (
        (boto.ProfileNotFound,),
        Row(UsageError, "{said}", "`aws configure list-profiles` shows what there is."),
    ),
    (
        (boto.NoRegionError,),
        Row(UsageError, "no AWS region is set", "Add --region, or set AWS_REGION."),
    ),
    (
        (boto.InvalidRegionError,),
        Row(UsageError, "{said}", "Write --region like us-east-1."),
    ),
    (
        (boto.ParamValidationError,),
        Row(UsageError, "{operation} would be refused ({said})", "Change what the message names."),
    ),
    (
        (ResponseParserError,),
        Row(
            TargetError,
            "{endpoint} does not answer as Lambda does ({said})",
            "Check --endpoint-url.",
        ),
    ),
    (
        (boto.SSLError,),
        Row(
            TargetError,
            "TLS with {endpoint} failed ({said})",
            "Check AWS_CA_BUNDLE, the proxy and the clock.",
        ),
    ),
    ((boto.HTTPClientError, boto.ConnectionError, OSError), _UNREACHABLE),
    (
        (boto.ConfigParseError, boto.BotoCoreError, ValueError),
        Row(UsageError, "{said}", "Check --region, --profile, --endpoint-url and ~/.aws/config."),
    ),
]

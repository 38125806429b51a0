"""What each foreign error means to a user: the tables that ``translate.py`` reads.

Error codes are those of botocore's service model for the operations that are sent, and AWS's common
errors; exceptions are what botocore raises before or instead of an answer. To add one: a row here,
and its line in ``tests/unit/aws/test_translate.py``.
"""

import re
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

    reason: str
    fix: str
    error: type[TunerError] = TargetError


LOG_IN = "Refresh them (aws sso login, aws configure, or new environment variables) and try again."
_RERUN = "Try again in a few minutes; `tuner restore` restores a function that was changed."
_CHANGE = "Change what the message names."

#: Error code -> what the user sees.
CODES: dict[str, ErrorText] = {
    "ResourceNotFoundException": ErrorText(
        "there is no such function, version or alias in {region} ({said})",
        "Check the name and --region; `aws lambda list-functions` lists the functions.",
        NotFound,
    ),
    "ProvisionedConcurrencyConfigNotFoundException": ErrorText(
        "it has no provisioned concurrency there", "There is nothing to remove.", NotFound
    ),
    "AccessDeniedException": ErrorText(
        "{action} is not allowed ({said})",
        "Allow {action} on the function; `tuner policy` prints the least policy.",
        AccessDenied,
    ),
    "ExpiredTokenException": ErrorText("the credentials have expired", LOG_IN, AccessDenied),
    "UnrecognizedClientException": ErrorText(
        "AWS does not know these credentials ({said})", LOG_IN, AccessDenied
    ),
    "InvalidSignatureException": ErrorText(
        "the signature was refused ({said})",
        "Check the secret key and that this machine's clock is right.",
        AccessDenied,
    ),
    "MissingAuthenticationTokenException": ErrorText(
        "the request carried no credentials", LOG_IN, AccessDenied
    ),
    "OptInRequired": ErrorText(
        "the account may not use this region or service ({said})",
        "Enable the region for the account, or choose another with --region.",
        AccessDenied,
    ),
    "PreconditionFailedException": ErrorText(
        "somebody else changed the function meanwhile; it was not overwritten",
        "Wait for the other deployment to finish, run `tuner restore`, then start again.",
        ChangedUnderneath,
    ),
    "ResourceConflictException": ErrorText("{operation} is not possible now ({said})", _RERUN),
    "TooManyRequestsException": ErrorText(
        "AWS throttles {operation} ({limit})",
        "Try again when fewer deployments run in this account and region.",
    ),
    "ServiceException": ErrorText("{who} had an internal error ({said})", _RERUN),
    "InvalidParameterValueException": ErrorText("{operation} was refused ({said})", _CHANGE),
    "CodeStorageExceededException": ErrorText(
        "the account's storage for code is full, so no version can be published",
        "Delete old versions and unused functions, then start again.",
    ),
    "AliasLimitExceededException": ErrorText(
        "the function has as many aliases as it may have", "Delete unused aliases."
    ),
    "InvalidCodeSignatureException": ErrorText(
        "code signing refused the package ({said})",
        "Deploy signed code, or relax the code signing configuration.",
    ),
    "CodeSigningConfigNotFoundException": ErrorText(
        "the function's code signing configuration is gone ({said})",
        "Create it again or remove it from the function.",
    ),
    "FunctionVersionsPerCapacityProviderLimitExceededException": ErrorText(
        "the capacity provider holds as many versions as it may",
        "Delete unused versions, or measure a function without a capacity provider.",
    ),
    "RequestEntityTooLargeException": ErrorText(
        "the package is too large ({said})", "Make the package smaller."
    ),
}

#: Codes that mean the same as one with a row.
SAME_AS = {
    same: code
    for code, others in {
        "AccessDeniedException": (
            "AccessDenied UnauthorizedOperation NotAuthorized KMSAccessDeniedException"
        ),
        "ExpiredTokenException": "ExpiredToken RequestExpired TokenRefreshRequired",
        "UnrecognizedClientException": "InvalidClientTokenId InvalidAccessKeyId AuthFailure",
        "InvalidSignatureException": (
            "SignatureDoesNotMatch IncompleteSignature IncompleteSignatureException"
        ),
        "MissingAuthenticationTokenException": "MissingAuthenticationToken",
        "OptInRequired": "SubscriptionRequiredException RegionDisabledException",
        "InvalidCodeSignatureException": "CodeVerificationFailedException",
        "TooManyRequestsException": (
            "Throttling ThrottledException ThrottlingException RequestLimitExceeded"
        ),
        "InvalidParameterValueException": (
            "InvalidRequestException InvalidNextToken ValidationException"
        ),
        "ServiceException": (
            "InternalFailure InternalServerError ServiceUnavailable ServiceUnavailableException"
        ),
    }.items()
    for same in others.split()
}

#: Messages that say more than their code, for some operations or for all (an empty tuple); what the
#: pattern's group holds is ``{found}``.
MESSAGES: tuple[tuple[re.Pattern[str], tuple[str, ...], ErrorText], ...] = (
    (
        # New accounts may use only 3,008 MB, which no quota shows.
        re.compile(r"memory_?size'.*less than or equal to (\d+)", re.I | re.S),
        (),
        ErrorText(
            "Lambda allows at most {found} MB here",
            "Measure sizes up to {found} MB, or ask AWS Support to raise the memory limit.",
        ),
    ),
    (
        re.compile(r"Functions from '([^']+)' are not reachable in this region"),
        (),
        ErrorText("the function is in {found}, not in {region}", "Add --region {found}.", NotFound),
    ),
    (
        re.compile(r"replicat", re.I),
        ("DeleteFunction", "UpdateFunctionConfiguration"),
        ErrorText(
            "Lambda@Edge replicates the function ({said})",
            "Measure a copy that no CloudFront distribution uses.",
        ),
    ),
)

#: How codes without a row begin (Invoke alone has dozens) -> what the user sees; first match.
_FAMILIES: tuple[tuple[str, ErrorText], ...] = (
    (
        "EC2 ENI InvalidSubnet InvalidSecurityGroup SubnetIPAddress",
        ErrorText(
            "its VPC keeps it from running ({said})",
            "Repair the function's subnets and security groups, then start again.",
        ),
    ),
    (
        "EFS S3Files",
        ErrorText(
            "its file system cannot be used ({said})",
            "Repair what the function mounts, then start again.",
        ),
    ),
    (
        "KMS",
        ErrorText(
            "its KMS key cannot be used ({said})",
            "Repair the key of the function's environment, then start again.",
        ),
    ),
    (
        "SnapStart",
        ErrorText(
            "SnapStart keeps it from running ({said})",
            "Wait until the version's snapshot is ready, or publish it again.",
        ),
    ),
    (
        "ResourceNotReady CodeArtifactUserPending",
        ErrorText("it is not ready ({said})", "Try again in a minute."),
    ),
    (
        "InvalidZipFile InvalidRuntime Runtime CodeArtifactUser",
        ErrorText(
            "its code or runtime cannot run ({said})",
            "Deploy it again, with a runtime that Lambda still has.",
        ),
    ),
    (
        "RequestTooLarge SerializedRequestEntityTooLarge",
        ErrorText("the request is too large ({said})", "Send a smaller payload."),
    ),
    (
        "ServiceQuotaExceeded RecursiveInvocation",
        ErrorText(
            "it exceeds a limit of the account ({said})", "Check the account's quotas for Lambda."
        ),
    ),
    (
        "InvalidObjectState",
        ErrorText(
            "the object is archived and cannot be read ({said})",
            "Restore it in S3, or name another.",
        ),
    ),
    (
        "UnsupportedMediaType InvalidRequestContent ModeNotSupported NoPublishedVersion "
        "DurableExecutionAlreadyStarted InvalidParameterException InvalidNextToken "
        "MalformedPolicyDocument PackedPolicyTooLarge InvalidContextAssertion",
        ErrorText("{operation} was refused ({said})", _CHANGE),
    ),
)


def family_of(code: str) -> ErrorText | None:
    """The text of a code that has no row of its own; ``None`` for an unknown one."""
    return next(
        (text for starts, text in _FAMILIES if code.startswith(tuple(starts.split()))), None
    )


#: botocore exception -> what the user sees; the first that fits counts, so special ones first.
CLIENT_SIDE: list[tuple[tuple[type[Exception], ...], ErrorText]] = [
    (
        (boto.NoCredentialsError,),
        ErrorText(
            "no AWS credentials were found",
            "Set AWS_PROFILE or --profile, run `aws configure` or `aws sso login`.",
            AccessDenied,
        ),
    ),
    (
        (boto.PartialCredentialsError,),
        ErrorText("the AWS credentials are incomplete ({said})", LOG_IN, AccessDenied),
    ),
    (
        (
            boto.UnauthorizedSSOTokenError,
            boto.SSOError,
            boto.TokenRetrievalError,
            boto.CredentialRetrievalError,
            boto.MetadataRetrievalError,
        ),
        ErrorText("the AWS credentials could not be obtained ({said})", LOG_IN, AccessDenied),
    ),
    (
        (boto.ProfileNotFound,),
        ErrorText("{said}", "`aws configure list-profiles` lists the profiles.", UsageError),
    ),
    (
        (boto.NoRegionError,),
        ErrorText("no AWS region is set", "Add --region, or set AWS_REGION.", UsageError),
    ),
    (
        (boto.InvalidRegionError,),
        ErrorText("{said}", "Write --region like us-east-1.", UsageError),
    ),
    (
        (boto.ParamValidationError,),
        ErrorText("{operation} would be refused ({said})", _CHANGE, UsageError),
    ),
    (
        (ResponseParserError,),
        ErrorText("{endpoint} does not answer as Lambda does ({said})", "Check --endpoint-url."),
    ),
    (
        (boto.SSLError,),
        ErrorText(
            "TLS with {endpoint} failed ({said})", "Check AWS_CA_BUNDLE, the proxy and the clock."
        ),
    ),
    (
        (boto.HTTPClientError, boto.ConnectionError, OSError),
        ErrorText(
            "{endpoint} cannot be reached ({said})",
            "Check the network, --region and --endpoint-url.",
        ),
    ),
    (
        (boto.ConfigParseError, boto.BotoCoreError, ValueError),
        ErrorText(
            "{said}",
            "Check --region, --profile, --endpoint-url and ~/.aws/config.",
            UsageError,
        ),
    ),
]

"""Foreign errors become ours here, in one place: what AWS or botocore said, why, what to do next.

Error codes are those of botocore's service model for the operations that are sent, and AWS's common
errors; exceptions are what botocore raises before or instead of an answer. To add one: a row, and
its line in ``tests/unit/aws/test_translate.py``. Whether to try again is decided in ``calls.py``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from tuner.errors import (
    AccessDenied,
    ChangedUnderneath,
    NotFound,
    NotServed,
    TargetError,
    TunerError,
    UsageError,
)


@dataclass(frozen=True)
class ApiCall:
    """A call that was made: the operation, on what, and where."""

    operation: str  # as in the service model: "PublishVersion"
    thing: str  # the function as the user wrote it
    region: str = ""
    endpoint_url: str = ""
    service: str = "lambda"  # as IAM's actions begin


@dataclass(frozen=True)
class ErrorText:
    """How one error is told; ``{said}`` in the reason is the service's own message."""

    reason: str
    fix: str
    error: type[TunerError] = TargetError


LOG_IN = "Refresh them (aws sso login, aws configure, or new environment variables) and try again."
_RERUN = "Try again in a few minutes; `tuner restore` restores a function that was changed."
_CHANGE = "Change what the message names."

#: Error code, with those that mean the same after it -> what the user sees.
ANSWERS: dict[str, ErrorText] = {
    "ResourceNotFoundException": ErrorText(
        "there is no such function, version or alias in {region} ({said})",
        "Check the name and --region; `aws lambda list-functions` lists the functions.",
        NotFound,
    ),
    "ProvisionedConcurrencyConfigNotFoundException": ErrorText(
        "it has no provisioned concurrency there", "There is nothing to remove.", NotFound
    ),
    "AccessDeniedException AccessDenied UnauthorizedOperation NotAuthorized "
    "KMSAccessDeniedException": ErrorText(
        "{action} is not allowed ({said})",
        "Allow {action} on the function; `tuner policy` prints the least policy.",
        AccessDenied,
    ),
    "ExpiredTokenException ExpiredToken RequestExpired TokenRefreshRequired": ErrorText(
        "the credentials have expired", LOG_IN, AccessDenied
    ),
    "UnrecognizedClientException InvalidClientTokenId InvalidAccessKeyId AuthFailure": ErrorText(
        "AWS does not know these credentials ({said})", LOG_IN, AccessDenied
    ),
    "InvalidSignatureException SignatureDoesNotMatch IncompleteSignature "
    "IncompleteSignatureException": ErrorText(
        "the signature was refused ({said})",
        "Check the secret key and that this machine's clock is right.",
        AccessDenied,
    ),
    "MissingAuthenticationTokenException MissingAuthenticationToken": ErrorText(
        "the request carried no credentials", LOG_IN, AccessDenied
    ),
    "OptInRequired OptInRequiredException SubscriptionRequiredException "
    "RegionDisabledException": ErrorText(
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
    "TooManyRequestsException Throttling ThrottledException ThrottlingException "
    "RequestLimitExceeded LimitExceededException": ErrorText(
        "AWS throttles {operation} ({limit})",
        "Try again when fewer deployments run in this account and region.",
    ),
    "ServiceException InternalFailure InternalServerError ServiceUnavailable "
    "ServiceUnavailableException InternalServiceException InternalServerException": ErrorText(
        "{who} had an internal error ({said})", _RERUN
    ),
    "InvalidParameterValueException InvalidRequestException InvalidNextToken "
    "ValidationException InvalidParameterException MalformedQueryException "
    "PaginationTokenExpiredException": ErrorText("{operation} was refused ({said})", _CHANGE),
    "CodeStorageExceededException": ErrorText(
        "the account's storage for code is full, so no version can be published",
        "Delete old versions and unused functions, then start again.",
    ),
    "AliasLimitExceededException": ErrorText(
        "the function has as many aliases as it may have", "Delete unused aliases."
    ),
    "InvalidCodeSignatureException CodeVerificationFailedException": ErrorText(
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

_CODES = {codes.split()[0]: text for codes, text in ANSWERS.items()}
_SAME_AS = {same: codes.split()[0] for codes in ANSWERS for same in codes.split()[1:]}

#: Messages that say more than their code, as patterns of "operation: message"; what the pattern's
#: group holds is ``{found}``.
_MESSAGES = {
    # New accounts may use only 3,008 MB, which no quota shows.
    r"(?is)memory_?size'.*less than or equal to (\d+)": ErrorText(
        "Lambda allows at most {found} MB here",
        "Measure sizes up to {found} MB, or ask AWS Support to raise the memory limit.",
    ),
    r"Functions from '([^']+)' are not reachable in this region": ErrorText(
        "the function is in {found}, not in {region}", "Add --region {found}.", NotFound
    ),
    r"(?is)^(?:DeleteFunction|UpdateFunctionConfiguration): .*replicat": ErrorText(
        "Lambda@Edge replicates the function ({said})",
        "Measure a copy that no CloudFront distribution uses.",
    ),
}

#: How codes without a row begin (Invoke alone has dozens) -> what the user sees; first match.
_FAMILIES: dict[str, ErrorText] = {
    "EC2 ENI InvalidSubnet InvalidSecurityGroup SubnetIPAddress": ErrorText(
        "its VPC keeps it from running ({said})",
        "Repair the function's subnets and security groups, then start again.",
    ),
    "EFS S3Files": ErrorText(
        "its file system cannot be used ({said})",
        "Repair what the function mounts, then start again.",
    ),
    "KMS": ErrorText(
        "its KMS key cannot be used ({said})",
        "Repair the key of the function's environment, then start again.",
    ),
    "SnapStart": ErrorText(
        "SnapStart keeps it from running ({said})",
        "Wait until the version's snapshot is ready, or publish it again.",
    ),
    "ResourceNotReady CodeArtifactUserPending": ErrorText(
        "it is not ready ({said})", "Try again in a minute."
    ),
    "InvalidZipFile InvalidRuntime Runtime CodeArtifactUser": ErrorText(
        "its code or runtime cannot run ({said})",
        "Deploy it again, with a runtime that Lambda still has.",
    ),
    "RequestTooLarge SerializedRequestEntityTooLarge": ErrorText(
        "the request is too large ({said})", "Send a smaller payload."
    ),
    "ServiceQuotaExceeded RecursiveInvocation": ErrorText(
        "it exceeds a limit of the account ({said})", "Check the account's quotas for Lambda."
    ),
    "InvalidObjectState": ErrorText(
        "the object is archived and cannot be read ({said})", "Restore it in S3, or name another."
    ),
    "UnsupportedMediaType InvalidRequestContent ModeNotSupported NoPublishedVersion "
    "DurableExecutionAlreadyStarted InvalidParameterException InvalidNextToken "
    "MalformedPolicyDocument PackedPolicyTooLarge InvalidContextAssertion": ErrorText(
        "{operation} was refused ({said})", _CHANGE
    ),
}

#: botocore exception -> what the user sees; the first that fits counts, so special ones first.
_CLIENT_SIDE: dict[Any, ErrorText] = {
    boto.NoCredentialsError: ErrorText(
        "no AWS credentials were found",
        "Set AWS_PROFILE or --profile, run `aws configure` or `aws sso login`.",
        AccessDenied,
    ),
    boto.PartialCredentialsError: ErrorText(
        "the AWS credentials are incomplete ({said})", LOG_IN, AccessDenied
    ),
    (
        boto.SSOError,
        boto.TokenRetrievalError,
        boto.CredentialRetrievalError,
        boto.MetadataRetrievalError,
    ): ErrorText("the AWS credentials could not be obtained ({said})", LOG_IN, AccessDenied),
    boto.ProfileNotFound: ErrorText(
        "{said}", "`aws configure list-profiles` lists the profiles.", UsageError
    ),
    boto.NoRegionError: ErrorText(
        "no AWS region is set", "Add --region, or set AWS_REGION.", UsageError
    ),
    boto.InvalidRegionError: ErrorText("{said}", "Write --region like us-east-1.", UsageError),
    boto.ParamValidationError: ErrorText(
        "{operation} would be refused ({said})", _CHANGE, UsageError
    ),
    ResponseParserError: ErrorText(
        "{endpoint} does not answer as Lambda does ({said})", "Check --endpoint-url."
    ),
    boto.SSLError: ErrorText(
        "TLS with {endpoint} failed ({said})", "Check AWS_CA_BUNDLE, the proxy and the clock."
    ),
    (boto.HTTPClientError, boto.ConnectionError, OSError): ErrorText(
        "{endpoint} cannot be reached ({said})", "Check the network, --region and --endpoint-url."
    ),
    (boto.ConfigParseError, boto.BotoCoreError, ValueError): ErrorText(
        "{said}", "Check --region, --profile, --endpoint-url and ~/.aws/config.", UsageError
    ),
}


#: HTTP statuses of who has no such path, method or operation.
_NOT_SERVED = (404, 405, 501)
_UNSERVED = ErrorText(
    "{endpoint} does not know {operation} ({code}: {said})",
    "Check --endpoint-url. An endpoint that knows Invoke only can be loaded, and measured at one "
    "size.",
    NotServed,
)

_LIMITS = {"lambda": "15 control-plane calls a second per account"}
_NAMES = {"lambda": "Lambda", "cloudwatch": "CloudWatch", "xray": "X-Ray"}


def translate(error: Exception, call: ApiCall) -> TunerError:
    """Turn any error of boto3 into one of ours; one that is ours already is returned as it is."""
    if isinstance(error, TunerError):
        return error
    if isinstance(error, boto.ClientError):
        return _answered(error, call)
    for kinds, row in _CLIENT_SIDE.items():
        if isinstance(error, kinds):
            return _tell(row, call, str(error))
    return _tell(ErrorText("{operation} failed ({said})", ""), call, str(error))


def error_code(error: Exception) -> str:
    """The service's error code, with synonyms unified; empty if the service did not answer."""
    code = str(_response(error).get("Error", {}).get("Code", "")).split(":")[0]
    return _SAME_AS.get(code, code)


def words_for(code: str) -> ErrorText | None:
    """The text of an error code, by its row or its family; ``None`` for an unknown one."""
    code = _SAME_AS.get(code, code)
    starts = (start for start in _FAMILIES if code.startswith(tuple(start.split())))
    return _CODES.get(code) or _FAMILIES.get(next(starts, ""))


def service_message(error: Exception) -> str:
    """The service's own message; Lambda writes the key both as ``message`` and ``Message``."""
    answer = _response(error)
    said = answer.get("Error", {}).get("Message") or answer.get("message") or answer.get("Message")
    return str(said or ("no message" if answer else error))


def http_status(error: BaseException | None) -> int:
    """The HTTP status of an answered error, 0 if there was no answer."""
    return int(_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


_CONFLICTS = (409, 412)


def surely_refused(error: BaseException | None) -> bool:
    """True of an answer that says the caller is at fault: what was asked has not been done.

    Not of a conflict or an unexpected RevisionId: a request that was delivered twice, of which the
    first was acted on, is answered with these.
    """
    status = http_status(error)
    return 400 <= status < 500 and status not in _CONFLICTS


def _response(error: BaseException | None) -> Mapping[str, Any]:
    return error.response if isinstance(error, boto.ClientError) else {}


def _answered(error: boto.ClientError, call: ApiCall) -> TunerError:
    said = service_message(error)
    for pattern, text in _MESSAGES.items():
        if match := re.search(pattern, f"{call.operation}: {said}"):
            return _tell(text, call, said, found=match[match.lastindex or 0])
    code = error_code(error)
    server_error = _CODES["ServiceException"] if http_status(error) >= 500 else None
    unknown = ErrorText("{operation} failed with {code} ({said})", "")
    if http_status(error) in _NOT_SERVED:
        server_error, unknown = None, _UNSERVED
    return _tell(words_for(code) or server_error or unknown, call, said, code)


def _tell(row: ErrorText, call: ApiCall, said: str, code: str = "", found: str = "") -> TunerError:
    words = {
        "code": " ".join(code.split())[:80] or "an error",
        "found": found,
        "said": " ".join(said.split())[:300],
        "operation": call.operation,
        "action": f"{call.service}:{call.operation}",
        "who": _NAMES.get(call.service, call.service),
        "limit": _LIMITS.get(call.service, "more calls than it takes"),
        "region": call.region or "this region",
        "endpoint": call.endpoint_url or "AWS",
    }
    return row.error(call.thing, row.reason.format(**words), row.fix.format(**words))

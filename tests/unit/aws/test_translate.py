"""What a user sees of every error that the control plane can answer or botocore can raise."""

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

from tuner.aws.translate import ApiCall, error_code, translate
from tuner.errors import (
    AccessDenied,
    ChangedUnderneath,
    NotFound,
    NotServed,
    TargetError,
    TunerError,
    UsageError,
)

ASKED = ApiCall("PublishVersion", "orders", "eu-west-1", "https://lambda.eu-west-1.amazonaws.com")
EXPECTED = {
    "ResourceNotFoundException": (NotFound, "no such function", "list-functions"),
    "ProvisionedConcurrencyConfigNotFoundException": (NotFound, "no provisioned", "nothing"),
    "AccessDeniedException": (AccessDenied, "lambda:PublishVersion is not allowed", "tuner policy"),
    "ExpiredTokenException": (AccessDenied, "credentials have expired", "Refresh"),
    "UnrecognizedClientException": (AccessDenied, "does not know these credentials", "Refresh"),
    "InvalidSignatureException": (AccessDenied, "signature was refused", "clock"),
    "MissingAuthenticationTokenException": (AccessDenied, "no credentials", "Refresh"),
    "OptInRequired": (AccessDenied, "may not use this region", "--region"),
    "PreconditionFailedException": (ChangedUnderneath, "not overwritten", "tuner restore"),
    "ResourceConflictException": (TargetError, "not possible now", "Try again"),
    "TooManyRequestsException": (TargetError, "throttles PublishVersion", "Try again"),
    "ServiceException": (TargetError, "internal error", "Try again"),
    "InvalidParameterValueException": (TargetError, "was refused", "Change"),
    "InvalidParameterException": (TargetError, "was refused", "Change"),
    "MalformedQueryException": (TargetError, "was refused", "Change"),
    "PaginationTokenExpiredException": (TargetError, "was refused", "Change"),
    "LimitExceededException": (TargetError, "throttles", "Try again"),
    "InternalServiceException": (TargetError, "internal error", "Try again"),
    "InternalServerException": (TargetError, "internal error", "Try again"),
    "OptInRequiredException": (AccessDenied, "may not use this region", "--region"),
    "MissingAuthenticationToken": (AccessDenied, "no credentials", "Refresh"),
    "CodeStorageExceededException": (TargetError, "storage for code is full", "Delete"),
    "AliasLimitExceededException": (TargetError, "aliases", "Delete"),
    "InvalidCodeSignatureException": (TargetError, "code signing", "signed"),
    "CodeSigningConfigNotFoundException": (TargetError, "code signing", "Create"),
    "FunctionVersionsPerCapacityProviderLimitExceededException": (
        TargetError,
        "capacity provider",
        "Delete",
    ),
    "RequestEntityTooLargeException": (TargetError, "too large", "smaller"),
    "ExpiredToken": (AccessDenied, "credentials have expired", "Refresh"),
    "RequestExpired": (AccessDenied, "credentials have expired", "Refresh"),
    "InvalidClientTokenId": (AccessDenied, "does not know", "Refresh"),
    "SignatureDoesNotMatch": (AccessDenied, "signature", "clock"),
    "AccessDenied": (AccessDenied, "not allowed", "tuner policy"),
    "ThrottledException": (TargetError, "throttles", "Try again"),
    "InvalidRequestException": (TargetError, "was refused", "Change"),
    "ThrottlingException": (TargetError, "throttles", "Try again"),
    "CodeVerificationFailedException": (TargetError, "code signing", "signed"),
    "ValidationException": (TargetError, "was refused", "Change"),
    "InternalFailure": (TargetError, "internal error", "Try again"),
    "RegionDisabledException": (AccessDenied, "may not use this region", "--region"),
    "KMSAccessDeniedException": (AccessDenied, "not allowed", "tuner policy"),
    "ServiceUnavailableException": (TargetError, "internal error", "Try again"),
    "NoSuchKey": (TargetError, "failed with NoSuchKey", ""),  # read_s3 says more
    "InvalidObjectState": (TargetError, "archived", "Restore it in S3"),
    **{
        f"{name}Exception": (TargetError, "VPC", "subnets")
        for name in (
            "EC2Throttled",
            "EC2Unexpected",
            "EC2AccessDenied",
            "ENILimitReached",
            "ENINotReady",
            "InvalidSubnetID",
            "InvalidSecurityGroupID",
            "SubnetIPAddressLimitReached",
        )
    },
    **{
        f"{name}Exception": (TargetError, "file system", "mounts")
        for name in (
            "EFSIO",
            "EFSMountConnectivity",
            "EFSMountFailure",
            "EFSMountTimeout",
            "S3FilesMountConnectivity",
            "S3FilesMountFailure",
            "S3FilesMountTimeout",
        )
    },
    **{
        f"KMS{name}Exception": (TargetError, "KMS key", "environment")
        for name in ("Disabled", "NotFound", "InvalidState")
    },
    **{
        f"SnapStart{name}Exception": (TargetError, "SnapStart", "snapshot")
        for name in ("", "NotReady", "Timeout", "RegenerationFailure")
    },
    **{
        f"{name}Exception": (TargetError, "not ready", "Try again")
        for name in ("ResourceNotReady", "CodeArtifactUserPending")
    },
    **{
        f"{name}Exception": (TargetError, "cannot run", "Deploy it again")
        for name in (
            "InvalidZipFile",
            "InvalidRuntime",
            "RuntimeAliasDeleted",
            "RuntimeVersionDeleted",
            "CodeArtifactUserDeleted",
            "CodeArtifactUserFailed",
        )
    },
    **{
        f"{name}Exception": (TargetError, "too large", "smaller")
        for name in ("RequestTooLarge", "SerializedRequestEntityTooLarge")
    },
    **{
        f"{name}Exception": (TargetError, "limit of the account", "quotas")
        for name in ("ServiceQuotaExceeded", "RecursiveInvocation")
    },
    **dict.fromkeys(
        (
            "UnsupportedMediaTypeException",
            "InvalidRequestContentException",
            "ModeNotSupportedException",
            "NoPublishedVersionException",
            "DurableExecutionAlreadyStartedException",
            "InvalidParameterException",
            "InvalidNextToken",
            "MalformedPolicyDocument",
            "PackedPolicyTooLarge",
            "InvalidContextAssertion",
        ),
        (TargetError, "was refused", "Change"),
    ),
}


def answered(code: str, message: str = "what the service said", status: int = 400) -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "PublishVersion")


@pytest.mark.parametrize("code", EXPECTED)
def test_an_error_code_names_the_function_the_reason_and_the_next_step(code: str) -> None:
    kind, reason, fix = EXPECTED[code]
    error = translate(answered(code), ASKED)
    assert type(error) is kind
    assert error.thing == "orders"
    assert reason in error.reason
    assert fix in error.fix
    assert len(str(error).splitlines()) == (2 if fix else 1)


def test_an_unknown_code_still_says_what_the_service_said() -> None:
    error = translate(answered("SomethingNewException"), ASKED)
    assert type(error) is TargetError
    assert "SomethingNewException" in error.reason
    assert "what the service said" in error.reason


def test_an_unknown_server_error_is_an_internal_error_of_lambda() -> None:
    assert "internal error" in translate(answered("Weird", status=503), ASKED).reason


@pytest.mark.parametrize("status", [404, 405, 501])
def test_an_endpoint_without_the_operation_is_told_as_such(status: int) -> None:
    error = translate(answered("PathNotFoundLocally", "no such path", status), ASKED)
    assert isinstance(error, NotServed)
    assert "does not know PublishVersion (PathNotFoundLocally: no such path)" in error.reason
    gone = translate(answered("ResourceNotFoundException", status=404), ASKED)
    assert not isinstance(gone, NotServed)


def test_the_memory_cap_of_a_new_account_is_named_with_its_size() -> None:
    said = (
        "'MemorySize' value failed to satisfy constraint: "
        "Member must have value less than or equal to 3008"
    )
    error = translate(answered("ValidationException", said), ASKED)
    assert error.reason == "Lambda allows at most 3008 MB here"
    assert "up to 3008 MB" in error.fix


def test_a_function_of_another_region_is_told_with_the_option_that_reaches_it() -> None:
    said = "Functions from 'us-west-2' are not reachable in this region ('eu-west-1')"
    error = translate(answered("ResourceNotFoundException", said, 404), ASKED)
    assert isinstance(error, NotFound)
    assert error.fix == "Add --region us-west-2."


def test_an_edge_replica_is_named_as_such() -> None:
    said = "Lambda was unable to delete arn:...:1 because it is a replicated function."
    asked = ApiCall("DeleteFunction", "orders")
    error = translate(answered("InvalidParameterValueException", said), asked)
    assert "Lambda@Edge" in error.reason


@pytest.mark.parametrize(
    ("raised", "kind", "reason"),
    [
        (boto.NoCredentialsError(), AccessDenied, "no AWS credentials"),
        (
            boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            AccessDenied,
            "incomplete",
        ),
        (boto.UnauthorizedSSOTokenError(), AccessDenied, "could not be obtained"),
        (
            boto.CredentialRetrievalError(provider="p", error_msg="no"),
            AccessDenied,
            "could not be obtained",
        ),
        (boto.ProfileNotFound(profile="dev"), UsageError, "dev"),
        (boto.NoRegionError(), UsageError, "no AWS region"),
        (boto.InvalidRegionError(region_name="x y"), UsageError, "x y"),
        (boto.EndpointConnectionError(endpoint_url="http://x"), TargetError, "cannot be reached"),
        (boto.ReadTimeoutError(endpoint_url="http://x"), TargetError, "cannot be reached"),
        (boto.SSLError(endpoint_url="http://x", error="bad"), TargetError, "TLS"),
        (boto.ParamValidationError(report="MemorySize"), UsageError, "MemorySize"),
        (ResponseParserError("not JSON"), TargetError, "does not answer as Lambda"),
        (ConnectionResetError("reset"), TargetError, "cannot be reached"),
        (RuntimeError("odd"), TargetError, "odd"),
    ],
)
def test_errors_before_an_answer_are_told_too(
    raised: Exception, kind: type[TunerError], reason: str
) -> None:
    error = translate(raised, ASKED)
    assert type(error) is kind
    assert reason in error.reason
    assert len(str(error).splitlines()) <= 2


def test_an_error_of_ours_comes_back_as_it_is() -> None:
    ours = NotFound("a", "b")
    assert translate(ours, ASKED) is ours


@given(code=st.text(max_size=40), said=st.text(max_size=400), status=st.integers(0, 999))
def test_whatever_the_service_says_becomes_at_most_two_lines(
    code: str, said: str, status: int
) -> None:
    error = translate(answered(code, said, status), ASKED)
    assert isinstance(error, TunerError)
    assert len(str(error).splitlines()) <= 2
    assert isinstance(error_code(answered(code, said, status)), str)

"""Payloads in S3, and functions that prepare payloads or process answers.

Objects are read whole, and nothing is ever written to S3. What is measured is never invoked from
here: that takes a millisecond of its own and hides nothing of it.
"""

import json
import re
from collections.abc import Callable

from botocore.config import Config

from tuner.aws.calls import AwsService
from tuner.aws.session import AwsSession
from tuner.aws.translate import translate
from tuner.clock import Clock
from tuner.errors import NotFound, TargetError, TunerError, UsageError

#: Names of buckets, and aliases and ARNs of access points, which stand in their place.
_URL = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9.:_-]{1,254})/(?P<key>.{1,1024})", re.S)


def split_s3(url: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``; raises UsageError."""
    match = _URL.fullmatch(url)
    if match is None:
        fix = "Write it like s3://bucket/key."
        raise UsageError(f"{url:.80}", "is not the URL of an object", fix)
    return match["bucket"], match["key"]


def read_s3(session: AwsSession, url: str, most: int, clock: Clock | None = None) -> bytes:
    """The bytes of an object; raises UsageError for more than ``most``, or our errors from AWS."""
    bucket, key = split_s3(url)
    service = AwsService(session, "s3", clock)
    try:
        answer = service.send("GetObject", url, Bucket=bucket, Key=key)
    except TunerError as error:
        for code, thing in (("NoSuchKey", "object"), ("NoSuchBucket", "bucket")):
            if code in error.reason:
                fix = "Check the name; `aws s3 ls` lists what there is."
                raise NotFound(url, f"there is no such {thing}", fix) from None
        raise
    with answer["Body"] as body:
        if answer["ContentLength"] > most:
            reason = f"is {answer['ContentLength']:,} bytes; at most {most:,} can be sent"
            raise UsageError(url, reason, "Name a smaller object.")
        try:
            return bytes(body.read())
        except Exception as error:  # botocore's own kinds, by way of urllib3
            reason = f"could not be read to its end: {error}"
            raise TargetError(url, reason, "Try again.") from error


_INVOKE_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1})


def invoker(session: AwsSession, function: str) -> Callable[[bytes], bytes]:
    """A callable that sends a payload to the function and returns its answer, from any thread.

    It raises TargetError when the function cannot be called, or fails.
    """
    client = session.boto.create_client(
        "lambda",
        region_name=session.region,
        endpoint_url=session.endpoint_url,
        config=_INVOKE_CONFIG,
    )

    def invoke(payload: bytes) -> bytes:
        try:
            answer = client.invoke(FunctionName=function, Payload=payload)
            body = bytes(answer["Payload"].read())
        except Exception as error:
            raise translate(error, session.api_call("InvokeFunction", function)) from error
        if answer.get("FunctionError"):
            raise TargetError(function, f"failed: {_error_of(body)}")
        return b"" if body.strip() == b"null" else body

    return invoke


def _error_of(body: bytes) -> str:
    try:
        error = json.loads(body)
        return f"{error.get('errorType', 'error')}: {error.get('errorMessage', '')}"[:160]
    except (ValueError, AttributeError, RecursionError):
        return "error"

"""Invokes a function beside what is measured: a pre- or post-processor of the user's.

What is measured never goes this way, which takes a millisecond of its own and hides nothing of it.
"""

import json
from collections.abc import Callable

from botocore.config import Config

from tuner.aws.session import AwsSession
from tuner.aws.translate import translate
from tuner.errors import TargetError

_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1})


def invoker(session: AwsSession, function: str) -> Callable[[bytes], bytes]:
    """Calls the function with a payload and gives its answer, from any thread. It raises
    TargetError when the function cannot be called, or fails."""
    client = session.boto.create_client(
        "lambda",
        region_name=session.region,
        endpoint_url=session.endpoint_url,
        config=_CONFIG,
    )

    def invoke(payload: bytes) -> bytes:
        try:
            answer = client.invoke(FunctionName=function, Payload=payload)
            body = bytes(answer["Payload"].read())
        except Exception as error:
            raise translate(error, session.asked("InvokeFunction", function)) from error
        if answer.get("FunctionError"):
            raise TargetError(function, f"failed: {_error(body)}")
        return b"" if body.strip() == b"null" else body

    return invoke


def _error(body: bytes) -> str:
    try:
        told = json.loads(body)
        return f"{told.get('errorType', 'error')}: {told.get('errorMessage', '')}"[:160]
    except (ValueError, AttributeError, RecursionError):
        return "error"

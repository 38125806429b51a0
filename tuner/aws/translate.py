"""Foreign errors become ours here, in one place: what AWS or botocore said, why, what to do next.

The wording is in the tables of ``reasons.py``; a few messages say more than their code and are
recognised first. Whether to try again is decided in ``calls.py``.
"""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from tuner.aws.reasons import CLIENT_SIDE, CODES, MESSAGES, SAME_AS, ErrorText, family_of
from tuner.errors import TunerError


@dataclass(frozen=True)
class ApiCall:
    """A call that was made: the operation, on what, and where."""

    operation: str  # as in the service model: "PublishVersion"
    thing: str  # the function as the user wrote it
    region: str = ""
    endpoint_url: str = ""
    service: str = "lambda"  # as IAM's actions begin


_LAMBDA_LIMIT = "15 control-plane calls a second per account"
_NAMES = {"lambda": "Lambda", "cloudwatch": "CloudWatch", "xray": "X-Ray"}


def translate(error: Exception, call: ApiCall) -> TunerError:
    """Turn any error of boto3 into one of ours; one that is ours already is returned as it is."""
    if isinstance(error, TunerError):
        return error
    if isinstance(error, ClientError):
        return _answered(error, call)
    for kinds, row in CLIENT_SIDE:
        if isinstance(error, kinds):
            return _tell(row, call, str(error))
    return _tell(ErrorText("{operation} failed ({said})", ""), call, str(error))


def error_code(error: Exception) -> str:
    """The service's error code, with synonyms unified; empty if the service did not answer."""
    if not isinstance(error, ClientError):
        return ""
    code = str(error.response.get("Error", {}).get("Code", "")).split(":")[0]
    return SAME_AS.get(code, code)


def service_message(error: Exception) -> str:
    """The service's own message; Lambda writes the key both as ``message`` and ``Message``."""
    if not isinstance(error, ClientError):
        return str(error)
    answer = error.response
    said = answer.get("Error", {}).get("Message") or answer.get("message") or answer.get("Message")
    return str(said or "no message")


def http_status(error: Exception) -> int:
    """The HTTP status of an answered error, 0 if there was no answer."""
    if not isinstance(error, ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _answered(error: ClientError, call: ApiCall) -> TunerError:
    said = service_message(error)
    for pattern, operations, text in MESSAGES:
        match = pattern.search(said) if call.operation in operations or not operations else None
        if match:
            return _tell(text, call, said, found=match[match.lastindex or 0])
    code = error_code(error)
    row = CODES.get(code) or family_of(code)
    if row is None and http_status(error) >= 500:
        row = CODES["ServiceException"]
    if row is None:
        row = ErrorText("{operation} failed with {code} ({said})", "")
    return _tell(row, call, said, code)


def _tell(row: ErrorText, call: ApiCall, said: str, code: str = "", found: str = "") -> TunerError:
    words = {
        "code": " ".join(code.split())[:80] or "an error",
        "found": found,
        "said": " ".join(said.split())[:300],
        "operation": call.operation,
        "action": f"{call.service}:{call.operation}",
        "who": _NAMES.get(call.service, call.service),
        "limit": _LAMBDA_LIMIT if call.service == "lambda" else "more calls than it takes",
        "region": call.region or "this region",
        "endpoint": call.endpoint_url or "AWS",
    }
    return row.error(call.thing, row.reason.format(**words), row.fix.format(**words))

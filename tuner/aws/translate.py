"""Foreign errors become ours here, in one place: what AWS or botocore said, why, what to do next.

The wording is in the tables of ``reasons.py``; a few messages say more than their code and are
recognised here. It never decides whether to try again; that is ``control.py``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from tuner.aws.reasons import CLIENT_SIDE, CODES, SAME_AS, ErrorText, family_of
from tuner.errors import NotFound, TargetError, TunerError


@dataclass(frozen=True)
class ApiCall:
    """What was being done: a Lambda operation, to what, and where."""

    operation: str  # as in the service model: "PublishVersion"
    thing: str  # the function as the user wrote it
    region: str = ""
    endpoint_url: str = ""
    service: str = "lambda"  # as IAM's actions begin


_LAMBDA_LIMIT = "15 control-plane calls a second per account"
_NAMES = {"lambda": "Lambda", "cloudwatch": "CloudWatch", "xray": "X-Ray"}
_MEMORY_CAP = re.compile(r"memory_?size'.*less than or equal to (\d+)", re.I | re.S)
_WRONG_REGION = re.compile(r"Functions from '([^']+)' are not reachable in this region")
_REPLICA = re.compile(r"replicat", re.I)


def translate(error: Exception, asked: ApiCall) -> TunerError:
    """Turn any error of boto3 into one of ours; an error that is ours already comes back as is."""
    if isinstance(error, TunerError):
        return error
    if isinstance(error, ClientError):
        return _answered(error, asked)
    for kinds, row in CLIENT_SIDE:
        if isinstance(error, kinds):
            return _tell(row, asked, str(error))
    return _tell(ErrorText(TargetError, "{operation} failed ({said})", ""), asked, str(error))


def error_code(error: Exception) -> str:
    """The service's error code, with synonyms unified; empty if the service did not answer."""
    if not isinstance(error, ClientError):
        return ""
    code = str(error.response.get("Error", {}).get("Code", "")).split(":")[0]
    return SAME_AS.get(code, code)


def service_message(error: Exception) -> str:
    """What the service said; Lambda writes the key both as ``message`` and ``Message``."""
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


def _answered(error: ClientError, asked: ApiCall) -> TunerError:
    said = service_message(error)
    for recognise in (_memory_cap, _wrong_region, _edge_replica):
        special = recognise(said, asked)
        if special:
            return special
    code = error_code(error)
    row = CODES.get(code) or family_of(code)
    if row is None and http_status(error) >= 500:
        row = CODES["ServiceException"]
    if row is None:
        row = ErrorText(TargetError, "{operation} failed with {code} ({said})", "")
    return _tell(row, asked, said, code)


_Recogniser = Callable[[str, ApiCall], TunerError | None]


def _memory_cap(said: str, asked: ApiCall) -> TunerError | None:
    """New accounts may use only 3,008 MB, which no quota shows: the message is the authority."""
    match = _MEMORY_CAP.search(said)
    if not match:
        return None
    most = match[1]
    return TargetError(
        asked.thing,
        f"Lambda allows at most {most} MB here",
        f"Measure sizes up to {most} MB, or ask AWS Support to raise the account's memory limit.",
    )


def _wrong_region(said: str, asked: ApiCall) -> TunerError | None:
    match = _WRONG_REGION.search(said)
    if not match:
        return None
    return NotFound(
        asked.thing,
        f"the function is in {match[1]}, but {asked.region} was asked",
        f"Add --region {match[1]}.",
    )


def _edge_replica(said: str, asked: ApiCall) -> TunerError | None:
    if asked.operation not in ("DeleteFunction", "UpdateFunctionConfiguration"):
        return None
    if not _REPLICA.search(said):
        return None
    return TargetError(
        asked.thing,
        f"Lambda@Edge replicates the function ({said})",
        "Measure a copy that no CloudFront distribution uses.",
    )


def _tell(row: ErrorText, asked: ApiCall, said: str, code: str = "") -> TunerError:
    words = {
        "code": " ".join(code.split())[:80] or "an error",
        "said": " ".join(said.split())[:300],
        "operation": asked.operation,
        "action": f"{asked.service}:{asked.operation}",
        "who": _NAMES.get(asked.service, asked.service),
        "limit": _LAMBDA_LIMIT if asked.service == "lambda" else "more calls than it takes",
        "region": asked.region or "this region",
        "endpoint": asked.endpoint_url or "AWS",
    }
    return row.error(asked.thing, row.reason.format(**words), row.fix.format(**words))

"""Tells an invocation that failed from a run that cannot work, such as one without permission.

A throttle, a crash or a timeout of the function is data. What the service refuses for everybody
alike (credentials, a missing function, an unusable payload) would only repeat itself.
"""

from tuner.errors import AccessDenied, NotFound, TargetError
from tuner.records import FunctionFacts, Outcome, Sample

_CREDENTIALS_FIX = "Check the credentials: aws sts get-caller-identity, then tuner doctor."
_PAYLOAD_REFUSED = frozenset(
    {
        "InvalidRequestContentException",
        "RequestTooLargeException",
        "RequestEntityTooLargeException",
        "UnsupportedMediaTypeException",
        "HTTP 413",
    }
)
_EXPIRED = ("Expired", "InvalidClientToken", "UnrecognizedClient", "InvalidSignature", "TooSkewed")


def may_be_renewed(sample: Sample) -> bool:
    """Whether new credentials, or a corrected clock, would end this refusal."""
    return any(word in (sample.reason or "") for word in _EXPIRED)


def front_refusal(sample: Sample, url: str, first_contact: bool) -> TargetError | None:
    """As :func:`refusal`, of an HTTP front: any status may be the function's own answer there,
    so only what the very first answer says can end the run."""
    if not first_contact:
        return None
    if sample.outcome is Outcome.TRANSPORT_ERROR:
        return TargetError(
            url, f"cannot be reached: {sample.reason}", "Check --url and the network."
        )
    if sample.outcome is not Outcome.SERVICE_ERROR:
        return None
    reason = sample.reason or f"HTTP {sample.status}"
    if sample.status in (401, 403):
        fix = (
            "Check --url-auth, the credentials, and lambda:InvokeFunctionUrl or execute-api:Invoke."
        )
        return AccessDenied(url, f"the request was refused ({reason})", fix)
    if sample.status in (404, 405):
        return NotFound(url, f"nothing answers there ({reason})", "Check --url and --method.")
    return None


def refusal(sample: Sample, facts: FunctionFacts, first_contact: bool) -> TargetError | None:
    """The error that ends the run, or ``None`` if the sample is only data.

    A transport error is one only when nothing was ever answered (``first_contact``).
    """
    if sample.outcome is Outcome.TRANSPORT_ERROR:
        return _unreachable(sample, facts) if first_contact else None
    if sample.outcome is not Outcome.SERVICE_ERROR:
        return None
    reason = sample.reason or f"HTTP {sample.status}"
    if sample.status in (401, 403):
        fix = f"Allow lambda:InvokeFunction on {facts.arn}."
        if any(word in reason for word in _EXPIRED):
            fix = _CREDENTIALS_FIX
        return AccessDenied(facts.name, f"invoking it was refused ({reason})", fix)
    if sample.status == 404:
        return NotFound(facts.name, f"cannot be invoked ({reason})", "Was it deleted meanwhile?")
    if reason in _PAYLOAD_REFUSED:
        return TargetError(
            facts.name,
            f"the invocation was refused ({reason})",
            "Check the payload: JSON of at most 6 MB (--payload, --payloads, --event).",
        )
    return None


def _unreachable(sample: Sample, facts: FunctionFacts) -> TargetError:
    return TargetError(
        facts.name,
        f"cannot be invoked in {facts.region}: {sample.reason}",
        "Check the region, the endpoint (--region, --endpoint-url) and the network.",
    )

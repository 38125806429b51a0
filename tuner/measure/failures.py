"""Tells data from failures of a run: missing permission, or an engine that breaks during a load.

A throttle, a crash or a timeout of the function is data. What the service refuses for everybody
alike (credentials, a missing function, an unusable payload) would only repeat itself. Before
anything was answered it is an error of the run; later it ends a load, which keeps what it has.
"""

from collections.abc import Callable, Iterator

from tuner.errors import AccessDenied, NotFound, TargetError, TunerError
from tuner.records import Advice, FunctionFacts, Outcome, Sample

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
    """Return whether new credentials, or a corrected clock, would end this refusal."""
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
        return NotFound(url, f"nothing answers there ({reason})", "Check --url and --http-method.")
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
        return NotFound(facts.name, f"cannot be invoked ({reason})", "Check that it still exists.")
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


#: Given a sample and whether nothing was answered before it: the error that should end the run.
Judge = Callable[[Sample, bool], TargetError | None]
#: So long may credentials be refused while new ones are fetched, or the clock is corrected.
RENEWAL_S = 15.0


class Failures:
    """Follows one load. ``note`` says why it has to end, once it has."""

    def __init__(self, judge: Judge) -> None:
        self.note: str | None = None
        self._advice: tuple[Advice, ...] = ()
        self._judge = judge
        self._answered = False
        self._refused_since_s: float | None = None

    def survived(self, running: Iterator[Sample]) -> Iterator[Sample]:
        """The samples of a batch up to its end, or until its engine fails."""
        try:
            yield from running
        except TunerError as error:
            self._end(error)

    def hear(self, sample: Sample) -> None:
        """Judge a sample; raises what it says if nothing was answered before."""
        if sample.outcome is Outcome.OK:
            self._refused_since_s = None
        else:
            refused = self._judge(sample, not self._answered)
            if refused is not None and not self._awaited(sample):
                self._end(refused)
        self._answered = self._answered or sample.status is not None

    def advice(self) -> tuple[Advice, ...]:
        """Return what to do about it."""
        return self._advice

    def _awaited(self, sample: Sample) -> bool:
        """Return whether the refusal may still end by itself."""
        if not self._answered or not may_be_renewed(sample):
            return False
        if self._refused_since_s is None:
            self._refused_since_s = sample.done_s
        return sample.done_s - self._refused_since_s < RENEWAL_S

    def _end(self, error: TunerError) -> None:
        if not self._answered:
            raise error
        if self.note is None:
            self.note = f"{error.thing} {error.reason}"
            text = f"The load ended early: {error.thing} {error.reason}. {error.fix}"
            self._advice = (Advice("ended-early", text.strip()),)

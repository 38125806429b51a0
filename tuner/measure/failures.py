"""Failures: their causes, in the function's own words, and those that end a run.

A throttle, a crash or a timeout of the function is data. What the service refuses for everybody
alike (credentials, a missing function, an unusable payload) would only repeat itself. Before
anything was answered it is an error of the run; later it ends a load, which keeps what it has.

Throttles are no errors of a function, and are counted elsewhere. Messages that differ in numbers
and ids alone are one cause, under the first of them.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from tuner.errors import AccessDenied, ChangedUnderneath, NotFound, TargetError, TunerError
from tuner.records import OTHER_SIZE, Advice, FunctionFacts, Outcome, Sample
from tuner.sample_table import table_of
from tuner.units import printable

#: So many causes are told apart; what fails in more ways is counted by its type, or together.
_MOST = 200
_LONGEST = 120
#: So many causes a document has.
MOST_TOLD = 10
#: How the reason begins of a failure of which a recording has nothing but the outcome.
_RECORDED = "recorded as "
_OTHERS = ("other errors", None)
_VARYING = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F-]{8,}\b|\d+")
_NO_CAUSES = frozenset({Outcome.OK, Outcome.THROTTLED})


@dataclass(frozen=True)
class Cause:
    """One way to fail. ``type`` is the errorType, or the outcome of what has none."""

    type: str
    message: str | None
    count: int
    memory_mb: tuple[int, ...]
    log_tail: str | None = None

    @property
    def words(self) -> str:
        """``KeyError: 'id'``."""
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(slots=True)
class _Counted:
    message: str | None
    count: int = 0
    sizes: set[int] = field(default_factory=set)
    log_tail: str | None = None


class _Failed(NamedTuple):
    """What causes are told by of a sample."""

    outcome: Outcome
    reason: str | None
    message: str | None
    log_tail: str | None
    memory_mb: int


class Causes:
    """Counts failures as they come."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str | None], _Counted] = {}

    def add(self, sample: "Sample | _Failed") -> None:
        """Count a request if it failed."""
        if sample.outcome in _NO_CAUSES:
            return
        kind, message = _named(sample)
        checked = sample.outcome is Outcome.CHECK_FAILED  # only the first has its answer
        key = kind, None if message is None or checked else _general(message)
        if key not in self._of and len(self._of) >= _MOST:
            key, message = (kind, None), None
            key = key if key in self._of else _OTHERS
        counted = self._of.setdefault(key, _Counted(message))
        counted.message = counted.message or (message if checked else None)
        counted.count += 1
        counted.sizes.add(sample.memory_mb)
        if counted.log_tail is None and sample.log_tail:
            counted.log_tail = printable(sample.log_tail, keep="\n\t")

    def most(self, limit: int = MOST_TOLD) -> tuple[Cause, ...]:
        """Return the most frequent causes, the first of those that are equally frequent first."""
        ordered = sorted(self._of.items(), key=lambda item: -item[1].count)[:limit]
        return tuple(
            Cause(kind, of.message, of.count, tuple(sorted(of.sizes)), of.log_tail)
            for (kind, _), of in ordered
        )


def causes_of(samples: Sequence[Sample], limit: int = MOST_TOLD) -> tuple[Cause, ...]:
    """Return the most frequent causes of the failures among samples."""
    causes = Causes()
    failed = table_of(samples).only(lambda kind: kind.outcome not in _NO_CAUSES)
    fields = ("outcome", "reason", "message", "log_tail", "memory_mb")
    for each in zip(*map(failed.values, fields), strict=True):
        causes.add(_Failed(*each))
    return causes.most(limit)


def shortened(words: str) -> str:
    """Return words that fit in a sentence."""
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _named(sample: Sample | _Failed) -> tuple[str, str | None]:
    """Type and message; words about a connection are a message."""
    reason = None if sample.reason is None else printable(sample.reason)
    message = None if sample.message is None else printable(sample.message)
    if sample.outcome is Outcome.TRANSPORT_ERROR:
        return str(sample.outcome), message or reason
    if not reason or reason.startswith(_RECORDED):
        return str(sample.outcome), message
    return reason, message


@lru_cache(2000)
def _general(message: str) -> str:
    return _VARYING.sub("#", message)


_CREDENTIALS_FIX = "Check the credentials: aws sts get-caller-identity, then tuner doctor."
_PAYLOAD_REFUSED = {
    *("InvalidRequestContentException", "RequestTooLargeException", "HTTP 413"),
    *("RequestEntityTooLargeException", "UnsupportedMediaTypeException"),
}
_EXPIRED = ("Expired", "InvalidClientToken", "UnrecognizedClient", "InvalidSignature", "TooSkewed")


def _expired(sample: Sample) -> bool:
    """Return whether new credentials, or a corrected clock, would end this refusal."""
    return any(word in (sample.reason or "") for word in _EXPIRED)


def front_refusal(sample: Sample, url: str, first_contact: bool) -> TargetError | None:
    """As :func:`refusal`, of an HTTP front: any status may be the function's own answer there,
    so only what the very first answer says can end the run."""
    if not first_contact:
        return None
    if sample.outcome is Outcome.TRANSPORT_ERROR:
        said = f"cannot be reached: {sample.reason}"
        return TargetError(url, said, "Check --url and the network.")
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
        where = f"cannot be invoked in {facts.region}: {sample.reason}"
        fix = "Check the region, the endpoint (--region, --endpoint-url) and the network."
        return TargetError(facts.name, where, fix) if first_contact else None
    if sample.outcome is not Outcome.SERVICE_ERROR:
        return None
    reason = sample.reason or f"HTTP {sample.status}"
    if reason == OTHER_SIZE:
        fix = "Wait for the other deployment to finish, then start again."
        said = f"somebody else changed it meanwhile: {sample.message}"
        return ChangedUnderneath(facts.name, said, fix)
    if sample.status in (401, 403):
        allow = f"Allow lambda:InvokeFunction on {facts.arn}."
        fix = _CREDENTIALS_FIX if _expired(sample) else allow
        return AccessDenied(facts.name, f"invoking it was refused ({reason})", fix)
    if sample.status == 404:
        fix = "Check that it still exists."
        if facts.invoke_only:
            fix = "Check the name: the Runtime Interface Emulator knows `function` alone."
        return NotFound(facts.name, f"cannot be invoked ({reason})", fix)
    if reason in _PAYLOAD_REFUSED:
        fix = "Check the payload: JSON of at most 6 MB (--payload, --payloads, --event)."
        return TargetError(facts.name, f"the invocation was refused ({reason})", fix)
    return None


#: Given a sample and whether nothing was answered before it: the error that should end the run.
Judge = Callable[[Sample, bool], TargetError | None]
#: So long may credentials be refused while new ones are fetched, or the clock is corrected.
RENEWAL_S = 15.0


class Failures:
    """Follows one load. ``note`` says why it has to end, once it has; ``advice`` what to do."""

    def __init__(self, judge: Judge) -> None:
        self.note: str | None = None
        self.advice: tuple[Advice, ...] = ()
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

    def _awaited(self, sample: Sample) -> bool:
        """Return whether the refusal may still end by itself."""
        if not self._answered or not _expired(sample):
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
            self.advice = (Advice("ended-early", text.strip()),)

"""After a run: does CloudWatch count what the client saw? Asked, waited for, and compared.

It asks a service when nothing is measured any more, patiently or once, and never fails a run:
what cannot be asked is advice, too.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tuner.clock import Clock, never
from tuner.crosscheck.advice import disagreements, pairs, trace_disagreements, trace_row
from tuner.crosscheck.tally import Sent, Tally
from tuner.errors import AccessDenied, TunerError
from tuner.options.calls import GLANCE_S, PAUSE_S, WAIT_S
from tuner.records import Advice, Invoked, Metered, Metric
from tuner.store.documents import CheckedVersion, CrossCheck, Seen
from tuner.targets.observers import ServiceMetrics
from tuner.units import format_seconds

#: A run that began so lately has no figures yet, seconds; it is not asked about without waiting.
_EARLIEST_S = 60.0
_MINUTE_S = 60.0
#: Between two looks whether the user wants to stop, seconds.
_LOOK_S = 0.1


@dataclass(frozen=True)
class Inquiry:
    """A question: about which function's invocations, asked how patiently.

    ``origin_wall_s`` is second 0 of the run's clock since 1970; ``stop`` says that the user does
    not want to wait any longer.
    """

    function: str
    origin_wall_s: float
    wait_s: float = GLANCE_S
    stop: Callable[[], bool] = never


def cross_check(
    service: ServiceMetrics, tally: Tally, inquiry: Inquiry, clock: Clock
) -> CrossCheck | None:
    """Ask and compare; ``None`` if nothing was sent, or nothing can be known yet."""
    sent = tally.sent.values()
    if not sent:
        return None
    question = _Question(service, tally.sent, inquiry, clock)
    if not inquiry.wait_s and clock.wall() - question.began_s < _EARLIEST_S:
        return None
    try:
        found = question.answer()
    except TunerError as error:
        return CrossCheck(clock.wall(), False, advice=(_unasked(error, "CloudWatch"),))
    rows = tuple(question.row(own, found[own.invoked]) for own in sent)
    settled = question.settled()
    advice = tuple(disagreements(inquiry.function, rows, settled=settled))
    counted = CrossCheck(clock.wall(), settled, rows, advice=advice)
    return _with_traces(counted, service, tally, question) if service.traced else counted


def _with_traces(
    check: CrossCheck, service: ServiceMetrics, tally: Tally, question: "_Question"
) -> CrossCheck:
    """The same, with what X-Ray shows of single requests."""
    try:
        traces = service.traces(question.span())
    except TunerError as error:
        return replace(check, advice=(*check.advice, _unasked(error, "X-Ray")))
    found = pairs(traces, tally.by_id, tally.events)
    expected = any(row.ran for row in check.rows)
    more = trace_disagreements(len(traces), found, settled=check.settled, expected=expected)
    return replace(check, traces=trace_row(len(traces), found), advice=(*check.advice, *more))


class _Question:
    """One run's question to CloudWatch."""

    def __init__(
        self,
        service: ServiceMetrics,
        sent: Mapping[Invoked, Sent],
        inquiry: Inquiry,
        clock: Clock,
    ) -> None:
        self._service, self._sent, self._clock = service, sent, clock
        self._inquiry = inquiry
        origin = inquiry.origin_wall_s
        self.began_s = origin + min(each.first_s for each in sent.values())
        self._ended_s = origin + max(each.last_s for each in sent.values())
        first = math.floor(self.began_s / _MINUTE_S) * _MINUTE_S
        last = (math.floor(self._ended_s / _MINUTE_S) + 1) * _MINUTE_S
        #: The minutes of the run, and those with a minute on either side, since clocks differ.
        self._within, self._around = (first, last), (first - _MINUTE_S, last + _MINUTE_S)

    def span(self) -> tuple[float, float]:
        """The run with a minute on either side, seconds since 1970; not beyond now."""
        return self._around[0], max(self._around[0] + 1.0, min(self._around[1], self._clock.wall()))

    def settled(self) -> bool:
        """Return whether CloudWatch's counts of the run are complete."""
        return self._clock.wall() >= self._ended_s + WAIT_S

    def answer(self) -> Mapping[Invoked, Metered]:
        """Everything, as soon as it agrees with what was sent, or nothing more is waited for."""
        until_s = self._ended_s + self._inquiry.wait_s
        metrics: tuple[Metric, ...] = tuple(Metric)
        if self._inquiry.wait_s:
            metrics = (Metric.INVOCATIONS,)  # the others are paid for when it is worth it
        while True:
            found = self._service.metered(tuple(self._sent), self._around, metrics)
            last = self._inquiry.stop() or self._clock.wall() >= until_s
            if last or self._whole(found, metrics):
                if len(metrics) > 1:
                    return found
                metrics = tuple(Metric)
                continue
            self._wait(until_s)

    def row(self, own: Sent, metered: Metered) -> CheckedVersion:
        """Return what was sent beside what was counted."""
        return CheckedVersion(
            arch=own.invoked.arch,
            qualifier=own.invoked.qualifier,
            memory_mb=own.memory_mb,
            ran=own.ran,
            unsure=own.unsure,
            errors=own.errors if own.outcomes_known else None,
            throttles=own.throttles if own.outcomes_known else None,
            unsure_throttles=own.unsure + own.unsure_throttles,
            mean_ms=own.mean_ms(),
            at_once=own.most_at_once() if own.outcomes_known else None,
            within=_seen(metered, self._within),
            seen=_seen(metered, self._around),
        )

    def _whole(self, found: Mapping[Invoked, Metered], metrics: tuple[Metric, ...]) -> bool:
        """Return whether as much was counted as is known to have happened."""
        for invoked, own in self._sent.items():
            least = {Metric.INVOCATIONS: own.ran}
            if own.outcomes_known:
                least |= {Metric.ERRORS: own.errors, Metric.THROTTLES: own.throttles}
            for metric, count in least.items():
                if metric in metrics and found[invoked].total(metric, *self._around) < count:
                    return False
        return True

    def _wait(self, until_s: float) -> None:
        left_s = until_s - self._clock.wall()
        text = f"waiting for CloudWatch's figures, at most {format_seconds(self._inquiry.wait_s)}"
        self._service.tell(f"{text} after the last call; Ctrl-C ends it")
        until_s = self._clock.monotonic() + min(PAUSE_S, left_s)
        while not self._inquiry.stop() and (rest := until_s - self._clock.monotonic()) > 0:
            self._clock.sleep(min(_LOOK_S, rest))


def _seen(metered: Metered, span_s: tuple[float, float]) -> Seen:
    count = metered.total(Metric.INVOCATIONS, *span_s)
    took_ms = metered.total(Metric.DURATION, *span_s)
    told = metered.highest(Metric.DURATION, *span_s) is not None
    return Seen(
        invocations=round(count),
        errors=round(metered.total(Metric.ERRORS, *span_s)),
        throttles=round(metered.total(Metric.THROTTLES, *span_s)),
        mean_ms=took_ms / count if count and told else None,
        concurrency=metered.highest(Metric.CONCURRENCY, *span_s),
    )


def _unasked(error: TunerError, whom: str) -> Advice:
    """Say why something could not be compared."""
    if isinstance(error, AccessDenied):
        fix = "Allow it (`tuner policy` prints the least policy), or give --no-cross-check"
        return Advice("cross-check-denied", f"{whom} could not be compared: {error.reason}. {fix}.")
    fix = "The measurement is not affected; --no-cross-check skips this"
    text = f"{whom} could not be read: {error.reason.rstrip('.')}. {fix}."
    return Advice("cross-check-failed", text)

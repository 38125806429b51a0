"""Doubts about the figures of a load and its events: was the generator the bottleneck, was anything
lost?

Figures in, advice out; each ends in what to do. The doubts of a sweep's samples are ``health.py``.
"""

from collections.abc import Iterator

from tuner.engine.engine import Shortfall
from tuner.engine.retry import LONGEST_WAIT_S
from tuner.measure.event_fates import End
from tuner.measure.event_figures import EventFigures
from tuner.measure.health import answer_advice, init_advice
from tuner.measure.load_figures import LoadFigures
from tuner.records import Advice, Outcome
from tuner.units import format_ms, format_seconds, format_share

#: A worker beyond this share of one CPU adds waits of its own.
_BUSY = 0.9
#: Calls that leave later than this are felt in the latencies of a fast function.
LAG_MS = 20.0
_ASKED = 0.99
_A_HUNDRED = 100  # of fewer calls one is more than 1 %
_ELSEWHERE = "all CPUs of the machine were busy, so send from another"
_OPEN = {End.UNSEEN: "never begun", End.WAITING: "may be retried", End.RUNNING: "running"}


def load_advice(
    figures: LoadFigures, shortfall: Shortfall, concurrency: int, *, adaptive: bool
) -> Iterator[Advice]:
    """Give doubts; ``adaptive`` says that the retry policy itself held calls back."""
    if shortfall.busiest > _BUSY:
        text = f"A load worker used {format_share(shortfall.busiest)} of a CPU, so latencies"
        fix = _ELSEWHERE if shortfall.machine_busy else "use more --workers"
        yield Advice("generator-busy", f"{text} include its own delays; {fix}.")
    for gap in shortfall.gaps:
        when = f"{gap.at_s:.0f} s into the run, with {gap.calls} calls"
        text = f"A load worker was lost {when}; find out what ended it, then run again."
        if gap.reason:
            text = f"The load worker {gap.worker:.80} was dropped {when}: {gap.reason}. Do not rely"
            text += " on what it sent before; find out what runs there."
        yield Advice("worker-lost", text)
    if figures.unknown:
        text = f"Whether {figures.unknown:,} calls were sent is not known, as their worker was lost"
        yield Advice("fate-unknown", f"{text}; the service may have seen and billed them.")
    yield from init_advice(figures.cold_starts or 0, figures.init_timeouts)
    yield from answer_advice(figures.proxied, "judge answers with --expect 'status<500'")
    if figures.capped_wait_s is not None:
        text = (
            f"The service asked to wait up to {format_seconds(figures.capped_wait_s)} (Retry-After)"
        )
        wait = format_seconds(LONGEST_WAIT_S)
        do = "give the function more concurrency, or lower the rate"
        yield Advice("retry-after-capped", f"{text}; retries waited {wait} at most: {do}.")
    yield from _processor_advice(shortfall)
    for words, count in shortfall.mistakes.most_common(3):
        text = f"The locustfile itself failed {count:,} times: {words}"
        yield Advice("locustfile-failed", f"{text}. Users went on with their next task.")
    yield from (Advice("locustfile-note", note) for note in sorted(shortfall.notes))
    full = figures.asked is not None and figures.concurrency.max >= concurrency
    dropped = figures.never_sent
    late_ms = figures.lag.percentile_ms(99.0) or 0.0
    behind = figures.calls < _ASKED * (figures.calls + dropped)
    if full and (dropped or late_ms > LAG_MS):
        text = f"All {concurrency:,} connections were in use, so other calls waited"
        lost = f" and {dropped:,} were never sent" if dropped else ""
        yield Advice("concurrency-limit", f"{text}{lost}; raise --max-concurrency.")
    elif (behind or late_ms > LAG_MS) and not adaptive and figures.asked is not None:
        late = f"1 % of calls were sent {format_ms(late_ms)} late or more"
        if figures.lag.count < _A_HUNDRED:
            late = f"the latest call was sent {format_ms(late_ms)} late"
        lost = f", and {dropped:,} never" if dropped else ""
        fix = _ELSEWHERE if shortfall.machine_busy else "use more --workers"
        text = f"The generator fell behind: {late}{lost}; {fix} or a lower rate."
        yield Advice("generator-behind", text)


def _processor_advice(shortfall: Shortfall) -> Iterator[Advice]:
    """Pre- and post-processors that failed, or took too long."""
    for each in shortfall.processors:
        name = f"{each.kind}-processor {each.name:.80}"
        if each.failed:
            then = ", and the calls were not sent" if each.kind == "pre" else ""
            text = f"The {name} failed {each.failed:,} of {each.runs:,} times{then}: {each.reason}"
            yield Advice(f"{each.kind}-processor-failed", f"{text}. Run it alone to see why.")
        if each.late:
            text = f"The {name} was still running when {each.late:,} calls were due, so they were"
            fix = "make it faster, or lower the rate"
            yield Advice("pre-processor-late", f"{text} sent later and are timed from then; {fix}.")


def front_advice(figures: LoadFigures) -> Iterator[Advice]:
    """Give what is unknown behind an HTTP front: durations that the logs did not have."""
    good, known = figures.outcomes[Outcome.OK], figures.duration.count
    text = (
        f"Durations and cold starts are those of {known:,} of {good:,} answered calls, whose "
        "REPORT was found in the logs; load the function itself to get all."
    )
    if not known:
        text = (
            "An HTTP front reports no duration, and the logs had no REPORT of these requests, so "
            "durations, cold starts and cost are unknown; load the function itself to get them."
        )
    if good and known != good:
        yield Advice("front-without-report", text)


def incomplete(events: EventFigures) -> str | None:
    """Return why a load's events are incomplete, for its note; ``None`` if they are not."""
    if events.following.broken is not None:
        return "its events could not be followed to the end"
    if events.unknown:
        return f"{events.unknown:,} of {events.accepted:,} events had not ended when time was up"
    return None


def event_advice(events: EventFigures, *, removed: bool) -> Iterator[Advice]:
    """Give warnings; ``removed`` says that the version they were sent to is gone."""
    following = events.following
    if following.broken is not None:
        text = f"Events could not be followed to the end ({following.broken.rstrip('.')})"
        yield Advice("events-not-followed", f"{text}; their figures are incomplete.")
    if events.unknown:
        still = ", ".join(
            f"{count:,} {told}" for end, told in _OPEN.items() if (count := events.ends[end])
        )
        text = (
            f"The outcome of {events.unknown:,} of {events.accepted:,} events is unknown "
            f"{format_seconds(following.seconds)} after the load: {still}"
        )
        gone = "; those still queued were sent to a version that has been removed"
        yield Advice("events-unknown", f"{text}{gone if removed else ''}. Set a longer --drain.")
    if ran := events.ends[End.RAN]:
        text = f"The log does not show whether the last try of {ran:,} events failed"
        do = "check the" if following.settings.on_failure else "set a"
        yield Advice("events-end-unknown", f"{text}; {do} failure destination.")
    if events.skewed:
        text = f"{events.skewed:,} events seem to have begun before they were accepted"
        yield Advice(
            "clock-skew", f"{text}: set this machine's clock, and do not rely on their waits."
        )

"""Doubts about a load's own figures: was the generator the bottleneck, was anything lost?

Figures in, advice out; each ends in what to do.
"""

from collections.abc import Iterator

from tuner.engine.engine import Shortfall
from tuner.measure.load_figures import LoadFigures
from tuner.records import Advice, Outcome
from tuner.units import format_ms, format_share

#: A worker beyond this share of one CPU adds waits of its own.
_BUSY = 0.9
#: Calls that leave later than this are felt in the latencies of a fast function.
_LAG_MS = 20.0
_ASKED = 0.99


def load_advice(
    figures: LoadFigures, shortfall: Shortfall, concurrency: int, *, adaptive: bool
) -> tuple[Advice, ...]:
    """Return doubts; ``adaptive`` says that the retry policy itself held calls back."""
    return tuple(_advice(figures, shortfall, concurrency, adaptive))


def front_advice(figures: LoadFigures) -> tuple[Advice, ...]:
    """Return what is unknown behind an HTTP front: durations that the logs did not have."""
    good, known = figures.outcomes[Outcome.OK], figures.duration.count
    if not good or known == good:
        return ()
    if not known:
        text = (
            "An HTTP front reports no duration, and the logs had no REPORT of these requests, so "
            "durations, cold starts and cost are unknown; load the function itself to get them."
        )
        return (Advice("front-without-report", text),)
    text = (
        f"Durations and cold starts are those of {known:,} of {good:,} answered calls, whose "
        "REPORT was found in the logs; load the function itself to get all."
    )
    return (Advice("front-without-report", text),)


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


def _advice(
    figures: LoadFigures, shortfall: Shortfall, concurrency: int, adaptive: bool
) -> Iterator[Advice]:
    if shortfall.busiest > _BUSY:
        text = (
            f"A load worker used {format_share(shortfall.busiest)} of a CPU, so latencies include"
        )
        yield Advice("generator-busy", f"{text} its own delays; use more --workers.")
    for gap in shortfall.gaps:
        text = f"A load worker was lost {gap.at_s:.0f} s into the run, with {gap.calls} calls;"
        yield Advice("worker-lost", f"{text} find out what ended it, then run again.")
    yield from _processor_advice(shortfall)
    for words, count in shortfall.mistakes.most_common(3):
        text = f"The locustfile itself failed {count:,} times: {words}"
        yield Advice("locustfile-failed", f"{text}. Users went on with their next task.")
    yield from (Advice("locustfile-note", note) for note in sorted(shortfall.notes))
    full = figures.asked is not None and figures.concurrency.max >= concurrency
    dropped = sum(figures.dropped.values())
    late_ms = figures.lag.percentile_ms(99.0) or 0.0
    behind = figures.calls < _ASKED * (figures.calls + dropped)
    if full and (dropped or late_ms > _LAG_MS):
        text = f"All {concurrency:,} connections were in use, so other calls waited"
        lost = f" and {dropped:,} were never sent" if dropped else ""
        yield Advice("concurrency-limit", f"{text}{lost}; raise --max-concurrency.")
    elif (behind or late_ms > _LAG_MS) and not adaptive and figures.asked is not None:
        text = (
            f"The generator fell behind: 1 % of calls were sent {format_ms(late_ms)} late or more"
        )
        lost = f", and {dropped:,} never" if dropped else ""
        yield Advice("generator-behind", f"{text}{lost}; use more --workers or a lower rate.")

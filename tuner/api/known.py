"""A function's time as far as it is known before it is measured, best source first.

The user's own idea, then the latest sweep of the same target and payload in the store; else
nothing, which is said.
"""

from tuner.errors import NotFound, StoreError
from tuner.options.sweep import SweepOptions
from tuner.planning.estimate import UNKNOWN_INIT_MS, Known
from tuner.planning.work import Range
from tuner.records import FunctionFacts, Outcome, Purpose
from tuner.sample_table import SampleTable, total


def what_is_known(
    options: SweepOptions, facts: FunctionFacts, store_url: str | None, expected_ms: float | None
) -> Known:
    """``expected_ms``: the user's idea of a mean warm duration at the present memory."""
    if expected_ms is not None and facts.memory_mb is not None:
        source = f"the expected {expected_ms:g} ms at {facts.memory_mb} MB"
        return Known(source, ((facts.memory_mb, expected_ms),), timeout_ms=_timeout_ms(facts))
    if (found := _from_store(options, facts, store_url)) is not None:
        return found
    timeout = _timeout_ms(facts)
    source = (
        f"nothing known of its time, so each from 1 ms to the timeout of {timeout / 1000:g} s; "
        "`tuner plan --expect 200ms` says better"
    )
    return Known(source, timeout_ms=timeout)


def _from_store(options: SweepOptions, facts: FunctionFacts, store_url: str | None) -> Known | None:
    """Return what the latest sweep of the same target and payload measured."""
    from tuner.store.runs import Store

    try:
        with Store.open(store_url, create=False) as store:
            for run in store.runs(command="sweep"):
                same = run.options.get("payload") == options.stored().get("payload")
                if run.target == options.target and same and run.facts.arch == facts.arch:
                    known = _measured(run.run, store.samples(run.run), facts)
                    if known:
                        return known
    except (StoreError, NotFound):
        return None
    return None


def _measured(run: str, samples: SampleTable, facts: FunctionFacts) -> Known | None:
    warm = samples.only(lambda kind: kind.outcome is Outcome.OK and kind.purpose is Purpose.WARM)
    warm = warm.where(~warm.cold & (warm.duration_ms > 0))
    if not warm:
        return None
    took, size = warm.duration_ms, warm.memory_mb
    points = tuple(
        (each, total(took[size == each]) / int((size == each).sum()))
        for each in sorted(set(size.tolist()))
    )
    means = dict(points)
    cold = [
        (s.init_ms or s.restore_ms or 0.0)
        + max(0.0, (s.duration_ms or 0.0) - means.get(s.memory_mb, s.duration_ms or 0.0))
        for s in samples.where(samples.cold)
    ]
    init = Range(min(cold) * 0.5, max(cold) * 2) if cold else UNKNOWN_INIT_MS
    return Known(f"run {run} of the same target", points, init, _timeout_ms(facts))


def _timeout_ms(facts: FunctionFacts) -> float:
    return 1000.0 * (facts.timeout_s or 900.0)

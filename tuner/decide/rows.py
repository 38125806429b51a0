"""The measured tables, straight from the samples, no curve involved: sizes, and ways to start.

Prices come from ``billing``; ``None`` is not known.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tuner.billing.cost import (
    BreakEven,
    billed_of,
    break_even,
    cached_per_s,
    cost_usd,
    kept_usd,
    provisioned_call_usd,
    provisioned_per_s,
    restore_usd,
)
from tuner.billing.prices import Prices
from tuner.decide.goal import Goal
from tuner.decide.outlook import ColdExtra, cold_extra, usd_per_million
from tuner.decide.result import ColdRow, Interval, SizeRow, StartupRow, WarmRow
from tuner.measure.failures import causes_of, shortened
from tuner.model.observations import Observations, cold_billed_ms
from tuner.model.quantiles import order_statistics
from tuner.records import ON_DEMAND, Advice, FunctionFacts, Outcome, Purpose, Sample, Setting
from tuner.sample_table import SampleTable, table_of, total
from tuner.store.documents import StartFacts, Startups
from tuner.units import listed

_ERRORS = (
    *(Outcome.FUNCTION_ERROR, Outcome.TRANSPORT_ERROR, Outcome.SERVICE_ERROR),
    Outcome.CHECK_FAILED,
)
#: Causes that are kept of a size.
_CAUSES = 3
_REASONS = {
    Outcome.OUT_OF_MEMORY: "out of memory",
    Outcome.TIMEOUT: "timed out",
    Outcome.THROTTLED: "throttled",
    Outcome.FUNCTION_ERROR: "the function raised an error",
    Outcome.TRANSPORT_ERROR: "the request got no answer",
    Outcome.SERVICE_ERROR: "Lambda answered with an error",
    Outcome.CHECK_FAILED: "the answer was not as expected",
}


def size_rows(
    samples: Sequence[Sample], observations: Observations, goal: Goal, rates: Prices
) -> tuple[SizeRow, ...]:
    """Return a row per size asked, ascending; warm-up calls count only where they failed.

    ``observations`` are those of the samples."""
    table, terms = table_of(samples), _Terms(goal, rates, cold_extra(observations))
    memory_mb = table.memory_mb
    sizes = np.unique(memory_mb).tolist()
    return tuple(_size_row(size, table.where(memory_mb == size), terms) for size in sizes)


@dataclass(frozen=True)
class _Terms:
    """Terms of pricing; ``cold`` stands in where a size has no cold starts of its own."""

    goal: Goal
    rates: Prices
    cold: ColdExtra


def _size_row(memory_mb: int, samples: SampleTable, terms: _Terms) -> SizeRow:
    ok = samples.only(
        lambda kind: kind.purpose is not Purpose.WARM_UP and kind.outcome is Outcome.OK
    )
    warm, cold = ok.where(~ok.cold), ok.where(ok.cold)
    failed = samples.only(lambda kind: kind.outcome is not Outcome.OK)
    status = "ok" if ok and not failed else "partial" if ok or not failed else "failed"
    return SizeRow(
        memory_mb=memory_mb,
        status=status,
        reason=_reason(failed, len(samples)) or (None if ok else "only a warm-up call was made"),
        warm=_warm(warm),
        cold=_cold(cold),
        throttles=_count(samples, Outcome.THROTTLED),
        retries=int((samples.attempt > 1).sum()),
        errors=_count(samples, *_ERRORS),
        timeouts=_count(samples, Outcome.TIMEOUT),
        out_of_memory=_count(samples, Outcome.OUT_OF_MEMORY),
        cost_usd_per_million=_cost(memory_mb, warm, cold, terms),
        causes=causes_of(failed, _CAUSES),
    )


def _count(samples: SampleTable, *outcomes: Outcome) -> int:
    return samples.number(lambda kind: kind.outcome in outcomes)


def _reason(failed: SampleTable, calls: int) -> str | None:
    """The most frequent way to fail, and how many of the calls it befell."""
    if not failed:
        return None
    ways = Counter[Outcome]()
    for kind, number in failed.counts().items():
        ways[kind.outcome] += number
    worst = max(sorted(ways), key=lambda way: ways[way])
    count, words = ways[worst], _REASONS[worst]
    of_worst = failed.only(lambda kind: kind.outcome is worst)
    cause = next(iter(causes_of(of_worst, 1)), None)
    if cause is not None and worst in _ERRORS and cause.words != worst:
        count, words = cause.count, shortened(cause.words)
    return f"{words} ({count} of {calls} calls)"


def _warm(samples: SampleTable) -> WarmRow:
    peaks = samples.max_memory_mb
    return WarmRow(
        n=len(samples),
        duration_ms=order_statistics(samples.duration_ms),
        client_ms=order_statistics(samples.latency_ms),
        billed_ms=order_statistics(samples.billed_ms),
        max_memory_mb=None if np.isnan(peaks).all() else float(np.nanmax(peaks)),
    )


def _cold(samples: SampleTable) -> ColdRow:
    return ColdRow(
        n=len(samples),
        init_ms=order_statistics(samples.begun_ms),
        duration_ms=order_statistics(samples.duration_ms),
        total_ms=order_statistics(samples.begun_ms + samples.duration_ms),
        client_ms=order_statistics(samples.latency_ms),
        init_timeouts=int(samples.init_cut.sum()),
    )


def _cost(memory_mb: int, warm: SampleTable, cold: SampleTable, terms: _Terms) -> Interval | None:
    """Mean cost with the 90 % interval of the mean; cold starts at the goal's share, those of
    other sizes where this one has none, so that the sizes stay comparable.

    A size that was only measured cold is not priced, unless nobody measured it on purpose: in a
    recording of first invocations they stand in. With fewer than three rows there is no interval.
    """
    # Cold ones as the answer has them, and by the rule where their billed duration is not known.
    as_billed = np.fmax(billed_of(cold), cold_billed_ms(cold))
    warm_ms, cold_ms = order_statistics(billed_of(warm)), order_statistics(as_billed)
    forced = all(kind.purpose is Purpose.COLD for kind in cold.counts())
    main = warm_ms or (None if forced else cold_ms)
    if main is None:
        return None
    own_ms = None if cold_ms is None else cold_ms.mean
    extra = terms.cold.over(warm_ms.mean, own_ms) if warm_ms else 0.0
    billed = np.array([main.mean, *(main.mean_ci or ())]) + terms.goal.cold_share * extra
    priced = usd_per_million(billed, np.array([memory_mb]), terms.goal, terms.rates).tolist()
    return Interval(*priced)


_HOUR_S = 3600.0


def startup_rows(
    startups: Startups, samples: Sequence[Sample], facts: FunctionFacts, prices: Prices
) -> tuple[StartupRow, ...]:
    """A row for each way, in the order in which they were measured."""
    rows = [_startup_row(way, table_of(samples), facts, prices) for way in startups.each]
    base = next((row for row in rows if row.variant == ON_DEMAND), None)
    return tuple(replace(row, pays=_pays(row, base)) for row in rows)


def startups_usd(startups: Startups, facts: FunctionFacts, prices: Prices) -> float | None:
    """Cost of keeping sandboxes and snapshots for the measurement, calls and restores aside."""
    total = 0.0
    for way in startups.each:
        setting, never_was = way.setting, way.ready_s is None and way.paid_s is None
        if setting.start == ON_DEMAND or never_was:
            continue
        kept, size = setting.provisioned, setting.memory_mb
        part = kept_usd(kept, size, way.paid_s, prices, facts.runtime)
        if part is None:
            return None
        total += part
    return total


def startup_advice(rows: Sequence[StartupRow], prices: Prices) -> tuple[Advice, ...]:
    """Return warnings about the ways that were compared."""
    advice = []
    unknown = [
        row.variant for row in rows if row.variant != ON_DEMAND and row.kept_usd_per_hour is None
    ]
    if unknown:
        text = (
            f"The price of {listed(unknown)} in {prices.region} ({prices.arch}) is unknown "
            "and left out; run `tuner prices --refresh`."
        )
        advice.append(Advice("startup-price", text))
    for row in rows:
        if row.provisioned and row.spilled:
            text = (
                f"{row.spilled} of {row.n} first requests spilled over to on-demand sandboxes "
                f"although {row.provisioned} were provisioned; try again with more."
            )
            advice.append(Advice("spilled-over", text))
    return tuple(advice)


def _startup_row(
    way: StartFacts, samples: SampleTable, facts: FunctionFacts, prices: Prices
) -> StartupRow:
    own = samples.only(lambda kind: kind.setting.asked == way.setting)
    asked = own.only(lambda kind: kind.purpose is Purpose.COLD)
    ok = asked.only(lambda kind: kind.outcome is Outcome.OK)
    first = ok if way.setting.provisioned else ok.where(ok.cold)
    warm = own.only(lambda kind: kind.purpose is Purpose.WARM and kind.outcome is Outcome.OK)
    warm = warm.where(~warm.cold)
    failed = len(asked) - len(ok)
    reason = way.note or (f"{failed} of {len(asked)} first calls failed" if failed else None)
    billed = _mean_billed(warm), _mean_billed(first)
    call, start, kept = _priced(way.setting, *billed, facts, prices)
    return StartupRow(
        variant=way.setting.start,
        memory_mb=way.setting.memory_mb,
        status="failed" if not first else "partial" if reason else "ok",
        reason=reason or (None if first else "no call started a sandbox"),
        n=len(first),
        spilled=int(first.cold.sum()) if way.setting.provisioned else 0,
        ready_s=way.ready_s,
        first_ms=order_statistics(first.service_ms),
        init_ms=order_statistics(first.init_ms),
        restore_ms=order_statistics(first.restore_ms),
        duration_ms=order_statistics(first.duration_ms),
        warm_ms=order_statistics(warm.duration_ms),
        call_usd=call,
        start_usd=start,
        kept_usd_per_hour=kept,
        provisioned=way.setting.provisioned,
    )


def _priced(
    setting: Setting, usual: float | None, begun: float | None, facts: FunctionFacts, prices: Prices
) -> tuple[float | None, float | None, float | None]:
    """A warm call, what a start adds to it, and an hour of what is kept, by billed ms."""
    size, runtime = setting.memory_mb, facts.runtime
    if setting.provisioned:
        second = provisioned_per_s(setting.provisioned, size, prices)
        call = None if usual is None else provisioned_call_usd(usual, size, prices)
        return call, 0.0, None if second is None else second * _HOUR_S
    call, first = (
        None if each is None else cost_usd(each, size, prices, facts.ephemeral_mb)
        for each in (usual, begun)
    )
    start = None if call is None or first is None else first - call
    if setting.start == ON_DEMAND:
        return call, start, 0.0
    second, restore = cached_per_s(size, prices, runtime), restore_usd(size, prices, runtime)
    whole = None if start is None or restore is None else start + restore
    return call, whole, None if second is None else second * _HOUR_S


def _mean_billed(samples: SampleTable) -> float | None:
    known = samples.billed_ms[~np.isnan(samples.billed_ms)]
    return total(known) / known.size if known.size else None


def _pays(row: StartupRow, base: StartupRow | None) -> BreakEven | None:
    if not row.provisioned or base is None or row.warm_ms is None:
        return None
    if row.kept_usd_per_hour is None or row.call_usd is None or base.call_usd is None:
        return None
    most = row.provisioned * 1000.0 / max(row.warm_ms.mean, 1.0)
    return break_even(
        row.kept_usd_per_hour / _HOUR_S, base.call_usd, row.call_usd, base.start_usd, most
    )

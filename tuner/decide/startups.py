"""Ways to start side by side: what the first calls met, and what each way costs.

One row per way, straight from its samples; prices from ``billing``. ``None`` is not known.
"""

from collections.abc import Sequence
from dataclasses import replace

from tuner.billing.cost import (
    BreakEven,
    break_even,
    cached_per_s,
    cost_usd,
    kept_usd,
    provisioned_call_usd,
    provisioned_per_s,
    restore_usd,
)
from tuner.billing.prices import Prices
from tuner.decide.result import StartupRow
from tuner.measure.documents import StartFacts, Startups
from tuner.model.quantiles import order_statistics
from tuner.records import ON_DEMAND, Advice, FunctionFacts, Outcome, Purpose, Sample, Setting

_HOUR_S = 3600.0


def startup_rows(
    startups: Startups, samples: Sequence[Sample], facts: FunctionFacts, prices: Prices
) -> tuple[StartupRow, ...]:
    """A row for each way, in the order in which they were measured."""
    of: dict[Setting, list[Sample]] = {}
    for sample in samples:
        of.setdefault(sample.setting, []).append(sample)
    rows = [_row(way, of.get(way.setting, []), facts, prices) for way in startups.each]
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
            f"The price of {' and '.join(unknown)} in {prices.region} ({prices.arch}) is unknown "
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


def _row(
    way: StartFacts, samples: Sequence[Sample], facts: FunctionFacts, prices: Prices
) -> StartupRow:
    asked = [s for s in samples if s.purpose is Purpose.COLD]
    ok = [s for s in asked if s.outcome is Outcome.OK]
    first = [s for s in ok if s.cold] if not way.setting.provisioned else ok
    warm = [
        s for s in samples if s.purpose is Purpose.WARM and s.outcome is Outcome.OK and not s.cold
    ]
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
        spilled=sum(s.cold for s in first) if way.setting.provisioned else 0,
        ready_s=way.ready_s,
        first_ms=order_statistics([s.service_ms for s in first]),
        init_ms=order_statistics([s.init_ms for s in first]),
        restore_ms=order_statistics([s.restore_ms for s in first]),
        duration_ms=order_statistics([s.duration_ms for s in first]),
        warm_ms=order_statistics([s.duration_ms for s in warm]),
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


def _mean_billed(samples: Sequence[Sample]) -> float | None:
    known = [s.billed_ms for s in samples if s.billed_ms is not None]
    return sum(known) / len(known) if known else None


def _pays(row: StartupRow, base: StartupRow | None) -> BreakEven | None:
    if not row.provisioned or base is None or row.warm_ms is None:
        return None
    if row.kept_usd_per_hour is None or row.call_usd is None or base.call_usd is None:
        return None
    most = row.provisioned * 1000.0 / max(row.warm_ms.mean, 1.0)
    return break_even(
        row.kept_usd_per_hour / _HOUR_S, base.call_usd, row.call_usd, base.start_usd, most
    )

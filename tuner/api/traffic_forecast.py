"""``tuner.forecast``: what a traffic does to a configuration. Invokes nothing, asks no AWS.

Times are those of a stored run, or given; the rest is arithmetic of ``tuner.planning``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tuner.api.calling import taking
from tuner.api.results import ForecastResult
from tuner.billing.prices import prices
from tuner.billing.traffic import Demand
from tuner.errors import NotFound, StoreError, TunerError, UsageError
from tuner.experiment.price_list import load_table
from tuner.experiment.recommend import recommend_run
from tuner.fleet.limits import AccountLimits
from tuner.fleet.simulate import Allowed
from tuner.options.commands import ForecastCall
from tuner.planning.forecast import forecast_traffic
from tuner.planning.production import MOMENTS, Arriving, FloatArray, Subject
from tuner.planning.remedies import Tried, remedies
from tuner.records import ON_DEMAND, FunctionFacts, Outcome
from tuner.report.forecast_document import TrafficForecast
from tuner.sample_table import Kind, SampleTable, table_of
from tuner.store.documents import calm
from tuner.store.exchange import StoredRun
from tuner.store.runs import Store, find
from tuner.units import format_memory, format_ms, format_seconds

#: Log-sd of durations of which only the mean is known, and the shares at which they are taken.
_GIVEN_SD, _SHARES = 0.5, 401
#: Warm calls of a size from which its times are known well enough to be tried.
_ENOUGH = 5
_FIX = "Measure it first (tuner sweep), or give --memory, --expect 200ms and --init 400ms."


@dataclass(frozen=True)
class _Known:
    """Times by size, and whose they are."""

    function: str
    source: str
    facts: FunctionFacts | None
    times: dict[int, "_Times"]
    preferred: int
    chosen: str  # why that size is preferred


@dataclass(frozen=True)
class _Times:
    """Of one size; the last two are those of :class:`Subject`."""

    warm_ms: FloatArray
    init_ms: FloatArray
    first_ms: FloatArray
    calls: int | None = None
    assumed: str = ""


@taking(ForecastCall)
def forecast(options: ForecastCall) -> ForecastResult:
    """Say what a traffic does to a configuration whose times were measured, or are given.

    Concurrency, cold starts, throttles by reason, what callers wait, the bill, and what would
    change it. Raises :class:`tuner.errors.TunerError`.
    """
    result = forecasted(options)
    return result if options.output is None else result.written(options.output)


def forecasted(options: ForecastCall) -> ForecastResult:
    """Forecast, and write nothing."""
    if options.traffic is None:
        fix = "Write --traffic 200rps, or --traffic FILE with the calls of each minute."
        raise UsageError("forecast", "needs a traffic", fix)
    if not options.times > 0.0 or not (options.flash is None or options.flash > 0.0):
        raise UsageError("--times and --flash", "are factors above 0", "Write --times 10.")
    found, demand = _known(options), options.traffic.demand
    size = options.memory or found.preferred
    if size not in found.times:
        sizes = ", ".join(format_memory(each) for each in found.times)
        raise UsageError(
            f"--memory {size}", f"was not measured by {found.source}", f"It has {sizes}."
        )
    subjects = {each: _subject(each, found, options) for each in found.times}
    arriving = arriving_calls(demand, options.duration).times(options.times)
    if options.flash is not None:
        arriving = arriving.crowded(options.flash, options.flash_for)
    outcome = forecast_traffic(subjects[size], arriving, options.seed)
    tried = Tried(found.function, subjects[size], arriving, options.seed, outcome)
    return ForecastResult(
        TrafficForecast(
            function=found.function,
            source=found.source,
            traffic=_said(demand, options),
            subject=subjects[size],
            seed=options.seed,
            outcome=outcome,
            remedies=remedies(tried, subjects),
            chosen="as given" if options.memory else found.chosen,
            flash=options.flash is not None,
        )
    )


def arriving_calls(demand: Demand, duration_s: float) -> Arriving:
    """The traffic in steps; a rate goes on for ``duration_s``."""
    if demand.counts is not None:
        counts = demand.counts
        return Arriving(np.array(counts.calls) / counts.period_s, counts.period_s)
    if demand.arrivals_s:
        at_s = np.array(demand.arrivals_s)
        span_s = float(at_s[-1]) * (1.0 + 1e-9) + 1e-6
        per_step = np.histogram(at_s, bins=MOMENTS, range=(0.0, span_s))[0]
        return Arriving(per_step / (span_s / MOMENTS), span_s / MOMENTS, at_s)
    return Arriving(np.full(MOMENTS, demand.rate_per_s), duration_s / MOMENTS)


def _said(demand: Demand, options: ForecastCall) -> str:
    steady = demand.counts is None and not demand.arrivals_s
    words = [f"{demand.text} for {format_seconds(options.duration)}" if steady else demand.text]
    if options.times != 1.0:
        words.append(f"{options.times:g} times")
    if options.flash is not None:
        words.append(f"a flash crowd of {options.flash:g}x for {format_seconds(options.flash_for)}")
    return ", ".join(words)


def _subject(size: int, found: _Known, options: ForecastCall) -> Subject:
    facts, times = found.facts, found.times[size]
    region = options.region or (facts.region if facts else "us-east-1")
    seen = facts.account_concurrency if facts else None
    account = options.account_concurrency or seen
    limits = AccountLimits() if account is None else AccountLimits(account)
    reserved = options.reserved
    if reserved is None and facts is not None:
        reserved = facts.reserved_concurrency
    whole = limits.account_concurrency if reserved is None else reserved
    if options.provisioned > whole or (reserved or 0) > limits.account_concurrency:
        reason = "is more than the concurrency that there is"
        raise UsageError("--provisioned or --reserved", reason, f"Give at most {whole:,}.")
    return Subject(
        size,
        times.warm_ms,
        times.init_ms,
        times.first_ms,
        allowed=Allowed(limits, reserved, options.provisioned),
        prices=prices(region, facts.arch if facts else "x86_64", load_table()),
        ephemeral_mb=facts.ephemeral_mb if facts else 512,
        calls=times.calls,
        assumed=times.assumed,
    )


def _known(options: ForecastCall) -> _Known:
    """The times of a run, or those that are given. Raises UsageError."""
    given = options.expect
    if given is None:
        found = _run_of(options)
        if found is None:
            raise UsageError(options.target, "is no stored run, and has none", _FIX)
        return _measured(*found, options)
    if options.memory is None:
        raise UsageError("--expect", "needs --memory: durations are of a size", "Add --memory 512.")
    grid = (np.arange(_SHARES) + 0.5) / _SHARES
    normal = np.array([NormalDist().inv_cdf(share) for share in grid.tolist()])
    shape = np.exp(_GIVEN_SD * normal)
    warm = 1000.0 * given * shape / shape.mean()
    init = np.array([1000.0 * (options.init or 0.0)])
    source = (
        f"a mean duration of {format_ms(1000.0 * given)} and INIT of {format_ms(init[0])}, given"
    )
    times = {options.memory: _Times(warm, init, warm)}
    return _Known(options.target, source, None, times, options.memory, "as given")


def _run_of(options: ForecastCall) -> tuple[str, StoredRun] | None:
    """The run and by what it is found."""
    try:
        return options.target, find(options.target, options.store)
    except (NotFound, StoreError, UsageError):
        pass
    try:
        with Store.open(options.store, create=False) as store:
            runs = (run for run in store.runs() if run.target == options.target)
            newest = next((run for run in runs if run.command in ("sweep", "load")), None)
            return None if newest is None else (newest.run, store.stored(newest.run))
    except (NotFound, StoreError):
        return None


def _measured(ref: str, stored: StoredRun, options: ForecastCall) -> _Known:
    run, facts = stored.run, stored.run.facts
    ok = table_of(stored.samples).only(lambda kind: _worked(kind, facts.arch))
    ok = ok.where(~np.isnan(ok.duration_ms))
    cold, warm, alone = ok.where(ok.cold), ok.where(~ok.cold), calm(ok)
    warm = alone.where(~alone.cold) or warm
    times: dict[int, _Times] = {}
    for size, count in zip(*np.unique(warm.memory_mb, return_counts=True), strict=True):
        if count >= _ENOUGH:
            times[int(size)] = _times(cold, warm, int(size), options)
    if not times:
        raise UsageError(f"run {run.run}", f"has no {_ENOUGH} warm calls of a size", _FIX)
    size, chosen = _preferred(ref, stored, times, options)
    return _Known(facts.name, f"run {run.run}", facts, times, size, chosen)


def _worked(kind: Kind, arch: str) -> bool:
    """True for good answers of the function itself on this architecture, started on demand."""
    of = kind.setting
    itself = of.arch == arch and of.start == ON_DEMAND and not of.code
    return itself and kind.outcome is Outcome.OK


def _preferred(
    ref: str, stored: StoredRun, times: Mapping[int, _Times], options: ForecastCall
) -> tuple[int, str]:
    """The size that the run recommends, else the present one or the one called most; and why."""
    if stored.run.command == "sweep" and options.memory is None:
        try:
            pick = recommend_run(ref, options.store, among=None).recommendation
        except TunerError:
            pick = None
        if pick is not None and pick.memory_mb in times:
            return pick.memory_mb, "as the run recommends"
    now = stored.run.facts.now_mb
    if now is not None and now in times:
        return now, "as configured"
    return max(times, key=lambda size: times[size].calls or 0), "called most"


def _times(cold: SampleTable, warm: SampleTable, size: int, options: ForecastCall) -> _Times:
    """The times of a size. One without cold starts is given those of the nearest: INIT as it is,
    which hardly depends on memory, first calls longer than warm ones by the same factor."""
    took = _took(warm, size)
    sizes = set(cold.memory_mb.tolist())
    near = min(sizes, key=lambda mb: abs(np.log(mb / size)), default=None)
    init, first, assumed = np.zeros(1), took, ""
    if near is None:
        assumed = "" if options.init is not None else "no INIT, and first calls as warm ones"
    else:
        begun = cold.where(cold.memory_mb == near)
        init = np.where(begun.init_ms > 0.0, begun.init_ms, np.nan_to_num(begun.restore_ms))
        there = _took(warm, near)
        factor = took.mean() / there.mean() if there.size and there.mean() > 0.0 else 1.0
        first = _took(cold, near) * (1.0 if near == size else factor)
    if near not in (None, size):
        assumed = f"cold starts as at {format_memory(near)}, first calls scaled as warm ones"
    if options.init is not None:
        init = np.array([1000.0 * options.init])
    return _Times(took, init, first, len(took), assumed)


def _took(samples: SampleTable, size: int) -> FloatArray:
    return samples.where(samples.memory_mb == size).duration_ms

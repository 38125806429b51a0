"""The forecast of a sweep: the function's facts, what is known of its time, the estimate.

`tuner plan` shows it; `tuner sweep` shows it before it begins on AWS, and asks when it may cost
more than a threshold. The arithmetic is in ``tuner.planning``; nothing is invoked.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from tuner.api.known import what_is_known
from tuner.billing.cost import FIGURE_USD
from tuner.billing.prices import prices
from tuner.decide.confirm import MOST as CONFIRMATION
from tuner.decide.confirm import MOST_FREE as LOCAL_CONFIRMATION
from tuner.decide.load_plan import MOST, MOST_WITHOUT_SLO, terms_of
from tuner.decide.load_result import LOAD_SCOPES, load_words
from tuner.engine.batches import MOST_CALLS, largest_burst
from tuner.engine.profiles.profile import Profile
from tuner.experiment.price_list import load_table
from tuner.experiment.spec import INVOCATIONS
from tuner.options.calls import PAUSE_S, WAIT_S
from tuner.options.question import measured_arches
from tuner.options.size_load import size_load
from tuner.options.sweep import SweepOptions
from tuner.planning.adaptive import Adaptive
from tuner.planning.budget import NO_LIMIT
from tuner.planning.cold import COLD_STARTS
from tuner.planning.estimate import Estimate, Known, Making, duration_ms, estimate
from tuner.planning.risks import risks
from tuner.planning.sizes import candidates, grid_sizes, start_sizes
from tuner.planning.usual import Usual, usual
from tuner.planning.work import (
    ColdWork,
    LoadWork,
    Range,
    Work,
    adaptive_work,
    clone_calls,
    cold_work,
    grid_work,
    in_place_calls,
    version_calls,
    with_confirmation,
    with_loads,
)
from tuner.records import Advice, Backend, FunctionFacts, Metric
from tuner.targets.choices import Isolation

#: Seconds for one version: an update that settles, and its publication; and what a request takes
#: beyond the function's own time. On AWS an update settles within a few seconds (INFERRED from
#: botocore's waiters, which ask every second); SnapStart takes minutes.
_LOCAL = Making(Range(0.05, 1.5), Range(0.001, 0.1))
_AWS = Making(Range(1.0, 8.0), Range(0.01, 0.4))
_SNAP_START = Making(Range(60.0, 240.0), Range(0.01, 0.4))

#: Where a duration is assumed of a function without a size.
_USUAL_MB = 512


_CALLS = {
    Isolation.VERSIONS: version_calls,
    Isolation.CLONE: clone_calls,
    Isolation.IN_PLACE: in_place_calls,
}


@dataclass(frozen=True)
class Forecast:
    """Everything that is said about a sweep before it begins."""

    target: str
    facts: FunctionFacts
    sizes_mb: tuple[int, ...]
    work: Work
    estimate: Estimate
    isolation: Isolation
    calls: Mapping[str, Range]
    known: Known
    risks: tuple[Advice, ...]
    usual: Usual  # what it takes usually, within the estimate
    load: tuple[LoadWork, str] | None = None  # the loads on sizes, and what each is in words
    check: tuple[Range, Range] | None = None  # dollars and seconds of asking CloudWatch afterwards
    architectures: tuple[str, ...] = ()  # those that are compared, on a copy each

    @property
    def most_usd(self) -> float:
        """The most that it may cost, with logs and CloudWatch's figures."""
        logs = self.estimate.logs_usd.high if self.estimate.logs_usd else 0.0
        return self.estimate.cost_usd.high + logs + (self.check[0].high if self.check else 0.0)

    def to_dict(self) -> dict[str, Any]:
        """The document ``tuner.plan/1``."""
        likely = self.estimate
        return {
            "schema": "tuner.plan/1",
            "target": self.target,
            "backend": self.facts.backend.value,
            "region": self.facts.region,
            "memory_mb": [self.sizes_mb[0], self.sizes_mb[-1]],
            "isolation": self.isolation.value,
            "architectures": list(self.architectures) or [self.facts.arch],
            "invocations": asdict(likely.invocations),
            "versions": asdict(self.work.versions),
            "load": None if self.load is None else asdict(self.load[0]),
            "seconds": asdict(likely.seconds),
            "cost_usd": asdict(likely.cost_usd),
            "logs_usd": asdict(likely.logs_usd) if likely.logs_usd else None,
            "cross_check_usd": asdict(self.check[0]) if self.check else None,
            "usual": asdict(self.usual),
            "durations_from": self.known.source,
            "control_plane_calls": {name: asdict(count) for name, count in self.calls.items()},
            "warnings": [asdict(advice) for advice in self.risks],
        }


def forecast(
    options: SweepOptions,
    facts: FunctionFacts,
    store_url: str | None,
    expected_ms: float | None = None,
    *,
    cold_only: bool = False,
) -> Forecast:
    """Forecast a sweep of these options, or ``tuner cold``. ``expected_ms`` is the user's own idea
    of a mean warm duration at the function's present memory."""
    arches = measured_arches(options, facts)
    if arches == (facts.arch,):
        known = what_is_known(options, facts, store_url, expected_ms)
        return _with_check(_forecast(options, facts, known, cold_only), options)
    alone = options.but(isolation=Isolation.CLONE.value)
    if options.invocations is not None:
        alone = alone.but(invocations=max(1, -(-options.invocations // len(arches))))
    each = []
    for there in (replace(facts, arch=arch) for arch in arches):
        known = what_is_known(alone, there, store_url, expected_ms)
        each.append(_forecast(alone, there, known, cold_only))
    return _with_check(_over(arches, facts, each, options), options)


def _with_check(found: Forecast, options: SweepOptions) -> Forecast:
    """Add what comparing it with CloudWatch takes."""
    check = forecast_check(options, found.facts, found.work.versions)
    if check is None:
        return found
    seconds = found.estimate.seconds + check[1]
    return replace(found, check=check, estimate=replace(found.estimate, seconds=seconds))


def _over(
    arches: tuple[str, ...], facts: FunctionFacts, each: list[Forecast], options: SweepOptions
) -> Forecast:
    """The forecasts of all architectures as one: a copy and prices for each, one after another."""
    first, rest = each[0], each[1:]
    likely, work, calls = first.estimate, first.work, dict(first.calls)
    often = first.usual
    for other in rest:
        likely, work = likely + other.estimate, work + other.work
        often += other.usual
        calls = {name: count + other.calls[name] for name, count in calls.items()}
    likely = _within_limits(likely, options)
    return replace(
        first,
        facts=facts,
        architectures=arches,
        estimate=likely,
        usual=_within(often, likely),
        work=work,
        calls=calls,
        risks=(*first.risks, Advice("architectures", _ARCHITECTURES)),
    )


_ARCHITECTURES = (
    "Code, layers and extensions with machine code may not run on another architecture. What can "
    "be seen beforehand is refused, other failures are rows with their reason. Build it for both."
)


def _forecast(
    options: SweepOptions, facts: FunctionFacts, known: Known, cold_only: bool
) -> Forecast:
    """A sweep, or cold starts, on one architecture."""
    isolation = options.isolation
    sizes, work = _work(options, facts, cold_only)
    rates = prices(facts.region, facts.arch, load_table())
    load = forecast_load(options, facts, sizes, known)
    if load is not None:
        work = with_loads(work, load[0], options.limit.invocations)
    how = _making(facts)
    likely = _within_limits(estimate(work, sizes, known, rates, how), options)
    often = usual(work, sizes, known, rates, how, facts.memory_mb or _USUAL_MB)
    return Forecast(
        target=options.target,
        facts=facts,
        sizes_mb=sizes,
        work=work,
        estimate=likely,
        isolation=isolation,
        calls=_CALLS[isolation](work, options.name.qualifier is not None),
        known=known,
        risks=risks(facts, (sizes[0], sizes[-1]), rates, work.versions.high),
        usual=_within(often, likely),
        load=load,
    )


def _work(
    options: SweepOptions, facts: FunctionFacts, cold_only: bool
) -> tuple[tuple[int, ...], Work]:
    wish, limit = options.memory, options.limit
    limited = limit.invocations is not None or limit.cost_usd is not None
    each = COLD_STARTS if options.cold is None else options.cold
    burst = largest_burst(facts, int(facts.platform.get("cores") or 1))
    cold = ColdWork(each, burst, (limited or limit.seconds is not None) and options.cold is None)
    if cold_only:
        sizes = grid_sizes(wish)
        return sizes, cold_work(sizes, cold)
    if options.method == "grid":
        sizes = grid_sizes(wish)
        return sizes, grid_work(sizes, options.samples, limit.invocations, cold)
    offered, plan = candidates(wish), Adaptive()
    start = tuple(int(size) for size in start_sizes(offered, plan.start_sizes))
    most = limit.invocations or INVOCATIONS
    work = adaptive_work(start, len(offered), most, cold, plan)
    if limit.invocations is None:  # otherwise confirming the pick is within the limit
        local = facts.backend is Backend.LOCAL
        work = with_confirmation(work, LOCAL_CONFIRMATION if local else CONFIRMATION)
    return tuple(int(s) for s in offered), work


def _making(facts: FunctionFacts) -> Making:
    if facts.backend is Backend.LOCAL:
        return _LOCAL
    return _SNAP_START if facts.snap_start else _AWS


def _within_limits(likely: Estimate, options: SweepOptions) -> Estimate:
    """A budget ends a sweep before the estimate does."""
    limit = options.limit
    if limit.invocations is not None:
        likely = replace(likely, invocations=_capped(likely.invocations, limit.invocations))
    if limit.cost_usd is not None:
        likely = replace(likely, cost_usd=_capped(likely.cost_usd, limit.cost_usd))
    if limit.seconds is not None:
        # What is in flight ends, and the function is restored, after the limit.
        likely = replace(likely, seconds=_capped(likely.seconds, limit.seconds + 30.0))
    return likely


def _within(often: Usual, likely: Estimate) -> Usual:
    return often.within(likely.invocations.high, likely.seconds.high, likely.cost_usd.high)


def _capped(span: Range, most: float) -> Range:
    return Range(min(span.low, most), min(span.high, most))


def forecast_load(
    options: SweepOptions, facts: FunctionFacts, sizes: tuple[int, ...], known: Known
) -> tuple[LoadWork, str] | None:
    """The loads on sizes, and what each is in words; ``None`` if none is asked for."""
    load = size_load(options, facts)
    if load is None:
        return None
    profile = load.profile
    work = LoadWork(_sizes(options, sizes), _calls(profile, sizes, known), profile.duration_s)
    return work, load_words(terms_of(load))


def _sizes(options: SweepOptions, sizes: tuple[int, ...]) -> Range:
    """How many will be loaded, which is known beforehand of a grid only; a limit may leave none."""
    count = Range(len(sizes), len(sizes))
    if options.method != "grid":
        judged = any(slo.scope in LOAD_SCOPES for slo in options.slo)
        count = Range(min(1 if judged else 2, len(sizes)), MOST if judged else MOST_WITHOUT_SLO)
        count = Range(count.low, min(count.high, len(sizes)))
    return count if options.limit == NO_LIMIT else Range(0, count.high)


def _calls(profile: Profile, sizes: tuple[int, ...], known: Known) -> Range:
    """Calls of one load; those of a closed model depend on how long they take."""
    calls = profile.calls
    if calls is not None:
        # A Poisson load's number of calls is by chance, with its mean as its variance.
        off = 4.0 * calls**0.5 if profile.arrival == "poisson" else 0.0
        return Range(max(0.0, calls - off), calls + off)
    took = [duration_ms(size, known) for size in sizes]
    low, high = min(t.low for t in took) / 1000.0, max(t.high for t in took) / 1000.0
    turns = profile.users * profile.duration_s
    fewest = max(profile.users, turns / (high + profile.think_s))
    most = min(MOST_CALLS, turns / (low + profile.think_s))
    return Range(min(fewest, most), most)


def forecast_check(
    options: SweepOptions, facts: FunctionFacts, versions: Range
) -> tuple[Range, Range] | None:
    """US dollars for figures, and seconds of waiting; ``None`` if CloudWatch is not asked."""
    wait_s = options.patience_s
    if wait_s is None or facts.backend is not Backend.AWS:
        return None
    if not wait_s:  # a short sweep is not asked about at all
        return Range(0.0, len(Metric) * versions.high * FIGURE_USD), Range(0.0, 0.0)
    looks = math.ceil(WAIT_S / PAUSE_S) + 1
    fewest, most = 1 + len(Metric), looks + len(Metric)
    cost = Range(fewest * versions.low * FIGURE_USD, most * versions.high * FIGURE_USD)
    return cost, Range(0.0, wait_s)

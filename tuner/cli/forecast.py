"""What a sweep would do, gathered: the function's facts, what is known of its time, the estimate.

`tuner plan` shows it; `tuner sweep` shows it before it begins on AWS, and asks when it may cost
more than a threshold. The arithmetic is in ``tuner.planning``; nothing is invoked.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import typer

from tuner.aws.price_list import load_table
from tuner.billing.prices import Prices, prices
from tuner.cli.forecast_check import check_lines, forecast_check
from tuner.cli.forecast_load import forecast_load
from tuner.cli.known import what_is_known
from tuner.errors import TunerError
from tuner.experiment.spec import INVOCATIONS
from tuner.measure.batches import largest_burst
from tuner.options.meaning import read_limit
from tuner.options.options import SweepOptions
from tuner.options.sides import measured_arches
from tuner.planning.adaptive import Adaptive
from tuner.planning.cold import COLD_STARTS
from tuner.planning.control_calls import clone_calls, in_place_calls, version_calls
from tuner.planning.estimate import Estimate, Known, Making, estimate
from tuner.planning.risks import risks
from tuner.planning.sizes import candidates, grid_sizes, start_sizes
from tuner.planning.work import (
    ColdWish,
    LoadWork,
    Range,
    Work,
    adaptive_work,
    grid_work,
    with_loads,
)
from tuner.records import Advice, Backend, FunctionFacts
from tuner.targets.choices import WHY, Isolation, read_isolation
from tuner.targets.names import parse_target
from tuner.units import format_memory, format_seconds, format_usd, parse_memory

#: A sweep that may cost more than this asks first, where somebody can answer.
ASK_ABOVE_USD = 0.50
#: Seconds for one version: an update that settles, and its publication; and what a request takes
#: beyond the function's own time. On AWS an update settles within a few seconds (INFERRED from
#: botocore's waiters, which ask every second); SnapStart takes minutes.
_LOCAL = Making(Range(0.05, 1.5), Range(0.001, 0.1))
_AWS = Making(Range(1.0, 8.0), Range(0.01, 0.4))
_SNAP_START = Making(Range(60.0, 240.0), Range(0.01, 0.4))


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
    load: tuple[LoadWork, str] | None = None  # the loads on sizes, and what each is in words
    check: tuple[Range, Range] | None = None  # dollars and seconds of asking CloudWatch afterwards
    architectures: tuple[str, ...] = ()  # those that are compared, on a copy each

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
            "durations_from": self.known.source,
            "control_plane_calls": {name: asdict(count) for name, count in self.calls.items()},
            "warnings": [asdict(advice) for advice in self.risks],
        }


def forecast(
    options: SweepOptions,
    facts: FunctionFacts,
    store_url: str | None,
    expected_ms: float | None = None,
) -> Forecast:
    """What a sweep of these options would do. ``expected_ms`` is the user's own idea of a mean
    warm duration at the function's present memory."""
    arches = measured_arches(options, facts)
    if arches == (facts.arch,):
        return _with_check(_forecast(options, facts, store_url, expected_ms), options)
    alone = replace(options, isolation=Isolation.CLONE.value)
    if options.invocations is not None:
        alone = replace(alone, invocations=max(1, -(-options.invocations // len(arches))))
    each = [_forecast(alone, replace(facts, arch=arch), store_url, expected_ms) for arch in arches]
    return _with_check(_over(arches, facts, each, options), options)


def _with_check(found: Forecast, options: SweepOptions) -> Forecast:
    """With what comparing it with CloudWatch takes."""
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
    for other in rest:
        likely, work = likely + other.estimate, work + other.work
        calls = {name: count + other.calls[name] for name, count in calls.items()}
    return replace(
        first,
        facts=facts,
        architectures=arches,
        estimate=_within_limits(likely, options),
        work=work,
        calls=calls,
        risks=(*first.risks, Advice("architectures", _ARCHITECTURES)),
    )


_ARCHITECTURES = (
    "Code, layers and extensions with machine code may not run on another architecture. What can "
    "be seen beforehand is refused, other failures are rows with their reason. Build it for both."
)


def _forecast(
    options: SweepOptions, facts: FunctionFacts, store_url: str | None, expected_ms: float | None
) -> Forecast:
    """A sweep on one architecture."""
    isolation = read_isolation(options.isolation)
    sizes, work = _work(options, facts)
    rates = prices(facts.region, facts.arch, load_table())
    known = what_is_known(options, facts, store_url, expected_ms)
    load = forecast_load(options, facts, sizes, known)
    if load is not None:
        work = with_loads(work, load[0], read_limit(options).invocations)
    likely = _within_limits(estimate(work, sizes, known, rates, _making(facts)), options)
    return Forecast(
        target=options.target,
        facts=facts,
        sizes_mb=sizes,
        work=work,
        estimate=likely,
        isolation=isolation,
        calls=_CALLS[isolation](work, parse_target(options.target).qualifier is not None),
        known=known,
        risks=_risks(facts, sizes, rates, work),
        load=load,
    )


def show(found: Forecast, err: bool = False) -> None:
    """Print a forecast for people."""
    likely, work = found.estimate, found.work
    cost = _money(likely.cost_usd)
    logs = "at a price that is not known" if not likely.logs_usd else _money(likely.logs_usd)
    free = " on AWS; nothing is billed here" if found.facts.backend is Backend.LOCAL else ""
    lines = [
        f"{found.target}: sizes from {format_memory(found.sizes_mb[0])} to "
        f"{format_memory(found.sizes_mb[-1])}; {_state(found.facts)}",
        f"  invocations   {_count(likely.invocations)}, {_count(work.cold)} of them cold starts",
        *_compared(found),
        *_under_load(found),
        f"  isolation     {found.isolation}: {WHY[found.isolation]}",
        f"  {_made(found)}",
        f"  time          {format_seconds(likely.seconds.low)} to "
        f"{format_seconds(likely.seconds.high)}",
        f"  cost          {cost} for the function, {logs} for its logs in CloudWatch{free}",
        *check_lines(found.check),
        f"  based on      {found.known.source}",
    ]
    for line in lines:
        typer.echo(line, err=err)


def _compared(found: Forecast) -> list[str]:
    if not found.architectures:
        return []
    return [f"  measured on   {' and '.join(found.architectures)}, on a temporary copy for each"]


def _under_load(found: Forecast) -> list[str]:
    if found.load is None:
        return []
    loads, words = found.load
    return [
        f"  under load    {_count(loads.sizes)} sizes, {_count(loads.calls)} calls each: {words}"
    ]


def _made(found: Forecast) -> str:
    """What is made of the function, and what becomes of it."""
    versions = _count(found.work.versions)
    if found.isolation is Isolation.IN_PLACE:
        return f"changes       {versions} or more of memory on $LATEST, put back at the end"
    return f"versions      {versions} published, and deleted at the end"


def show_details(found: Forecast) -> None:
    """Print what only `tuner plan` shows: the calls, and what could go wrong."""
    typer.echo("Calls of the control plane (AWS allows 15 a second per account):")
    for name, count in found.calls.items():
        typer.echo(f"  {name:<28} {_count(count)}")
    typer.echo("What could go wrong:")
    for advice in found.risks:
        typer.echo(f"  - {advice.text}")


def confirm(found: Forecast, yes: bool) -> None:
    """Ask when the sweep may be dear and somebody can answer; raises TunerError for a no."""
    most = found.estimate.cost_usd.high + (found.estimate.logs_usd or Range(0, 0)).high
    most += 0.0 if found.check is None else found.check[0].high
    if yes or most <= ASK_ABOVE_USD or not sys.stdin.isatty():
        return
    if not typer.confirm(f"It may cost up to {format_usd(most)}. Begin?", True, err=True):
        raise TunerError("sweep", "was not begun", "Set a limit with --max-cost, or add --yes.")


def _work(options: SweepOptions, facts: FunctionFacts) -> tuple[tuple[int, ...], Work]:
    wish, limit = parse_memory(options.memory), read_limit(options)
    limited = limit.invocations is not None or limit.cost_usd is not None
    each = COLD_STARTS if options.cold is None else options.cold
    burst = largest_burst(facts, int(facts.platform.get("cores") or 1))
    cold = ColdWish(each, burst, (limited or limit.seconds is not None) and options.cold is None)
    if options.method == "grid":
        sizes = grid_sizes(wish)
        return sizes, grid_work(sizes, options.samples, limit.invocations, cold)
    offered, plan = candidates(wish), Adaptive()
    start = tuple(int(size) for size in start_sizes(offered, plan.start_sizes))
    most = limit.invocations or INVOCATIONS
    return tuple(int(s) for s in offered), adaptive_work(start, len(offered), most, cold, plan)


def _making(facts: FunctionFacts) -> Making:
    if facts.backend is Backend.LOCAL:
        return _LOCAL
    return _SNAP_START if facts.snap_start else _AWS


def _within_limits(likely: Estimate, options: SweepOptions) -> Estimate:
    """A budget ends a sweep before the estimate does."""
    limit = read_limit(options)
    if limit.cost_usd is not None:
        likely = replace(likely, cost_usd=_capped(likely.cost_usd, limit.cost_usd))
    if limit.seconds is not None:
        # What is in flight ends, and the function is put back, after the limit.
        likely = replace(likely, seconds=_capped(likely.seconds, limit.seconds + 30.0))
    return likely


def _capped(span: Range, most: float) -> Range:
    return Range(min(span.low, most), min(span.high, most))


def _risks(
    facts: FunctionFacts, sizes: tuple[int, ...], rates: Prices, work: Work
) -> tuple[Advice, ...]:
    return risks(facts, (sizes[0], sizes[-1]), rates, work.versions.high)


def _state(facts: FunctionFacts) -> str:
    where = "the local Lambda" if facts.backend is Backend.LOCAL else facts.region
    return f"now {format_memory(facts.memory_mb)} on {facts.arch} in {where}"


def _count(span: Range) -> str:
    low, high = round(span.low), round(span.high)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _money(span: Range) -> str:
    return f"{format_usd(span.low)} to {format_usd(span.high)}"

"""Shows a forecast, and asks where it may be dear; `tuner plan`, `tuner sweep`, `tuner cold`."""

import sys

import typer

from tuner.api.forecast import Forecast
from tuner.api.startup_forecast import StartupForecast
from tuner.errors import TunerError
from tuner.planning.work import Range
from tuner.records import Backend, FunctionFacts
from tuner.targets.choices import WHY, Isolation
from tuner.units import format_memory, format_seconds, format_usd

#: What may cost more than this is asked about first, where somebody can answer.
ASK_ABOVE_USD = 0.50


def show(found: Forecast | StartupForecast, err: bool = False) -> None:
    """Print a forecast for people."""
    lines = _sweep_lines(found) if isinstance(found, Forecast) else _startup_lines(found)
    for line in lines:
        typer.echo(line, err=err)


def _sweep_lines(found: Forecast) -> list[str]:
    likely, work = found.estimate, found.work
    cost = _money(likely.cost_usd)
    logs = "an unknown amount" if not likely.logs_usd else _money(likely.logs_usd)
    free = " on AWS; nothing is billed here" if found.facts.backend is Backend.LOCAL else ""
    return [
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
        *_check_lines(found.check),
        f"  based on      {found.known.source}",
    ]


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
    """Say what is made of the function, and what becomes of it."""
    versions = _count(found.work.versions)
    if found.isolation is Isolation.IN_PLACE:
        return f"changes       {versions} or more of memory on $LATEST, restored at the end"
    return f"versions      {versions} published, and deleted at the end"


def show_details(found: Forecast) -> None:
    """Print what only `tuner plan` shows: the calls, and what could go wrong."""
    typer.echo("Calls of the control plane (AWS allows 15 a second per account):")
    for name, count in found.calls.items():
        typer.echo(f"  {name:<28} {_count(count)}")
    typer.echo("What could go wrong:")
    for advice in found.risks:
        typer.echo(f"  - {advice.text}")


def _check_lines(check: tuple[Range, Range] | None) -> list[str]:
    """The same for people; no line if CloudWatch is not asked."""
    if check is None:
        return []
    cost, wait = check
    waited = f", waited for up to {format_seconds(wait.high)}" if wait.high else ""
    most = format_usd(cost.high)
    return [f"  cross-check   at most {most} for CloudWatch's figures after it{waited}"]


def _startup_lines(found: StartupForecast) -> list[str]:
    free = "; nothing is billed here" if found.facts.backend is Backend.LOCAL else ""
    size = format_memory(found.memory_mb)
    lines = [f"{found.target}: ways to start at {size} in {found.facts.region}{free}"]
    for way in found.ways:
        kept = "an unknown price" if way.kept_usd is None else _money(way.kept_usd)
        seconds = f"{format_seconds(way.seconds.low)} to {format_seconds(way.seconds.high)}"
        lines.append(
            f"  {way.variant:<16}{way.calls.low:.0f} to {way.calls.high:.0f} calls, {seconds}; "
            f"{_money(way.calls_usd)} for calls, {kept} for what is kept"
        )
    return [*lines, f"  based on        {found.source}", f"  prices          {found.prices}"]


def confirm(command: str, found: Forecast | StartupForecast, yes: bool) -> None:
    """Ask when it may be dear and somebody can answer; raises TunerError for a no."""
    most = found.most_usd
    if yes or (most is not None and most <= ASK_ABOVE_USD) or not sys.stdin.isatty():
        return
    cost = "A price is unknown." if most is None else f"It may cost up to {format_usd(most)}."
    if not typer.confirm(f"{cost} Begin?", True, err=True):
        fix = "Set a limit with --max-cost, or add --yes."
        raise TunerError(command, "nothing was started", fix)


def ask_first(command: str, why: str | None, yes: bool) -> None:
    """Ask whether to begin although ``why``; raises TunerError for a no, or without a terminal."""
    if why is None or yes:
        return
    fix = "Lower --max-concurrency, or add --yes."
    if not sys.stdin.isatty():
        raise TunerError(command, why[0].lower() + why[1:], fix)
    if not typer.confirm(f"{why} Begin?", False, err=True):
        raise TunerError(command, "nothing was started", fix)


def _state(facts: FunctionFacts) -> str:
    where = "the local Lambda" if facts.backend is Backend.LOCAL else facts.region
    return f"now {format_memory(facts.memory_mb)} on {facts.arch} in {where}"


def _count(span: Range) -> str:
    low, high = round(span.low), round(span.high)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _money(span: Range) -> str:
    if span.low == span.high:
        return format_usd(span.low)
    return f"{format_usd(span.low)} to {format_usd(span.high)}"

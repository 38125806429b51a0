"""``tuner sweep``, ``cold``, ``load`` and ``plan``: measure a function, or say what that takes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from tuner.errors import TunerError
from tuner.options.commands import ColdCommand, LoadCommand, PlanCommand, SweepCommand
from tuner.units import format_usd

if TYPE_CHECKING:
    from tuner.api.startup_forecast import Forecasts
    from tuner.cli.progress import Progress
    from tuner.options.output import Running

#: What may cost more than this is asked about first, where somebody can answer.
ASK_ABOVE_USD = 0.50


def sweep(options: SweepCommand) -> None:
    """Example: tuner sweep myfunc --slo 'p95<300ms' --payload @event.json"""
    from tuner.api.results import SweepResult
    from tuner.api.sweep import resume_sweep, run_sweep
    from tuner.cli.show import hand_over, say_last

    say_last(options.resume, options.store)
    with _watched(options) as progress:
        if options.resume is not None:
            result = resume_sweep(options.resume, options, options.store, progress)
        else:
            approve = _Approval("sweep", options, progress)
            result = run_sweep(options, options.store, progress, approve)
    hand_over(SweepResult(result), options, options.output)


def cold(options: ColdCommand) -> None:
    """A range means its ends and the usual sizes between. With --variants, one size is started on
    demand, from a SnapStart snapshot, and in provisioned sandboxes, with prices; --max-cost then
    limits what that may cost at most.

    Example: tuner cold myfunc --memory 128,1024
    """
    from tuner.api.results import SweepResult
    from tuner.api.sweep import run_sweep
    from tuner.cli.show import hand_over
    from tuner.options.sweep import as_sweep

    with _watched(options) as progress:
        approve = _Approval("cold", options, progress)
        result = run_sweep(as_sweep(options), options.store, progress, approve, "cold")
    hand_over(SweepResult(result), options, options.output)


def load(options: LoadCommand) -> None:
    """Example: tuner load myfunc --rate 50 --duration 2m --slo 'client_p99<1s'"""
    from tuner.api.load import run_load
    from tuner.api.results import LoadResult
    from tuner.cli.show import hand_over
    from tuner.options.load import load_spec

    load_spec(options)  # complain before anything is started
    with _watched(options) as progress:
        found = run_load(
            options, options.store, progress, lambda why: _ask_first("load", why, options.yes)
        )
    hand_over(LoadResult(found), options, options.output)


def plan(options: PlanCommand) -> None:
    """Works out what a sweep takes; invokes nothing. With --variants: what a comparison of ways to
    start takes and costs.

    Example: tuner plan myfunc --memory 128:3008 --expect 200ms
    """
    from tuner.api.plan import planned
    from tuner.api.startup_forecast import hold_against_limit
    from tuner.cli.show import write_document

    found = planned(options).forecast
    if options.json_to is not None:
        write_document(found.to_dict(), options.json_to)
    if options.json_to != "-":
        show_forecast(found, details=True)
    hold_against_limit(found, options.limit.cost_usd)


@contextmanager
def _watched(options: "Running") -> Iterator["Progress"]:
    """Offer to restore what an earlier run left, then show progress and stop on Ctrl-C."""
    from tuner.cli.apply import offer_restore
    from tuner.cli.progress import watched

    offer_restore(yes=options.yes)
    with watched(quiet=options.silent, live=not options.no_progress) as progress:
        yield progress


class _Approval:
    """Says what a run on AWS will take before it begins, and asks if that may be dear."""

    def __init__(self, command: str, options: "Running", progress: "Progress") -> None:
        self.command, self.options, self.progress = command, options, progress

    def __call__(self, found: "Forecasts", why: str | None) -> None:
        with self.progress.paused():
            if not self.options.silent:
                show_forecast(found, err=True)
            _confirm(self.command, found.most_usd, self.options.yes)
            _ask_first(self.command, why, self.options.yes)


def show_forecast(found: "Forecasts", *, err: bool = False, details: bool = False) -> None:
    """Print a forecast for people; ``details`` are the calls, and what could go wrong."""
    from tuner.api.forecast_view import forecast_view

    view = forecast_view(found)
    typer.echo(view.title, err=err)
    forecast, *more = view.sections
    for fact in forecast.facts:
        typer.echo(f"  {fact.label:<13} {fact.value}", err=err)
    for section in more if details else ():
        typer.echo(f"{section.title}:", err=err)
        for fact in section.facts:
            typer.echo(f"  {fact.label:<28} {fact.value}", err=err)
        for warning in section.warnings:
            typer.echo(f"  - {warning}", err=err)


def _confirm(command: str, most: float | None, yes: bool) -> None:
    """Ask when it may be dear and somebody can answer; raises TunerError for a no."""
    if yes or (most is not None and most <= ASK_ABOVE_USD) or not sys.stdin.isatty():
        return
    cost = "A price is unknown." if most is None else f"It may cost up to {format_usd(most)}."
    if not typer.confirm(f"{cost} Begin?", True, err=True):
        fix = "Set a limit with --max-cost, or add --yes."
        raise TunerError(command, "nothing was started", fix)


def _ask_first(command: str, why: str | None, yes: bool) -> None:
    """Ask whether to begin although ``why``; raises TunerError for a no, or without a terminal."""
    if why is None or yes:
        return
    fix = "Lower --max-concurrency, or add --yes."
    if not sys.stdin.isatty():
        raise TunerError(command, why[0].lower() + why[1:], fix)
    if not typer.confirm(f"{why} Begin?", False, err=True):
        raise TunerError(command, "nothing was started", fix)

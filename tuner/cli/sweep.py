"""``tuner sweep``: measure sizes, fit curves, recommend, write the report."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from tuner.errors import UsageError
from tuner.options.commands import SweepCommand
from tuner.records import Backend, FunctionFacts

if TYPE_CHECKING:
    from tuner.api.sweep import Approve
    from tuner.cli.progress import Progress
    from tuner.options.commands import ColdCommand
    from tuner.options.sweep import SweepOptions


def sweep(options: SweepCommand) -> None:
    """Example: tuner sweep myfunc --slo 'p95<300ms' --payload @event.json"""
    measure(options, options, options.resume)


def read_sweep(given: Mapping[str, Any]) -> SweepCommand:
    """The command's options, of a target or of a run that is resumed."""
    from tuner.api.sweep import sweep_call

    named = given.get("target") or given.get("power_tuning_input")
    if (not named) == (not given.get("resume")):
        fix = "Write tuner sweep TARGET, or tuner sweep --resume RUN."
        raise UsageError("sweep", "needs a target or a run to resume, one of the two", fix)
    return sweep_call(SweepCommand, given if named else {**given, "target": "replay:none"})


MAKE = read_sweep


def measure(
    options: "SweepOptions", command: "SweepCommand | ColdCommand", resume: str | None = None
) -> None:
    """Run a sweep or cold starts, hand over the answer, and exit."""
    from tuner.api.results import SweepResult
    from tuner.api.sweep import resume_sweep, run_sweep
    from tuner.cli.interrupt import stop_on_signals
    from tuner.cli.progress import Progress
    from tuner.cli.restore import offer_restore
    from tuner.cli.show import exit_code, hand_over

    offer_restore(yes=command.yes)
    name = "sweep" if isinstance(command, SweepCommand) else "cold"
    with (
        Progress(quiet=command.silent, live=not command.no_progress) as progress,
        stop_on_signals(progress.say) as progress.stop_request,
    ):
        if resume is not None:
            result = resume_sweep(resume, options, command.store, progress, progress.say)
        else:
            approve = _approval(options, command, name, progress)
            result = run_sweep(options, command.store, progress, progress.say, approve, name)
    raise typer.Exit(exit_code(hand_over(SweepResult(result), command, command.output)))


def _approval(
    options: "SweepOptions",
    command: "SweepCommand | ColdCommand",
    name: str,
    progress: "Progress",
) -> "Approve":
    """On AWS, say what the run will take before it begins, and ask if it may be dear."""

    def approve(facts: FunctionFacts) -> None:
        on_aws, cold = facts.backend is Backend.AWS, name == "cold"
        if not on_aws and not options.variants:
            return
        from tuner.api.forecast import forecast
        from tuner.api.startup_forecast import (
            hold_against_limit,
            startup_forecast,
        )
        from tuner.cli.forecast import ask_first, confirm, show
        from tuner.options.size_load import takes_too_much

        if options.variants:
            compared = startup_forecast(options, facts, command.store)
            hold_against_limit(compared, options.limit.cost_usd)
        found = (
            compared
            if options.variants
            else forecast(options, facts, command.store, cold_only=cold)
        )
        if on_aws:
            with progress.paused():
                if not command.silent:
                    show(found, err=True)
                confirm(name, found, command.yes)
                ask_first(name, takes_too_much(options, facts), command.yes)

    return approve

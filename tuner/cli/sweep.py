"""``tuner sweep``: measure sizes, fit curves, recommend, write the report."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuner.cli import options as o
from tuner.cli import sweep_load_options as under
from tuner.cli.asking import ask_first
from tuner.errors import UsageError
from tuner.records import Backend, FunctionFacts

if TYPE_CHECKING:
    from tuner.api.sweep import Approve
    from tuner.cli.progress import Progress
    from tuner.options.options import SweepOptions

Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="RUN",
        help="Go on with an interrupted run.",
        rich_help_panel=o.MEASURE_PANEL,
    ),
]
PowerTuning = Annotated[
    str | None,
    typer.Option(
        "--power-tuning-input",
        metavar="FILE",
        help="Take function and options from an input of aws-lambda-power-tuning.",
        rich_help_panel=o.MEASURE_PANEL,
    ),
]
MaybeTarget = Annotated[
    str | None,
    typer.Argument(
        metavar="TARGET",
        help="myfunc, myfunc:alias, an ARN, local:PATH, demo:NAME or replay:FILE.",
        show_default=False,
    ),
]


def sweep(
    context: typer.Context,
    target: MaybeTarget = None,
    memory: o.Memory = "128:1536",
    method: o.Method = "adaptive",
    samples: o.Samples = 10,
    payload: o.Payload = "{}",
    payloads: o.Payloads = None,
    event: o.Event = None,
    pre: o.Pre = None,
    post: o.Post = None,
    cold: o.Cold = None,
    seed: o.Seed = None,
    power_tuning_input: PowerTuning = None,
    resume: Resume = None,
    strategy: o.Strategy = "cost",
    balance: o.Balance = 0.5,
    slo: o.Slo = None,
    cold_share: o.ColdShare = None,
    traffic: o.Traffic = None,
    invocations: o.Invocations = None,
    max_cost: o.MaxCost = None,
    max_time: o.MaxTime = None,
    profile_load: under.ProfileLoad = None,
    rate: under.Rate = None,
    duration: under.Duration = None,
    retry: under.Retry = None,
    max_concurrency: under.MaxConcurrency = None,
    region: o.Region = None,
    profile: o.Profile = None,
    endpoint_url: o.EndpointUrl = None,
    handler: o.Handler = None,
    runtime: o.Runtime = None,
    env: o.Env = None,
    where: o.Where = None,
    cpu: o.Cpu = "auto",
    architectures: o.Architectures = None,
    isolation: o.Isolation = "versions",
    assume_role: o.AssumeRole = None,
    cross_check: o.CrossCheck = None,
    store: o.StoreUrl = None,
    output: o.Output = Path("reports"),
    json_to: o.Json = None,
    yes: o.Yes = False,
    quiet: o.Quiet = False,
    no_progress: o.NoProgress = False,
) -> None:
    """Measure a function at several memory sizes and recommend one.

    Example: tuner sweep myfunc --slo 'p95<300ms' --payload @event.json
    """
    given = {name: value for name, value in locals().items() if name != "context"}
    if power_tuning_input is not None:  # its options go before defaults, not before what is written
        given = {name: value for name, value in given.items() if _written(context, name)}
    measure(
        target,
        resume,
        given,
        Handing(store, output, json_to, yes, quiet or json_to == "-", not no_progress),
    )


@dataclass(frozen=True)
class Handing:
    """Where the result goes, and how much is asked and shown on the way."""

    store: str | None
    output: Path
    json_to: str | None
    yes: bool
    quiet: bool
    live: bool


def measure(
    target: str | None,
    resume: str | None,
    given: dict[str, Any],
    handing: Handing,
    command: str = "sweep",
) -> None:
    """Run ``sweep`` or ``cold`` as ``given`` says, hand over the answer, and exit."""
    from tuner.api.sweep import resume_sweep, run_sweep, sweep_options
    from tuner.cli.interrupt import stop_on_signals
    from tuner.cli.progress import Progress
    from tuner.cli.restore import offer_restore
    from tuner.cli.show import exit_code, hand_over
    from tuner.options.options import SweepOptions

    named = target or given.get("power_tuning_input")
    if (named is None) == (resume is None):
        fix = "Write tuner sweep TARGET, or tuner sweep --resume RUN."
        raise UsageError("sweep", "needs a target or a run to resume, one of the two", fix)
    offer_restore(yes=handing.yes)
    known = {"power_tuning_input", *(field.name for field in fields(SweepOptions))} - {"target"}
    given = {name: v for name, v in given.items() if name in known and v is not None}
    options = sweep_options("replay:none" if resume else target, **given)
    with (
        Progress(quiet=handing.quiet, live=handing.live) as progress,
        stop_on_signals(progress.say) as progress.stop_request,
    ):
        if resume is not None:
            result = resume_sweep(resume, options, handing.store, progress, progress.say)
        else:
            approve = _estimate_first(options, handing, progress)
            result = run_sweep(options, handing.store, progress, progress.say, approve, command)
    result = hand_over(result, output=handing.output, json_to=handing.json_to, quiet=handing.quiet)
    raise typer.Exit(exit_code(result))


def _written(context: typer.Context, name: str) -> bool:
    """Whether the user wrote this option."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _compare_first(
    options: "SweepOptions", facts: FunctionFacts, handing: Handing, progress: "Progress"
) -> None:
    """Hold a comparison against its limit, say what it will take on AWS, and ask if it is dear."""
    from tuner.cli.startup_forecast import confirm, hold_against_limit, show, startup_forecast

    found = startup_forecast(options, facts, handing.store)
    hold_against_limit(found, options)
    if facts.backend is Backend.AWS:
        with progress.paused():
            if not handing.quiet:
                show(found, err=True)
            confirm(found, handing.yes)


def _estimate_first(options: "SweepOptions", handing: Handing, progress: "Progress") -> "Approve":
    """On AWS, say what the sweep will take before it begins, and ask if it may be dear."""

    def approve(facts: FunctionFacts) -> None:
        if options.variants is not None:
            _compare_first(options, facts, handing, progress)
            return
        if facts.backend is not Backend.AWS:
            return
        from tuner.cli.forecast import confirm, forecast, show
        from tuner.options.size_load import takes_too_much

        found = forecast(options, facts, handing.store)
        with progress.paused():
            if not handing.quiet:
                show(found, err=True)
            confirm(found, handing.yes)
            ask_first("sweep", takes_too_much(options, facts), handing.yes)

    return approve

"""``tuner load``: one configuration under a load; what it does, costs and feels like then."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tuner.cli import load_options as lo
from tuner.cli import options as o
from tuner.cli.asking import ask_first
from tuner.errors import TunerError

if TYPE_CHECKING:
    from tuner.decide.load_result import Load
    from tuner.options.load import LoadOptions, Wish
    from tuner.records import FunctionFacts


def load(
    target: o.TargetArg,
    rate: lo.Rate = None,
    duration: lo.Duration = None,
    arrival: lo.Arrival = None,
    users: lo.Users = None,
    think: lo.Think = None,
    profile_load: lo.ProfileLoad = None,
    locustfile: lo.Locustfile = None,
    spawn_rate: lo.SpawnRate = None,
    retry: lo.Retry = None,
    find_limit: lo.FindLimit = False,
    mode: lo.ModeOption = None,
    drain: lo.Drain = None,
    workers: lo.WorkerCount = 1,
    expect_workers: lo.ExpectWorkers = 0,
    bind: lo.Bind = None,
    web_ui: lo.WebUi = False,
    web_host: lo.WebHost = None,
    web_port: lo.WebPort = None,
    url: lo.Url = None,
    url_auth: lo.UrlAuth = None,
    method: lo.Method = None,
    header: lo.Header = None,
    memory: lo.OneMemory = None,
    payload: o.Payload = "{}",
    payloads: o.Payloads = None,
    event: o.Event = None,
    pre: o.Pre = None,
    post: o.Post = None,
    seed: o.Seed = None,
    slo: o.Slo = None,
    stop_on: lo.StopOn = None,
    max_cost: o.MaxCost = None,
    max_concurrency: lo.MaxConcurrency = None,
    region: o.Region = None,
    profile: o.Profile = None,
    endpoint_url: o.EndpointUrl = None,
    handler: o.Handler = None,
    runtime: o.Runtime = None,
    env: o.Env = None,
    where: o.Where = None,
    cpu: o.Cpu = "auto",
    cross_check: o.CrossCheck = None,
    store: o.StoreUrl = None,
    output: o.Output = Path("reports"),
    json_to: o.Json = None,
    yes: o.Yes = False,
    quiet: o.Quiet = False,
    no_progress: o.NoProgress = False,
) -> None:
    """Put a function under load and measure latency, throttles, concurrency and cost.

    Example: tuner load myfunc --rate 50 --duration 2m --slo 'client_p99<1s'
    """
    given = dict(locals())
    handing = _Handing(store, output, json_to, yes, quiet or json_to == "-", not no_progress)
    _run(_options(given), handing)


@dataclass(frozen=True)
class _Handing:
    """Where the result goes, and how much is asked and shown on the way."""

    store: str | None
    output: Path
    json_to: str | None
    yes: bool
    quiet: bool
    live: bool


def _options(given: dict[str, Any]) -> "LoadOptions":
    """The load's own options, and those that it shares with a sweep."""
    from tuner.api.sweep import sweep_options
    from tuner.options.load import LoadOptions

    shared = (
        *("payload", "payloads", "event", "pre", "post", "seed", "slo", "max_cost"),
        *("region", "profile", "endpoint_url", "handler", "runtime", "env", "where", "cpu"),
        "cross_check",
    )
    common = {name: given[name] for name in shared if given[name] is not None}
    own = (
        *("memory", "rate", "duration", "arrival", "users", "think", "profile_load", "retry"),
        *("max_concurrency", "workers", "expect_workers", "bind", "find_limit"),
        *("mode", "drain"),
        *("url", "url_auth", "method", "locustfile", "spawn_rate"),
        *("web_ui", "web_host", "web_port"),
    )
    return LoadOptions(
        common=sweep_options(given["target"], **common),
        stop_on=tuple(given["stop_on"] or ()),
        header=tuple(given["header"] or ()),
        **{name: given[name] for name in own},
    )


def _run(options: "LoadOptions", handing: _Handing) -> None:
    from tuner.api.load import run_load
    from tuner.cli.interrupt import stop_on_signals
    from tuner.cli.progress import Progress
    from tuner.cli.restore import offer_restore
    from tuner.options.load import read_wish, too_many

    read_wish(options)  # complain before anything is started
    offer_restore(yes=handing.yes)
    with (
        Progress(quiet=handing.quiet, live=handing.live) as progress,
        stop_on_signals(progress.say) as progress.stop_request,
    ):

        def approve(wish: "Wish", facts: "FunctionFacts") -> None:
            ask_first("load", too_many(wish, facts), handing.yes)

        result = run_load(options, handing.store, progress, progress.say, approve)
    raise typer.Exit(exit_code(_hand_over(result, handing)))


def _hand_over(result: "Load", handing: _Handing) -> "Load":
    """Write the report and the JSON, print the answer; failures to write come last."""
    from rich.console import Console

    from tuner.api.load import with_report
    from tuner.cli.output import write_document
    from tuner.report.load_document import load_document
    from tuner.report.load_view import load_view
    from tuner.report.terminal import print_load

    failures: list[TunerError] = []
    try:
        result = with_report(result, handing.output)
    except TunerError as error:
        failures.append(error)
    document = load_document(result)
    if handing.json_to is not None:
        try:
            write_document(document, handing.json_to)
        except TunerError as error:
            failures.append(error)
    if handing.json_to != "-":
        console = Console(highlight=False)
        if handing.quiet:
            console.print(load_view(document).answer.sentence, markup=False, soft_wrap=True)
        else:
            print_load(document, console)
    if failures:
        raise failures[0]
    return result


def exit_code(result: "Load") -> int:
    """What the contract says of this result."""
    from tuner.records import Outcome, RunState

    if result.run.state is RunState.INTERRUPTED:
        return 130
    if not result.figures.outcomes[Outcome.OK]:
        return 1
    if result.met is False:
        return 99
    return 3 if result.run.state is RunState.PARTIAL else 0

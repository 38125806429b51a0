"""``tuner bench``: run the suite in ``tuner.toml`` and say what regressed; write and accept."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli import bench_outputs as out
from tuner.cli import options as o
from tuner.cli.bench_history import history
from tuner.errors import TunerError

if TYPE_CHECKING:
    from tuner.outputs.write import Outputs
    from tuner.suites.result import BenchResult

bench = typer.Typer(invoke_without_command=True, no_args_is_help=False)

SUITE_PANEL = "The suite"
COMPARE_PANEL = "What is compared"

SuiteFile = Annotated[
    Path,
    typer.Option("--suite", metavar="FILE", help="The suite's file.", rich_help_panel=SUITE_PANEL),
]
Tag = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", help="Only cases with this tag; repeatable.", rich_help_panel=SUITE_PANEL
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="NAME", help="Only this case; repeatable.", rich_help_panel=SUITE_PANEL
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        "--environment",
        metavar="NAME",
        help="Where the functions are: a table environments.NAME of the suite.",
        rich_help_panel=SUITE_PANEL,
    ),
]
Against = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="VERSION|PATH|git:REV",
        help="Compare in one run, called in turn, with a version or alias, a .zip or folder, or "
        "a git revision of the code; without it, with the stored baseline.",
        rich_help_panel=COMPARE_PANEL,
    ),
]
Branch = Annotated[
    str | None,
    typer.Option(
        "--branch",
        help="Whose baseline it is (default: the repository's branch).",
        rich_help_panel=COMPARE_PANEL,
    ),
]
Full = Annotated[
    bool,
    typer.Option(
        "--full",
        help="Make all calls even when the verdict is clear, for a new baseline.",
        rich_help_panel=COMPARE_PANEL,
    ),
]
WarnOnly = Annotated[
    bool | None,
    typer.Option(
        "--warn-only",
        help="Say what regressed, but do not exit with 99.",
        rich_help_panel=COMPARE_PANEL,
    ),
]


@bench.callback()
def run(
    context: typer.Context,
    suite: SuiteFile = Path("tuner.toml"),
    tag: Tag = None,
    only: Only = None,
    environment: Where = None,
    against: Against = None,
    branch: Branch = None,
    full: Full = False,
    warn_only: WarnOnly = None,
    max_cost: o.MaxCost = None,
    max_time: o.MaxTime = None,
    seed: o.Seed = None,
    store: o.StoreUrl = None,
    json_to: o.Json = None,
    markdown: out.Markdown = None,
    junit: out.Junit = None,
    badge: out.Badge = None,
    webhook: out.Webhook = None,
    slack: out.Slack = None,
    post: out.Post = False,
    bencher: out.Bencher = None,
    action_benchmark: out.ActionBenchmark = None,
    quiet: o.Quiet = False,
    no_progress: o.NoProgress = False,
) -> None:
    """Run the suite in tuner.toml; exit with 99 if anything regressed and a fresh run agrees.

    Example: tuner bench --against git:main
    """
    if context.invoked_subcommand is not None:
        return
    from tuner.cli.interrupt import stop_on_signals
    from tuner.cli.progress import Progress
    from tuner.options.meaning import budget
    from tuner.outputs.write import Outputs
    from tuner.suites.bench import BenchSpec, Onlooker, run_bench
    from tuner.suites.suite_file import read_suite

    outputs = Outputs(
        markdown, junit, badge, webhook, slack, bencher, action_benchmark, post, json_to
    ).checked()
    read = read_suite(suite).in_environment(environment)
    wish = BenchSpec(
        suite=read,
        cases=read.chosen(tag or (), only or ()),
        environment=environment,
        against=against,
        branch=branch,
        seed=seed,
        full=full,
        warn_only=read.warn_only if warn_only is None else warn_only,
        limit=budget(max_cost, max_time),
    )
    with (
        Progress(quiet=quiet or outputs.on_stdout, live=not no_progress) as progress,
        stop_on_signals(progress.say) as progress.stop_request,
    ):
        onlooker = Onlooker(progress.say, progress.sampled, progress.stop_request)
        result = run_bench(wish, store, onlooker)
    if not outputs.on_stdout:
        _print(result, quiet)
    raise typer.Exit(_written(result, outputs))


def _print(result: "BenchResult", quiet: bool) -> None:
    from rich.console import Console

    from tuner.report.terminal import print_view
    from tuner.suites.view import bench_view

    console, view = Console(highlight=False), bench_view(result)
    if quiet:
        console.print(view.answer.sentence, markup=False, soft_wrap=True)
    else:
        print_view(view, console)


def _written(result: "BenchResult", outputs: "Outputs") -> int:
    """Write all outputs; an exit code that is good is not if one of them failed."""
    from tuner.suites.document import bench_document

    try:
        outputs.write(bench_document(result))
    except TunerError as error:
        typer.echo(f"tuner: {error}", err=True)
        return result.exit_code or error.exit_code
    return result.exit_code


bench.command()(history)


@bench.command()
def init(
    source: Annotated[
        str,
        typer.Argument(
            metavar="TARGET|FILE",
            help="A function, local:PATH, demo:NAME, a SAM template or a serverless.yml.",
        ),
    ],
    suite: SuiteFile = Path("tuner.toml"),
    region: o.Region = None,
    profile: o.Profile = None,
    endpoint_url: o.EndpointUrl = None,
) -> None:
    """Write a suite with every key explained, for a function or each function of a template."""
    from tuner.suites.suite_init import write_suite

    cases = write_suite(source, suite, region, profile, endpoint_url)
    names = ", ".join(cases)
    typer.echo(f"Wrote {suite} with {len(cases)} case{'s' if len(cases) > 1 else ''}: {names}.")
    typer.echo("Next: tuner bench, and tuner bench accept once you are content with it.")


@bench.command()
def accept(
    ref: Annotated[
        str, typer.Argument(metavar="BENCH", help="A bench's id, a prefix of one, or `last`.")
    ] = "last",
    branch: Annotated[
        str | None, typer.Option("--branch", help="For this branch (default: the bench's own).")
    ] = None,
    why: Annotated[
        str | None, typer.Option("--why", metavar="TEXT", help="Why this is how it shall be.")
    ] = None,
    only: Only = None,
    store: o.StoreUrl = None,
) -> None:
    """Make a bench's runs the baselines that later ones are compared with."""
    from tuner.clock import WallClock
    from tuner.store.benches import Benches
    from tuner.store.runs import Store
    from tuner.suites.baseline import Acceptance, accept, few_calls
    from tuner.suites.repository import who

    how = Acceptance(who(), WallClock().wall(), why, branch, tuple(only or ()))
    with Store.open(store, create=False) as opened:
        found = Benches(opened).find(ref)
        accepted = accept(opened, found, how)
        for one in accepted:
            on = f" on {one.place.branch}" if one.place.branch else ""
            typer.echo(f"{one.place.case}{on}: run {one.run} is the baseline, by {one.accepted_by}")
        for text in few_calls(found, accepted):
            typer.echo(f"note: {text}", err=True)


@bench.command()
def baselines(
    store: o.StoreUrl = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also those that were replaced since.")
    ] = False,
) -> None:
    """List what was accepted: by whom, when and why."""
    import sys
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.table import Table

    from tuner.store.benches import Benches
    from tuner.store.runs import Store

    table = Table(box=None, pad_edge=False)
    for name in ("case", "branch", "suite", "run", "commit", "accepted", "by", "why"):
        table.add_column(name, overflow="fold")
    with Store.open(store, create=False) as opened:
        seen = set()
        for one in Benches(opened).baselines():
            if one.place in seen and not every:
                continue
            seen.add(one.place)
            place = one.place
            suite = f"{place.suite} in {place.environment}" if place.environment else place.suite
            when = datetime.fromtimestamp(one.accepted_at, UTC).strftime("%Y-%m-%d %H:%M")
            table.add_row(
                place.case, place.branch, suite, one.run, one.commit[:10], when, one.accepted_by,
                one.why or "",
            )  # fmt: skip
    if not table.rows:
        typer.echo("No baseline was accepted yet: tuner bench, then tuner bench accept.")
        return
    Console(markup=False, width=None if sys.stdout.isatty() else 200).print(table)

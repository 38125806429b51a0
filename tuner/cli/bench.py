"""``tuner bench``: run the suite in ``tuner.toml`` and say what regressed; write and accept."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from tuner.cli.command import CONTEXT, command
from tuner.errors import TunerError
from tuner.options import suites as of

if TYPE_CHECKING:
    from tuner.api.results import BenchResult
    from tuner.outputs.write import Outputs


def run(options: of.BenchCommand) -> None:
    """Example: tuner bench --against git:main"""
    from tuner.api.suites import bench_suite
    from tuner.cli.interrupt import stop_on_signals
    from tuner.cli.progress import Progress
    from tuner.outputs.write import Outputs
    from tuner.suites.trial import Onlooker

    written = {name: getattr(options, name) for name in of.Written.names()}
    outputs = Outputs(**written, json=options.json_to).checked()
    with (
        Progress(
            quiet=options.quiet or outputs.on_stdout, live=not options.no_progress
        ) as progress,
        stop_on_signals(progress.say) as progress.stop_request,
    ):
        onlooker = Onlooker(progress.say, progress.sampled, progress.stop_request)
        result = bench_suite(options, onlooker)
    if not outputs.on_stdout:
        _print(result, options.quiet)
    raise typer.Exit(_written(result, outputs))


def _print(result: "BenchResult", quiet: bool) -> None:
    from rich.console import Console

    from tuner.report.terminal import print_view
    from tuner.suites.view import bench_view

    console, view = Console(highlight=False), bench_view(result.bench)
    if quiet:
        console.print(view.answer.sentence, markup=False, soft_wrap=True)
    else:
        print_view(view, console)


def _written(result: "BenchResult", outputs: "Outputs") -> int:
    """Write all outputs; an exit code that is good is not if one of them failed."""
    try:
        outputs.write(result.to_dict())
    except TunerError as error:
        typer.echo(f"tuner: {error}", err=True)
        return result.exit_code or error.exit_code
    return result.exit_code


def init(options: of.BenchInit) -> None:
    """Write a suite with every key explained, for a function or each function of a template."""
    from tuner.suites.suite_init import write_suite

    cases = write_suite(
        options.source, options.suite, options.region, options.profile, options.endpoint_url
    )
    names = ", ".join(cases)
    many = "s" if len(cases) > 1 else ""
    typer.echo(f"Wrote {options.suite} with {len(cases)} case{many}: {names}.")
    typer.echo("Next: tuner bench, and tuner bench accept once you are happy with the result.")


def accept(options: of.BenchAccept) -> None:
    """Make a bench's runs the baselines that later ones are compared with."""
    from tuner.clock import WallClock
    from tuner.store.benches import Benches
    from tuner.store.runs import Store
    from tuner.suites.baseline import Acceptance, accept, few_calls
    from tuner.suites.repository import who

    how = Acceptance(who(), WallClock().wall(), options.why, options.branch, options.only)
    with Store.open(options.store, create=False) as opened:
        found = Benches(opened).find(options.ref)
        accepted = accept(opened, found, how)
        for one in accepted:
            on = f" on {one.place.branch}" if one.place.branch else ""
            typer.echo(f"{one.place.case}{on}: run {one.run} is the baseline, by {one.accepted_by}")
        for text in few_calls(found, accepted):
            typer.echo(f"note: {text}", err=True)


def baselines(options: of.BenchBaselines) -> None:
    """List what was accepted: by whom, when and why."""
    from rich.console import Console
    from rich.table import Table

    from tuner.store.benches import Benches
    from tuner.store.runs import Store

    table = Table(box=None, pad_edge=False)
    for name in ("case", "branch", "suite", "run", "commit", "accepted", "by", "why"):
        table.add_column(name, overflow="fold")
    with Store.open(options.store, create=False) as opened:
        seen = set()
        for one in Benches(opened).baselines():
            if one.place in seen and not options.every:
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


def history(options: of.BenchHistory) -> None:
    """Write a page of a suite's runs over time, with the changes of level and both runs' reports.

    Example: tuner bench history --branch main
    """
    from tuner.api.suites import history_page

    path = history_page(options)
    if not options.quiet:
        typer.echo(f"History: {path}")


bench = typer.Typer(invoke_without_command=True, add_completion=False, context_settings=CONTEXT)
bench.callback()(command(of.BenchCommand, run))
bench.command("history")(command(of.BenchHistory, history))
bench.command("init")(command(of.BenchInit, init))
bench.command("accept")(command(of.BenchAccept, accept))
bench.command("baselines")(command(of.BenchBaselines, baselines))

"""Stored runs: ``tuner runs`` and its actions, ``recommend``, ``report`` and ``compare``."""

import sys
from datetime import UTC, datetime

import typer

from tuner.cli.command import group
from tuner.errors import Partial, TunerError, UsageError
from tuner.options import manage as of
from tuner.options.commands import (
    CompareCommand,
    FleetCommand,
    ForecastCommand,
    RecommendCommand,
    ReportCommand,
)
from tuner.options.output import REPORTS, Stored, folder
from tuner.units import counted


def recommend(options: RecommendCommand) -> None:
    """What you do not give stays as it was.

    Example: tuner recommend last --strategy speed --slo 'cold_p99<2s'
    """
    from tuner.api.stored import recommend_again
    from tuner.cli.show import hand_over, say_last

    say_last(options.run, options.store)
    hand_over(recommend_again(options), options, options.output)


def forecast(options: ForecastCommand) -> None:
    """Nothing is invoked, and AWS is not asked.

    Example: tuner forecast last --traffic day.csv --times 10
    """
    from tuner.api.traffic_forecast import forecasted
    from tuner.cli.show import hand_over

    hand_over(forecasted(options), options, options.output)


def fleet(options: FleetCommand) -> None:
    """Invokes and changes nothing. Reads configurations, metrics, and figures that Logs Insights
    adds up; says first what its own queries cost.

    Example: tuner fleet --days 14 --output reports
    """
    from tuner.api.survey import surveyed
    from tuner.cli.show import hand_over, write_csv

    found = surveyed(options, None if options.silent else _say)
    if options.csv is not None:
        write_csv(found.to_csv(), options.csv)
    hand_over(found, options, options.output)


def _say(text: str) -> None:
    typer.echo(f"tuner: {text}", err=True)


def report(options: ReportCommand) -> None:
    """Without RUN: the index of all runs and pages, index.html. An interrupted run has a report,
    too.

    Example: tuner report last --output reports
    """
    if options.run is None or options.serve:
        _index(options)
        return
    from tuner.api.stored import open_run
    from tuner.cli.show import write_document

    result = open_run(options.run, store=options.store).written(options.output or REPORTS)
    document = result.to_dict()
    if options.json_to is not None:
        write_document(document, options.json_to)
    if not options.silent:
        typer.echo(f"Report: {document['report']}")


def _index(options: ReportCommand) -> None:
    from tuner.api.index import IndexServer, write_index

    if options.run is not None or options.json_to is not None:
        fix = "Leave RUN and --json out, or leave --serve out."
        raise UsageError("report", "an index is of all runs, and no document", fix)
    where = folder(options.output)
    if not options.serve:
        typer.echo(f"Index: {write_index(where, options.store)}")
        return
    server = IndexServer(where, options.store, options.port)
    typer.echo(f"Reports: {server.url} (Ctrl-C ends)")
    server.serve()


def compare(options: CompareCommand) -> None:
    """Nothing is invoked.

    Example: tuner compare 01K3A 01K3B --gate 'p95 +10%'
    """
    from tuner.api.stored import compared
    from tuner.cli.show import hand_over

    hand_over(compared(options), options, options.output)


def listed(options: of.RunsList) -> None:
    """List the stored runs with their answers, the newest first."""
    from rich.console import Console
    from rich.table import Table

    from tuner.api.stored import listing

    table = Table(box=None)
    for column in ("run", "started (UTC)", "command", "target", "answer", "state", "calls"):
        least = 26 if column == "run" else None  # an id that is cut would be of no use
        wrap = column in ("target", "answer")
        table.add_column(column, no_wrap=not wrap, overflow="fold", min_width=least)
    for row in listing(options.store, options.limit):
        started = datetime.fromtimestamp(row.started_at, UTC).strftime("%Y-%m-%d %H:%M")
        table.add_row(
            row.run, started, row.command, row.target, row.answer, row.state, str(row.calls)
        )
    wide = None if sys.stdout.isatty() else 200  # what goes into a pipe is not folded
    Console(markup=False, width=wide).print(table)


def list_first(options: Stored) -> None:
    """Without an action, they are listed. Example: tuner runs show last"""
    listed(of.RunsList(store=options.store))


def show(options: of.OneRun) -> None:
    """Print a run's answer again."""
    from tuner.api.stored import open_run
    from tuner.cli.show import print_result

    print_result(open_run(options.run, store=options.store))


def delete(options: of.RunsDelete) -> None:
    """Delete a run with everything measured in it."""
    from tuner.api.stored import delete_run, run_named

    found = run_named(options)
    if not options.yes:
        typer.confirm(f"Delete run {found.run} of {found.target}?", abort=True)
    delete_run(options.but(run=found.run))
    typer.echo(f"Deleted {found.run}.")


def export(options: of.RunsExport) -> None:
    """Write a run to a file that any command takes in place of RUN.

    Example: tuner runs export last samples.csv
    """
    from tuner.api.stored import export_run

    export_run(options, typer.echo)


def import_(options: of.RunsImport) -> None:
    """Add an exported run to the store, or what aws-lambda-power-tuning has measured."""
    from tuner.api.sweep import import_run

    found = import_run(options.file, options.store)
    typer.echo(f"Imported {found.run} of {found.target}.")


def copy(options: of.RunsCopy) -> None:
    """Copy runs into another store, with all that was measured; those it has are left alone."""
    from tuner.api.stored import copied

    found, where = copied(options)
    runs, already = counted(len(found.runs), "run"), counted(len(found.there_already), "run")
    there = f" There already: {already}." if found.there_already else ""
    typer.echo(f"Copied {runs} ({found.samples:,} samples) to {where}.{there}")
    for each in found.left:
        typer.echo(f"tuner: {each}", err=True)
    if found.left:
        left = counted(len(found.left), "run")
        raise Partial("runs copy", f"left behind: {left}", "The rest is copied.")


def deliver(options: Stored) -> None:
    """Bring what waits in .tuner/spool, as its store was away, into the store.

    Every command does so as well, for the store that it uses.
    """
    from tuner.api.stored import delivered

    for line in delivered(options):
        typer.echo(line)


def thin(options: of.RunsThin) -> None:
    """Replace the samples of old runs by histograms: percentiles stay, single calls go.

    What such a run can no longer tell is said wherever it is used.
    """
    from tuner.api.stored import to_thin
    from tuner.units import write_seconds

    found = to_thin(options)
    for each in found.found:
        if each.left:
            typer.echo(f"{each.run} stays whole: {each.left}.")
    if not found.wanted:
        typer.echo(f"Nothing to thin that is older than {write_seconds(found.age_s)}.")
        return
    if not options.yes:
        if not sys.stdin.isatty():
            raise TunerError("runs thin", "needs a confirmation", "Add --yes.")
        samples = sum(each.samples for each in found.wanted)
        wanted = counted(len(found.wanted), "run")
        typer.confirm(f"Thin {samples:,} samples of {wanted} for good?", abort=True)
    for run, samples in found.thin():
        typer.echo(f"{run}: {samples:,} samples thinned.")


runs = group(
    list_first,
    {
        "thin": thin,
        "list": listed,
        "show": show,
        "delete": delete,
        "export": export,
        "import": import_,
        "copy": copy,
        "deliver": deliver,
    },
)

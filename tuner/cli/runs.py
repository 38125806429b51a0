"""``tuner runs``: list, show, delete, copy, thin, deliver, export and import stored runs."""

import sys
import time
from datetime import UTC, datetime

import typer

from tuner.cli.command import CONTEXT, command
from tuner.errors import Partial, TunerError
from tuner.options import manage as of


def listed(options: of.RunsList) -> None:
    """List the stored runs with their answers, the newest first."""
    from rich.console import Console
    from rich.table import Table

    from tuner.api.runs import listing

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


def show(options: of.OneRun) -> None:
    """Print a run's answer again."""
    from rich.console import Console

    from tuner.api.results import SweepResult
    from tuner.api.stored import open_run
    from tuner.report.terminal import print_load, print_report

    result, console = open_run(options.run, store=options.store), Console(highlight=False)
    if isinstance(result, SweepResult):
        print_report(result.sweep, console)
    else:
        print_load(result.to_dict(), console)


def delete(options: of.RunsDelete) -> None:
    """Delete a run with everything measured in it."""
    from tuner.store.runs import Store

    with Store.open(options.store, create=False) as opened:
        found = opened.run(options.run)
        if not options.yes:
            typer.confirm(f"Delete run {found.run} of {found.target}?", abort=True)
        opened.delete(found.run)
    typer.echo(f"Deleted {found.run}.")


def export(options: of.RunsExport) -> None:
    """Write a run to a file that any command takes in place of RUN."""
    from tuner.store.runs import Store

    with Store.open(options.store, create=False) as opened:
        found = opened.run(options.run)
        opened.export(found.run, options.file)
    typer.echo(f"Wrote {found.run} to {options.file}.")


def import_(options: of.RunsImport) -> None:
    """Add an exported run to the store, or what aws-lambda-power-tuning has measured."""
    from tuner.api.sweep import import_run

    found = import_run(options.file, options.store)
    typer.echo(f"Imported {found.run} of {found.target}.")


def copy(options: of.RunsCopy) -> None:
    """Copy runs into another store, with all that was measured; those it has are left alone."""
    from tuner.store.copying import copy_runs
    from tuner.store.runs import Store

    with Store.open(options.store, create=False) as source:
        wanted = [source.run(each).run for each in options.run] or None
        with Store.open(options.to) as target:
            copied = copy_runs(source, target, wanted)
            where = target.where
    there = f" There already: {_runs(len(copied.there_already))}." if copied.there_already else ""
    typer.echo(f"Copied {_runs(len(copied.runs))} ({copied.samples:,} samples) to {where}.{there}")
    for each in copied.left:
        typer.echo(f"tuner: {each}", err=True)
    if copied.left:
        raise Partial("runs copy", f"left behind: {_runs(len(copied.left))}", "The rest is copied.")


def deliver(options: of.RunsDeliver) -> None:
    """Bring what waits in .tuner/spool, as its store was away, into the store.

    Every command does so as well, for the store that it uses.
    """
    from tuner.store import spool
    from tuner.store.runs import Store

    if not spool.waiting():
        typer.echo("Nothing waits in .tuner/spool.")
        return
    with Store.open(options.store, deliver=False) as opened:
        for file in opened.delivered():
            typer.echo(f"Delivered {file.samples:,} samples of {file.head.run.run}.")
        where = opened.where
    if left := spool.waiting():
        reason = f"left in .tuner/spool: {', '.join(path.name for path in left)}"
        fix = f"They are not of {where}, or cannot be delivered yet: name their store with --store."
        raise Partial("runs deliver", reason, fix)


def thin(options: of.RunsThin) -> None:
    """Replace the samples of old runs by histograms: percentiles stay, single calls go.

    What such a run can no longer tell is said wherever it is used.
    """
    from tuner.api.runs import age_to_thin, rule_for
    from tuner.store.retention import judged, thin_run
    from tuner.store.runs import Store
    from tuner.units import write_seconds

    now, age_s = time.time(), age_to_thin(options)
    rule = rule_for(now - age_s, options.smallest)
    with Store.open(options.store, create=False) as opened:
        found = judged(opened, rule)
        for each in found:
            if each.left:
                typer.echo(f"{each.run} stays whole: {each.left}.")
        wanted = [each for each in found if not each.left]
        if not wanted:
            typer.echo(f"Nothing to thin that is older than {write_seconds(age_s)}.")
            return
        _ask_to_thin(len(wanted), sum(each.samples for each in wanted), options.yes)
        for each in wanted:
            typer.echo(f"{each.run}: {thin_run(opened, each.run, rule, now):,} samples thinned.")
        opened.compact()


def _ask_to_thin(runs: int, samples: int, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise TunerError("runs thin", "needs a confirmation", "Add --yes.")
    typer.confirm(f"Thin {samples:,} samples of {_runs(runs)} for good?", abort=True)


def _runs(number: int) -> str:
    return f"{number:,} run" + ("" if number == 1 else "s")


runs = typer.Typer(add_completion=False, context_settings=CONTEXT)


def list_first(options: of.RunsStore) -> None:
    """Without an action, they are listed. Example: tuner runs show last"""
    listed(of.RunsList(store=options.store))


runs.callback(invoke_without_command=True)(command(of.RunsStore, list_first))
for _name, _of, _run in (
    ("thin", of.RunsThin, thin),
    ("list", of.RunsList, listed),
    ("show", of.OneRun, show),
    ("delete", of.RunsDelete, delete),
    ("export", of.RunsExport, export),
    ("import", of.RunsImport, import_),
    ("copy", of.RunsCopy, copy),
    ("deliver", of.RunsDeliver, deliver),
):
    runs.command(_name)(command(_of, _run))  # type: ignore[arg-type]

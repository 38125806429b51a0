"""``tuner runs``: list, show, delete, copy, thin, deliver, export and import stored runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli import options as o
from tuner.cli.thin import thin

runs = typer.Typer(
    help="List, show, delete, copy, thin, deliver, export and import stored runs.",
    no_args_is_help=False,
)

Limit = Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")]
runs.command()(thin)


@runs.callback(invoke_without_command=True)
def _default(context: typer.Context, store: o.StoreUrl = None) -> None:
    """List runs when no other action is named."""
    if context.invoked_subcommand is None:
        listed(store=store)


@runs.command("list")
def listed(limit: Limit = 20, store: o.StoreUrl = None) -> None:
    """List the stored runs, the newest first."""
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.table import Table

    from tuner.store.runs import Store

    table = Table(box=None)
    for column in ("run", "started (UTC)", "command", "target", "state", "calls"):
        least = 26 if column == "run" else None  # an id that is cut would be of no use
        table.add_column(column, no_wrap=column != "target", overflow="fold", min_width=least)
    with Store.open(store, create=False) as opened:
        counts = opened.counts()
        for run in opened.runs(limit):
            state = "crashed" if opened.crashed(run.run) else run.state.value
            started = datetime.fromtimestamp(run.started_at, UTC).strftime("%m-%d %H:%M")
            count = str(counts.get(run.run, 0))
            table.add_row(run.run, started, run.command, run.target, state, count)
    wide = None if sys.stdout.isatty() else 200  # what goes into a pipe is not folded
    Console(markup=False, width=wide).print(table)


@runs.command()
def show(run: o.RunArg, store: o.StoreUrl = None) -> None:
    """Print a run's answer again."""
    from rich.console import Console

    from tuner.api.load import stored_load
    from tuner.experiment.recommend import recommend_run
    from tuner.report.terminal import print_load, print_report

    document = stored_load(run, store)
    if document is not None:
        print_load(document, Console(highlight=False))
        return
    print_report(recommend_run(run, store, among=None), Console(highlight=False))


@runs.command()
def delete(run: o.RunArg, yes: o.Yes = False, store: o.StoreUrl = None) -> None:
    """Delete a run with everything measured in it."""
    from tuner.store.runs import Store

    with Store.open(store, create=False) as opened:
        found = opened.run(run)
        if not yes:
            typer.confirm(f"Delete run {found.run} of {found.target}?", abort=True)
        opened.delete(found.run)
    typer.echo(f"Deleted {found.run}.")


@runs.command()
def export(
    run: o.RunArg,
    file: Annotated[Path, typer.Argument(help="File to write; .gz compresses.")],
    store: o.StoreUrl = None,
) -> None:
    """Write a run to a file that any command takes in place of RUN."""
    from tuner.store.runs import Store

    with Store.open(store, create=False) as opened:
        found = opened.run(run)
        opened.export(found.run, file)
    typer.echo(f"Wrote {found.run} to {file}.")


@runs.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="File that `tuner runs export` wrote, or the JSON output of "
            "aws-lambda-power-tuning."
        ),
    ],
    store: o.StoreUrl = None,
) -> None:
    """Add an exported run to the store, or what aws-lambda-power-tuning has measured."""
    from tuner.api.sweep import import_run

    found = import_run(file, store)
    typer.echo(f"Imported {found.run} of {found.target}.")


@runs.command()
def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to", help="Store to add them to: a file, or postgresql+psycopg://...", metavar="URL"
        ),
    ],
    run: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Which runs; all of them by default."),
    ] = None,
    store: o.StoreUrl = None,
) -> None:
    """Copy runs into another store, with all that was measured; those it has are left alone."""
    from tuner.errors import Partial
    from tuner.store.copying import copy_runs
    from tuner.store.runs import Store

    with Store.open(store, create=False) as source:
        wanted = [source.run(each).run for each in run] if run else None
        with Store.open(to) as target:
            copied = copy_runs(source, target, wanted)
            where = target.where
    there = f" There already: {_runs(len(copied.there_already))}." if copied.there_already else ""
    typer.echo(f"Copied {_runs(len(copied.runs))} ({copied.samples:,} samples) to {where}.{there}")
    for each in copied.left:
        typer.echo(f"tuner: {each}", err=True)
    if copied.left:
        raise Partial("runs copy", f"left behind: {_runs(len(copied.left))}", "The rest is copied.")


@runs.command()
def deliver(store: o.StoreUrl = None) -> None:
    """Bring what waits in .tuner/spool, as its store was away, into the store.

    Every command does so as well, for the store that it uses.
    """
    from tuner.errors import Partial
    from tuner.store import spool
    from tuner.store.runs import Store

    if not spool.waiting():
        typer.echo("Nothing waits in .tuner/spool.")
        return
    with Store.open(store, deliver=False) as opened:
        for file in opened.delivered():
            typer.echo(f"Delivered {file.samples:,} samples of {file.head.run.run}.")
        where = opened.where
    if left := spool.waiting():
        reason = f"left in .tuner/spool: {', '.join(path.name for path in left)}"
        fix = f"They are not of {where}, or cannot be delivered yet: name their store with --store."
        raise Partial("runs deliver", reason, fix)


def _runs(number: int) -> str:
    return f"{number:,} run" + ("" if number == 1 else "s")

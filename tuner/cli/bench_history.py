"""``tuner bench history``: the runs of a suite over time, as a page."""

from pathlib import Path
from typing import Annotated

import typer

from tuner.cli import options as o

SuiteName = Annotated[
    str | None,
    typer.Option("--name", metavar="SUITE", help="Which suite (default: that of the last run)."),
]
Environment = Annotated[
    str | None, typer.Option("--environment", help="Runs in this environment of the suite.")
]
Branch = Annotated[
    str | None,
    typer.Option("--branch", help="Runs of this branch (default: the one with most runs)."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="The newest so many runs.")]
Reports = Annotated[
    int,
    typer.Option(
        "--reports", min=0, help="Write so many reports of runs that have none, the newest first."
    ),
]


def history(
    name: SuiteName = None,
    environment: Environment = None,
    branch: Branch = None,
    limit: Limit = 1000,
    reports: Reports = 10,
    store: o.StoreUrl = None,
    output: o.Output = Path("reports"),
    quiet: o.Quiet = False,
) -> None:
    """Write a page of a suite's runs over time, with the changes of level and both runs' reports.

    Example: tuner bench history --branch main
    """
    from tuner.report.history_series import history_of
    from tuner.report.pages import write_history, write_missing_reports
    from tuner.store.benches import Benches
    from tuner.store.runs import Store

    with Store.open(store, create=False) as opened:
        benches = Benches(opened)
        last = benches.find("last", name)
        where = last.environment if environment is None else environment
        found = history_of(benches.all(last.suite, where), branch)[-limit:]
    documents = [bench.document for bench in found]
    write_missing_reports(documents, store, output, reports)
    path = write_history(documents, output)
    if not quiet:
        typer.echo(f"History: {path}")

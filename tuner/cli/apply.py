"""``tuner apply``: set what was recommended, on the function or in the code that manages it."""

import sys
from typing import TYPE_CHECKING

import typer

from tuner.errors import TunerError
from tuner.options.manage import ApplyCommand

if TYPE_CHECKING:
    from tuner.decide.result import Sweep


def apply(options: ApplyCommand) -> None:
    """Sets them on the function, or in the file that manages it.

    Examples: tuner apply last --alias live --steps 10%,50%
    tuner apply last --file template.yaml --resource Orders --write
    """
    from tuner.experiment.recommend import recommend_run

    result = recommend_run(options.run, options.store)
    if options.file is not None:
        _patch(result, options)
    elif options.undo:
        _undo(result, options)
    else:
        _apply(result, options)


def _patch(result: "Sweep", options: ApplyCommand) -> None:
    from tuner.api.apply import patch_of, values_of

    assert options.file is not None
    values = values_of(result, options)
    found = patch_of(options.file, values, options.resource)
    typer.echo(found.diff or f"{options.file} has {values} already", nl=not found.diff)
    if found.diff and options.write:
        found.write()
        typer.echo(f"Wrote {options.file}; deploy it.", err=True)
    elif found.diff:
        typer.echo("Nothing changed. Add --write to write the file.", err=True)


def _apply(result: "Sweep", options: ApplyCommand) -> None:
    from tuner.api.apply import change_of, open_application, values_of
    from tuner.cli.interrupt import end_on_signals
    from tuner.cli.restore import offer_restore

    change, values = change_of(result, options), values_of(result, options)
    offer_restore(yes=options.yes)
    application = open_application(result, options, typer.echo)
    if stack := application.stack():
        typer.echo(
            f"tuner: {result.run.target} belongs to the stack {stack}, whose next deployment sets "
            "its own memory; --file patches its template instead.",
            err=True,
        )
    to = f" and move {change.alias} to a new version" if change.alias else ""
    if not options.yes and not _agreed(f"Set {result.run.target} to {values}{to}?"):
        raise TunerError("", "Nothing changed. Add --yes to apply.")
    with end_on_signals():
        done = application.apply(change)
    if done is None:
        typer.echo(f"{result.run.target} has {values} already")
    else:
        typer.echo(f"Applied; `tuner apply {result.run.run} --undo` undoes it.")


def _undo(result: "Sweep", options: ApplyCommand) -> None:
    from tuner.api.apply import open_application
    from tuner.api.left import RECORDS
    from tuner.aws.applied import read_record, record_path
    from tuner.cli.interrupt import end_on_signals

    application = open_application(result, options, typer.echo)
    with end_on_signals():
        application.undo(read_record(record_path(RECORDS, result.run.run)))
    typer.echo(f"Undone: what was applied from run {result.run.run}.")


def _agreed(question: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(question, False, err=True)

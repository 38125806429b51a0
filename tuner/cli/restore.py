"""``tuner restore``: restore every function that an interrupted command left changed.

Other commands offer the same before they begin (:func:`offer_restore`).
"""

import sys
from pathlib import Path

import typer

from tuner.api.left import JOURNAL, RECORDS, Elsewhere, Left, Tell, look
from tuner.errors import TunerError
from tuner.options.manage import RestoreCommand


def restore(options: RestoreCommand) -> None:
    """Safe at any time. Uses the region, credentials and endpoint of the interrupted run unless
    you give others.
    """
    found, problems = look()
    if not found and not problems:
        typer.echo("nothing to restore")
        return
    if options.list_only:
        for left in found:
            typer.echo(left.line())
    else:
        where = Elsewhere(options.region, options.profile, options.endpoint_url)
        problems += restore_pending(found, typer.echo, where)
    if problems:
        for problem in problems[:-1]:
            typer.echo(f"tuner: {problem}", err=True)
        raise problems[-1]


def restore_pending(
    found: list[Left], tell: Tell, where: Elsewhere | None = None
) -> list[TunerError]:
    """Restore each function; gives the errors of those that could not be, which stay pending.

    What is left by processes that are alive is not touched.
    """
    problems: list[TunerError] = []
    for left in found:
        if left.running:
            tell(f"{left.function}: still {left.running}")
            continue
        try:
            done = left.restore(tell, where or Elsewhere())
        except TunerError as error:
            problems.append(error)
            tell(left.said())
        except KeyboardInterrupt:
            tell(left.said())
            raise
        else:
            tell(f"{left.function}: {'restored' if done else 'restored by another run'}")
    return problems


def offer_restore(yes: bool, journal: Path = JOURNAL, records: Path = RECORDS) -> None:
    """Before a command begins: offer to restore what an earlier, interrupted one left changed.

    With ``yes`` it is done without asking; without a terminal there is only a warning.
    """
    found, problems = look(journal, records)
    gone = [left for left in found if not left.running]
    for problem in problems:
        typer.echo(f"tuner: {problem}", err=True)
    if not gone:
        return
    names = ", ".join(dict.fromkeys(left.function for left in gone))
    typer.echo(f"tuner: an interrupted run left {names} changed", err=True)
    if not yes and not (sys.stdin.isatty() and typer.confirm("Restore now?", True, err=True)):
        typer.echo("`tuner restore` restores it.", err=True)
        return
    for problem in restore_pending(gone, lambda text: typer.echo(text, err=True)):
        typer.echo(f"tuner: {problem}", err=True)

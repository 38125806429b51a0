"""``tuner restore``: put back every function that an interrupted command left changed.

Other commands offer the same before they begin (:func:`offer_restore`).
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.left import JOURNAL, RECORDS, Left, Tell, look
from tuner.errors import TunerError

Dry = Annotated[bool, typer.Option("--list", help="Only show what would be put back.")]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", help="Credentials to use, if not those of the interrupted run."),
]


def restore(list_only: Dry = False, profile: ProfileOption = None) -> None:
    """Put back every function that an interrupted run or apply left changed. Safe at any time."""
    found, problems = look()
    if not found and not problems:
        typer.echo("nothing to put back")
        return
    if list_only:
        for left in found:
            typer.echo(left.line())
    else:
        problems += restore_pending(found, typer.echo, profile)
    if problems:
        for problem in problems[:-1]:
            typer.echo(f"tuner: {problem}", err=True)
        raise problems[-1]


def restore_pending(found: list[Left], tell: Tell, profile: str | None = None) -> list[TunerError]:
    """Put back each function; gives the errors of those that could not be, which stay pending.

    What is left by processes that are alive is not touched.
    """
    problems: list[TunerError] = []
    for left in found:
        if left.running:
            tell(f"{left.function}: still {left.running}")
            continue
        try:
            done = left.put_back(tell, profile)
        except TunerError as error:
            problems.append(error)
        else:
            tell(f"{left.function}: {'put back' if done else 'put back by another run'}")
    return problems


def offer_restore(yes: bool, journal: Path = JOURNAL, records: Path = RECORDS) -> None:
    """Before a command begins: offer to put back what an earlier, interrupted one left changed.

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
    if not yes and not (sys.stdin.isatty() and typer.confirm("Put back now?", True, err=True)):
        typer.echo("`tuner restore` puts it back.", err=True)
        return
    for problem in restore_pending(gone, lambda text: typer.echo(text, err=True)):
        typer.echo(f"tuner: {problem}", err=True)

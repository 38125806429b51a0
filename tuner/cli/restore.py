"""``tuner restore``: put back every function that an interrupted run left changed.

Other commands offer the same before they begin (:func:`offer_restore`). Looking whether there is
anything costs no more than listing a directory.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.errors import TargetError, TunerError

if TYPE_CHECKING:
    from tuner.aws.journal import Entry

Tell = Callable[[str], None]

#: Where runs journal what they change, in the working directory.
JOURNAL = Path(".tuner/journal")

Dry = Annotated[bool, typer.Option("--list", help="Only show what would be put back.")]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", help="Credentials to use, if not those of the interrupted run."),
]


def restore(list_only: Dry = False, profile: ProfileOption = None) -> None:
    """Put back every function that an interrupted run left changed. Safe to run at any time."""
    entries, problems = _look(JOURNAL)
    if not entries and not problems:
        typer.echo("nothing to put back")
        return
    if list_only:
        for entry in entries:
            typer.echo(_line(entry))
    else:
        problems += restore_pending(entries, typer.echo, profile)
    if problems:
        for problem in problems[:-1]:
            typer.echo(f"tuner: {problem}", err=True)
        raise problems[-1]


def restore_pending(
    entries: "list[Entry]", tell: Tell, profile: str | None = None
) -> list[TunerError]:
    """Put back each function; gives the errors of those that could not be, which stay pending.

    Journals of runs that are alive are left alone.
    """
    problems: list[TunerError] = []
    for entry in entries:
        if entry.running:
            tell(f"{entry.opening.function}: still being measured (process {entry.opening.pid})")
            continue
        try:
            done = _restore_one(entry, profile)
        except TunerError as error:
            problems.append(_with_way_out(error, entry))
        else:
            tell(f"{entry.opening.function}: {'put back' if done else 'put back by another run'}")
    return problems


def offer_restore(yes: bool, directory: Path = JOURNAL) -> None:
    """Before a command begins: offer to put back what an earlier, interrupted run left changed.

    With ``yes`` it is done without asking; without a terminal there is only a warning.
    """
    entries, problems = _look(directory)
    left = [entry for entry in entries if not entry.running]
    for problem in problems:
        typer.echo(f"tuner: {problem}", err=True)
    if not left:
        return
    names = ", ".join(dict.fromkeys(entry.opening.function for entry in left))
    typer.echo(f"tuner: an interrupted run left {names} changed", err=True)
    if not yes and not (sys.stdin.isatty() and typer.confirm("Put back now?", True, err=True)):
        typer.echo("`tuner restore` puts it back.", err=True)
        return
    for problem in restore_pending(left, lambda text: typer.echo(text, err=True)):
        typer.echo(f"tuner: {problem}", err=True)


def _look(directory: Path) -> "tuple[list[Entry], list[TunerError]]":
    """The journals that there are, and what cannot be read of them."""
    if not directory.is_dir():
        return [], []
    from tuner.aws.journal import journal_files, read_entry

    entries: list[Entry] = []
    problems: list[TunerError] = []
    for path in journal_files(directory):
        try:
            entry = read_entry(path)
        except TunerError as error:
            problems.append(error)
        else:
            entries += [entry] if entry else []
    return entries, problems


def _restore_one(entry: "Entry", profile: str | None) -> bool:
    from tuner.aws.control import Control
    from tuner.aws.putback import restore as put_back
    from tuner.aws.session import SessionOptions, open_session

    opening = entry.opening
    session = open_session(
        SessionOptions(
            opening.region,
            profile or opening.profile,
            opening.endpoint_url,
            assume_role=opening.assume_role,
        )
    )
    return put_back(entry, Control(session))


def _with_way_out(error: TunerError, entry: "Entry") -> TunerError:
    """A local Lambda that is gone for good would otherwise be asked for ever."""
    from tuner.aws.session import is_loopback

    if isinstance(error, TargetError) and is_loopback(entry.opening.endpoint_url):
        fix = f"Start the service again; or delete {entry.path} if the function is gone for good."
        return type(error)(error.thing, error.reason, fix)
    return error


def _line(entry: "Entry") -> str:
    before = entry.opening.before
    state = "being measured" if entry.running else "left changed"
    return f"{entry.opening.arn}: {state}; had {before.memory_mb} MB"

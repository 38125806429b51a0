"""``tuner apply``: set what was recommended, on the function or in the code that manages it; and
``tuner restore``: restore every function that an interrupted command left changed.

Other commands offer to restore before they begin (:func:`offer_restore`).
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tuner.api.left import JOURNAL, RECORDS, Left, Tell, look, look_at
from tuner.cli.interrupt import end_on_signals
from tuner.cli.last_words import say
from tuner.errors import TargetError, TunerError
from tuner.options.function import Account
from tuner.options.manage import ApplyCommand, RestoreCommand
from tuner.targets.names import parse_target

if TYPE_CHECKING:
    from tuner.api.apply import Recommended


def apply(options: ApplyCommand) -> None:
    """Sets them on the function, or in the file that manages it.

    Examples: tuner apply last --alias live --steps 10%,50%
    tuner apply last --file template.yaml --resource Orders --write
    """
    from tuner.api.apply import Recommended
    from tuner.cli.show import say_last

    say_last(options.run, options.store)
    found = Recommended(options)
    if options.file is not None:
        _patch(found, options.file)
    elif options.undo:
        with end_on_signals():
            found.undo(tell)
        typer.echo(f"Undone: what was applied from run {found.run}.")
    else:
        _apply(found, yes=options.yes)


def _patch(found: "Recommended", file: Path) -> None:
    from tuner.api.apply import patch_of

    patch = patch_of(file, found.values, found.options.resource)
    if not patch.diff:
        typer.echo(f"{file} has {found.values} already")
        return
    typer.echo(patch.diff, nl=False)
    if found.options.write:
        patch.write()
        typer.echo(f"Wrote {file}; deploy it.", err=True)
    else:
        typer.echo("Nothing changed. Add --write to write the file.", err=True)


def _apply(found: "Recommended", *, yes: bool) -> None:
    change = found.change()
    offer_restore(yes=yes)
    application = found.open(tell)
    if stack := application.stack():
        typer.echo(
            f"tuner: {found.target} belongs to the stack {stack}, whose next deployment sets "
            "its own memory; --file patches its template instead.",
            err=True,
        )
    to = f" and move {change.alias} to a new version" if change.alias else ""
    if not yes and not _agreed(f"Set {found.target} to {found.values}{to}?"):
        raise TunerError("", "Nothing changed. Add --yes to apply.")
    with end_on_signals():
        done = application.apply(change)
    if done is None:
        typer.echo(f"{found.target} has {found.values} already")
    else:
        typer.echo(f"Applied; `tuner apply {found.run} --undo` undoes it.")


def tell(text: str) -> None:
    """Write a line to standard output, if that can be: what is being done to a function goes on
    without it. The end of the command says what was lost."""
    with suppress(OSError):
        typer.echo(text)


def _agreed(question: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(question, False, err=True)


def restore(options: RestoreCommand) -> None:
    """It undoes only what runs have set, so it may be repeated. Uses the region, credentials and
    endpoint of the interrupted run unless you give others. With TARGET it works from any directory
    and machine, once that run has ended.
    """
    found, problems = look()
    if options.target is not None:
        found, problems = _of_function(options.target, found), []
        found += look_at(options.target, options, {left.run for left in found})
    if not found and not problems:
        if options.target is None and not _here():
            reason = "was deleted, and with it what runs have kept in it"
            fix = "Run `tuner restore FUNCTION`, which works from any directory."
            raise TargetError("this directory", reason, fix)
        typer.echo("nothing to restore")
        return
    if options.list_only:
        for left in found:
            typer.echo(left.line())
    else:
        problems += restore_pending(found, tell, options)
    if problems:
        for problem in problems[:-1]:
            typer.echo(f"tuner: {problem}", err=True)
        raise problems[-1]


def _here() -> bool:
    with suppress(FileNotFoundError):
        return bool(os.getcwd())  # noqa: PTH109 - Path.cwd is the same, and longer
    return False


def _of_function(target: str, found: list[Left]) -> list[Left]:
    """What is known here of one function, named as its user pleases."""
    own = parse_target(target).function.rsplit(":", 1)[-1]
    return [left for left in found if left.arn.rsplit(":", 1)[-1] == own]


def restore_pending(
    found: list[Left], tell: Tell, where: Account | None = None
) -> list[TunerError]:
    """Restore each function; gives the errors of those that could not be, which stay pending.

    What is left by processes that are alive is not touched.
    """
    problems: list[TunerError] = []
    for left in found:
        if left.running:
            tell(f"{left.function}: still {left.running}")
            continue
        place = where or Account()
        try:
            with end_on_signals():
                done = left.restore(tell, place)
        except TunerError as error:
            # What is to be done by hand, a further `tuner restore` would refuse again.
            more = "" if "by hand" in error.fix else left.as_it_is(place).said()
            fix = f"{error.fix} {more}".strip()
            problems.append(type(error)(error.thing, error.reason, fix))
        except KeyboardInterrupt:
            reason = "interrupted while it was being restored"
            raise TargetError(left.function, reason, left.as_it_is(place).said()) from None
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
    for problem in restore_pending(gone, say):
        say(f"tuner: {problem}")

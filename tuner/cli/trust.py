"""``tuner trust``, and the question of a command that ``tuner.toml`` makes do something."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tuner.errors import UsageError
from tuner.options.suites import TrustCommand

if TYPE_CHECKING:
    from tuner.api.trust import Named


def trust(options: TrustCommand) -> None:
    """Shows what it names: what runs code, or sends or writes something elsewhere. If that changes,
    commands ask again.
    """
    from tuner.api import trust as api

    path, named = options.suite, api.named_in(options.suite)
    if not path.is_file():
        raise UsageError(str(path), "there is no such file", "Go to its folder, or give --suite.")
    if options.revoke:
        done = "is not trusted any longer" if api.revoke(path) else "was not trusted"
        typer.echo(f"{path} {done}.")
    elif not named:
        typer.echo(f"{path} names nothing that you have to allow.")
    else:
        _list(path, named)
        if not options.show:
            api.trust(path, named)
        known = api.is_trusted(path, named)
        typer.echo("Trusted; --revoke ends that." if known else "Not trusted.")


def allow(path: Path, used: "Callable[[Named], bool]", *, yes: bool = False) -> None:
    """Ask the user for what a file names, if something of it is used; raises UsageError."""
    from tuner.api import trust as api

    named = api.untrusted(path, used)
    if not named:
        return
    if yes or not sys.stdin.isatty():
        raise api.refusal(path, named)
    _list(path, named, err=True)
    if not typer.confirm("Did you write it, or read it, and allow it?", False, err=True):
        raise api.refusal(path, named)
    api.trust(path, named)


def _list(path: Path, named: "tuple[Named, ...]", *, err: bool = False) -> None:
    typer.echo(f"{path} names", err=err)
    for each in named:
        typer.echo(f"  {each}", err=err)

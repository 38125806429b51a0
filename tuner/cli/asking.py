"""Asks before something is begun that others may feel."""

import sys

import typer

from tuner.errors import TunerError


def ask_first(command: str, why: str | None, yes: bool) -> None:
    """Ask whether to begin although ``why``; raises TunerError for a no, or if nobody answers."""
    if why is None or yes:
        return
    fix = "Lower --max-concurrency, or add --yes."
    if not sys.stdin.isatty():
        raise TunerError(command, why[0].lower() + why[1:], fix)
    if not typer.confirm(f"{why} Begin?", False, err=True):
        raise TunerError(command, "was not begun", fix)

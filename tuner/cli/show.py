"""How a command hands over its answer: the terminal, the report's file, JSON, the exit code."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tuner.errors import TunerError, unwritable

if TYPE_CHECKING:
    from tuner.api.results import Result
    from tuner.options.output import Shown

_STORED = "The run is stored: `tuner report last --json FILE` writes it again."


def hand_over(result: "Result", shown: "Shown", output: Path | None = None) -> None:
    """Write the report and the JSON, print the answer, and exit; nothing measured is lost on the
    way.

    What cannot be written is an error only after everything else was shown.
    """
    failures: list[TunerError] = []
    if output is not None:
        try:
            result = result.written(output)
        except TunerError as error:
            failures.append(error)
    if shown.json_to is not None:
        try:
            write_document(result.to_dict(), shown.json_to, _STORED)
        except TunerError as error:
            failures.append(error)
    if shown.json_to != "-":
        print_result(result, quiet=shown.quiet)
    elif result.exit_code == 1:  # there is no answer, and stdout is for its JSON
        print(f"tuner: {result.view().name}: {result.sentence}", file=sys.stderr)
    if failures:
        raise failures[0]
    raise typer.Exit(result.exit_code)


def say_last(ref: str | None, store_url: str | None) -> None:
    """Say which run `last` is, where a newer one is of another kind."""
    if ref == "last":
        from tuner.api.stored import said_of_last

        if said := said_of_last(store_url):
            typer.echo(f"tuner: {said}", err=True)


def print_result(result: "Result", *, quiet: bool = False) -> None:
    """Print what a person needs to decide, or the answer alone."""
    from rich.console import Console

    console = Console(highlight=False)
    if quiet:
        console.print(result.sentence, markup=False, soft_wrap=True)
    else:
        result.print(console)


def write_document(document: Mapping[str, Any], to: str, fix: str = "Choose another file.") -> None:
    """Write a document as JSON, to stdout for ``-``; raises TunerError where that fails."""
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    if to == "-":
        sys.stdout.write(f"{text}\n")
        return
    _write(f"{text}\n", Path(to), "--json", fix)


def write_csv(text: str, to: Path) -> None:
    """Write a table as CSV; raises TunerError where that fails."""
    _write(text, to, "--csv", "Choose another file.")


def _write(text: str, to: Path, option: str, fix: str) -> None:
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(f"{option} {to}", error, fix) from None

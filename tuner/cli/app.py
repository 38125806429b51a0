"""The command line: registers every command and turns our errors into exit codes."""

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tuner import __version__
from tuner.cli import (
    apply,
    bench,
    cold,
    compare,
    doctor,
    load,
    local,
    plan,
    policy,
    prices,
    recommend,
    report,
    restore,
    runs,
    schedule,
    sweep,
    worker,
)
from tuner.errors import TunerError

app = typer.Typer(
    name="tuner",
    help="Which configuration should this Lambda function run with? Measures, then decides.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(sweep.sweep)
app.command()(load.load)
app.command()(cold.cold)
app.command()(plan.plan)
app.command()(recommend.recommend)
app.command()(report.report)
app.command()(compare.compare)
app.add_typer(runs.runs, name="runs")
app.add_typer(bench.bench, name="bench")
app.command()(schedule.schedule)
app.command()(apply.apply)
app.command()(restore.restore)
app.command()(policy.policy)
app.command()(doctor.doctor)
app.command()(prices.prices)
app.command()(local.local)
app.command()(worker.worker)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tuner {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the command."""


def _defaults(words: Sequence[str]) -> dict[str, Any]:
    """What ``tuner.toml`` says; help is shown whatever that is."""
    if {"-h", "--help", "--version"} & {*words} or not Path("tuner.toml").is_file():
        return {}
    from tuner.cli.defaults import read_defaults

    command: Any = typer.main.get_command(app)
    return read_defaults(command.commands)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line; exit as the contract says, with errors in one or two lines."""
    # The matrices here are small: more threads only burn the CPU that is being measured on.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # What loading allocates stays to the end: to search it for garbage again and again, and once
    # more at exit, takes a tenth of the time of a short command.
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)
    words = sys.argv[1:] if words is None else words
    debug = "--debug" in words  # wherever it stands
    try:
        app(args=[word for word in words if word != "--debug"], default_map=_defaults(words))
    except TunerError as error:
        if debug:
            raise
        typer.echo(f"tuner: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("tuner: interrupted", err=True)
        sys.exit(130)

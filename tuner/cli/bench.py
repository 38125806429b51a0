"""``tuner bench``: run the suite in ``tuner.toml`` and say what regressed; ``tuner schedule``."""

import sys

import typer

from tuner.cli.command import given_in, group
from tuner.errors import TunerError, UsageError
from tuner.options import suites as of
from tuner.units import counted


def run(options: of.BenchCommand) -> None:
    """Example: tuner bench --against git:main"""
    from tuner.api.suites import bench_suite
    from tuner.cli.progress import watched
    from tuner.cli.show import print_result
    from tuner.cli.trust import allow
    from tuner.outputs.write import Outputs

    allow(options.suite, lambda named: named.of_suite)
    written = {name: getattr(options, name) for name in of.Written.names()}
    outputs = Outputs(**written, json=options.json_to).checked()
    quiet = options.quiet or outputs.on_stdout
    with watched(quiet=quiet, live=not options.no_progress) as progress:
        result = bench_suite(options, progress)
    if not outputs.on_stdout:
        print_result(result, quiet=options.quiet)
    code = result.exit_code
    try:
        outputs.write(result.to_dict())
    except TunerError as error:
        typer.echo(f"tuner: {error}", err=True)
        code = code or error.exit_code  # the exit code is not good if an output failed
    raise typer.Exit(code)


def init(options: of.BenchInit) -> None:
    """Write a suite with every key explained, for a function or each function of a template."""
    from tuner.api.suites import new_suite

    cases = new_suite(options)
    names = ", ".join(cases)
    typer.echo(f"Wrote {options.suite} with {counted(len(cases), 'case')}: {names}.")
    typer.echo("Next: tuner bench, and tuner bench accept once you are happy with the result.")


def accept(options: of.BenchAccept) -> None:
    """Make a bench's runs the baselines that later ones are compared with."""
    from tuner.api.suites import accept_bench

    accepted, notes = accept_bench(options)
    for one in accepted:
        on = f" on {one.place.branch}" if one.place.branch else ""
        typer.echo(f"{one.place.case}{on}: run {one.run} is the baseline, by {one.accepted_by}")
    for text in notes:
        typer.echo(f"note: {text}", err=True)


def baselines(options: of.BenchBaselines) -> None:
    """List what was accepted: by whom, when and why."""
    from rich.console import Console
    from rich.table import Table

    from tuner.api.suites import accepted

    table = Table(box=None, pad_edge=False)
    for name in ("case", "branch", "suite", "run", "commit", "accepted", "by", "why", "doubts"):
        table.add_column(name, overflow="fold")
    for row in accepted(options):
        table.add_row(*row)
    if not table.rows:
        typer.echo("No baseline was accepted yet: tuner bench, then tuner bench accept.")
        return
    Console(markup=False, width=None if sys.stdout.isatty() else 200).print(table)


def history(options: of.BenchHistory) -> None:
    """Write a page of a suite's runs over time, with the changes of level and both runs' reports.

    Example: tuner bench history --branch main
    """
    from tuner.api.suites import history_page

    path = history_page(options)
    if not options.quiet:
        typer.echo(f"History: {path}")


bench = group(run, {"history": history, "init": init, "accept": accept, "baselines": baselines})


def schedule(options: of.ScheduleCommand) -> None:
    """Example: tuner schedule github --every weekday --file .github/workflows/bench.yml"""
    from tuner.api.suites import remove_job, scheduled
    from tuner.cli.trust import allow

    if options.remove:
        typer.echo(remove_job(options))
        return
    bench_options = _bench_options(options.words)
    allow(bench_options.suite, lambda named: named.of_suite)
    found = scheduled(options, bench_options)
    if options.install:
        typer.echo(found.install())
    elif options.file is not None:
        for path in found.write(options.file):
            typer.echo(f"Written: {path}", err=True)
    else:
        for file in found.files:
            if len(found.files) > 1:
                typer.echo(f"# {file.path}")
            typer.echo(file.text, nl=False)
    if times := found.next_runs():
        typer.echo(f"Next: {', '.join(f'{t:%a %Y-%m-%d %H:%M %Z}' for t in times)}", err=True)


def _bench_options(words: tuple[str, ...]) -> of.BenchCommand:
    """The options of ``tuner bench``, as it will read them when it runs."""
    command = typer.main.get_command(bench)
    try:
        context = command.make_context("tuner bench", list(words))
    except Exception as error:
        if (message := getattr(error, "format_message", None)) is None:  # Click's, or Typer's own
            raise
        fix = "What follows -- are options of `tuner bench`."
        raise UsageError("--", message(), fix) from None
    if context.args or context._protected_args:  # the name of a subcommand
        raise UsageError("--", "names a subcommand", "Only `tuner bench` itself is scheduled.")
    return of.BenchCommand(**given_in(context, of.BenchCommand))

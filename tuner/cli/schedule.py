"""``tuner schedule``: the suite as a job of cron, systemd, GitHub, GitLab or AWS."""

import typer

from tuner.errors import UsageError
from tuner.options.suites import BenchCommand, ScheduleCommand


def schedule(options: ScheduleCommand) -> None:
    """Example: tuner schedule github --every weekday --file .github/workflows/bench.yml"""
    from tuner.api.schedule import remove_job, scheduled

    if options.remove:
        typer.echo(remove_job(options))
        return
    found = scheduled(options, _bench_options(options.words))
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


def _bench_options(words: tuple[str, ...]) -> BenchCommand:
    """The options of ``tuner bench``, as it will read them when it runs."""
    from tuner.cli.bench import bench
    from tuner.cli.command import given_in

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
    return BenchCommand(**given_in(context, BenchCommand))

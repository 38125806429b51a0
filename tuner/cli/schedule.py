"""``tuner schedule``: the suite as a job of cron, systemd, GitHub, GitLab or AWS."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from tuner.cli import options as o
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.schedule.job import Job
    from tuner.schedule.render import File

WHEN_PANEL, PLACE_PANEL = "When", "Where it runs"

KindArg = Annotated[
    str,
    typer.Argument(
        metavar="SCHEDULER",
        help="cron, systemd, github, github-role, gitlab, gitlab-role, codebuild or fargate.",
        show_default=False,
    ),
]
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[-- OPTION...]", help="Options of `tuner bench`.", show_default=False),
]
Every = Annotated[
    str | None,
    typer.Option(
        "--every", help="15m, 6h, day (default), weekday or week.", rich_help_panel=WHEN_PANEL
    ),
]
At = Annotated[
    str | None,
    typer.Option("--at", help="Time of day (default: 03:17).", rich_help_panel=WHEN_PANEL),
]
Cron = Annotated[
    str | None,
    typer.Option(
        "--cron",
        metavar="'M H D M W'",
        help="Five cron fields instead, such as '17 3 * * 1-5'.",
        rich_help_panel=WHEN_PANEL,
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        help="Such as Europe/Berlin. Default: UTC on GitHub and AWS, else the machine's.",
        rich_help_panel=WHEN_PANEL,
    ),
]
Name = Annotated[str, typer.Option("--name", help="The name of the schedule.")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", help="What the role may measure; default: the suite's targets."),
]
Pip = Annotated[
    str | None,
    typer.Option(
        "--pip",
        metavar="SPEC",
        help="What pip installs there; default: where this tuner came from.",
        rich_help_panel=PLACE_PANEL,
    ),
]
Role = Annotated[
    str | None,
    typer.Option(
        "--role",
        metavar="ARN",
        help="github, gitlab: role to take by OIDC; default: a variable.",
        rich_help_panel=PLACE_PANEL,
    ),
]
Repository = Annotated[
    str | None,
    typer.Option("--repository", metavar="OWNER/NAME", rich_help_panel=PLACE_PANEL),
]
Branch = Annotated[
    str, typer.Option("--branch", help="Whose runs count.", rich_help_panel=PLACE_PANEL)
]
Against = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="VERSION|PATH|git:{base}",
        help="github, gitlab: what pull requests are compared with in one run; {base} is the "
        "commit they start from. Default: git:{base} for local code, else the baseline.",
        rich_help_panel=PLACE_PANEL,
    ),
]
Image = Annotated[
    str | None,
    typer.Option(
        "--image", help="fargate: image with tuner and tuner.toml.", rich_help_panel=PLACE_PANEL
    ),
]
Gitlab = Annotated[
    str,
    typer.Option(
        "--gitlab", metavar="URL", help="gitlab-role: of which GitLab.", rich_help_panel=PLACE_PANEL
    ),
]
Secret = Annotated[
    str | None,
    typer.Option(
        "--store-secret",
        metavar="NAME",
        help="Secret or variable that has the store's URL; default: SQLite, kept between runs.",
        rich_help_panel=PLACE_PANEL,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Write there; a folder where files are many."),
]
Install = Annotated[bool, typer.Option("--install", help="cron, systemd: let it run from now on.")]
Remove = Annotated[bool, typer.Option("--remove", help="cron, systemd: take it out again.")]


def schedule(
    kind: KindArg,
    words: Words = None,
    every: Every = None,
    at: At = None,
    cron: Cron = None,
    timezone: Zone = None,
    name: Name = "tuner-bench",
    target: Targets = None,
    pip: Pip = None,
    region: o.Region = None,
    role: Role = None,
    repository: Repository = None,
    branch: Branch = "main",
    against: Against = None,
    image: Image = None,
    gitlab: Gitlab = "https://gitlab.com",
    store_secret: Secret = None,
    output: Output = None,
    install: Install = False,
    remove: Remove = False,
) -> None:
    """Print the suite of tuner.toml as a scheduled job, or install it on this machine.

    Example: tuner schedule github --every weekday --output .github/workflows/bench.yml
    """
    from tuner.schedule.install import remove as taken_out
    from tuner.schedule.job import (
        Job,
        Place,
        checked_name,
        checked_place,
        functions_of,
        installed_from,
    )
    from tuner.schedule.render import kind_of
    from tuner.schedule.when import timetable

    if (install or remove) and not kind_of(kind).installs:
        option = "--install" if install else "--remove"
        raise UsageError(option, f"is not for {kind[:20]}", "--output FILE writes the file.")
    if remove:
        typer.echo(taken_out(kind, checked_name(name)))
        return
    wish = _asked(words or [], against)
    job = Job(
        name=checked_name(name),
        when=timetable(every, cron, at, timezone),
        words=tuple(words or ()),
        directory=Path.cwd(),
        requirement=pip or installed_from(),
        functions=functions_of(tuple(target or wish.targets)),
        store_secret=store_secret,
        against=wish.against,
        place=checked_place(Place(region, role, repository, branch, image, gitlab)),
    )
    _hand_over(kind, job, output, install)


@dataclass(frozen=True)
class _Wish:
    """What the suite says: its targets, and what pull requests are compared with."""

    targets: tuple[str, ...]
    against: str | None


def _asked(words: list[str], against: str | None) -> _Wish:
    """Read the options of ``tuner bench`` and its suite, as it will when it runs."""
    from tuner.cli.bench import bench
    from tuner.suites.against import parse_against
    from tuner.suites.suite_file import read_suite
    from tuner.targets.names import Kind, parse_target

    command = typer.main.get_command(bench)
    try:
        context = command.make_context("tuner bench", list(words))
    except click.UsageError as error:
        fix = "What follows -- are options of `tuner bench`."
        raise UsageError("--", error.format_message(), fix) from None
    if context.args or context._protected_args:  # the name of a subcommand
        raise UsageError("--", "names a subcommand", "Only `tuner bench` itself is scheduled.")
    given = context.params
    suite = read_suite(given["suite"]).in_environment(given["environment"])
    cases = suite.chosen(given["tag"] or (), given["only"] or ())
    targets = tuple(case.target for case in cases)
    if against is None and all(parse_target(each).kind is Kind.LOCAL for each in targets):
        against = "git:{base}"
    if against is not None:
        for each in targets:
            parse_against(against.replace("{base}", "main"), each)
    return _Wish(targets, against)


def _hand_over(kind: str, job: "Job", output: Path | None, install: bool) -> None:
    """Print, write or install; what is not part of the files goes to stderr."""
    from tuner.schedule.install import install as put_in
    from tuner.schedule.render import rendered

    files = rendered(kind, job)
    if install:
        typer.echo(put_in(kind, job.name, files))
    elif output is not None:
        for path in _written(files, output):
            typer.echo(f"Written: {path}", err=True)
    else:
        for file in files:
            if len(files) > 1:
                typer.echo(f"# {file.path}")
            typer.echo(file.text, nl=False)
    if not kind.endswith("-role"):
        times = ", ".join(f"{t:%a %Y-%m-%d %H:%M %Z}" for t in _next_runs(kind, job))
        typer.echo(f"Next: {times}", err=True)


def _next_runs(kind: str, job: "Job") -> list[datetime]:
    """Three times, in the zone that this scheduler reads the timetable in."""
    here = kind in ("cron", "systemd")
    return job.when.next_runs(datetime.now().astimezone(None if here else UTC), 3)


def _written(files: "tuple[File, ...]", output: Path) -> list[Path]:
    """One file at ``output``; several in the folder ``output``."""
    one = len(files) == 1 and not output.is_dir()
    paths = [output if one else output / Path(file.path).name for file in files]
    try:
        for file, path in zip(files, paths, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise UsageError(f"--output {output}", reason, "Choose another file.") from None
    return paths

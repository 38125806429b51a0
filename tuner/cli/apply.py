"""``tuner apply``: set what was recommended, on the function or in the code that manages it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli import options as o
from tuner.cli.interrupt import end_on_sigterm
from tuner.cli.left import RECORDS
from tuner.errors import TunerError, UsageError

if TYPE_CHECKING:
    from tuner.aws.apply import Application, ApplyOptions
    from tuner.decide.result import Sweep

MemoryOption = Annotated[
    int | None,
    typer.Option("--memory", min=128, max=10_240, help="Another size than the recommended, MB."),
]
Arch = Annotated[
    str | None,
    typer.Option("--arch", help="Another architecture than the recommended one: x86_64 or arm64."),
]
Alias = Annotated[
    str | None, typer.Option("--alias", help="Publish, and point this alias at the new version.")
]
Steps = Annotated[
    str | None,
    typer.Option(
        "--steps",
        metavar="10%,50%",
        help="Move the alias in steps; go back by itself if errors or p95 in CloudWatch get worse.",
    ),
]
Wait = Annotated[str, typer.Option("--wait", help="How long to watch each step.")]
Publish = Annotated[bool, typer.Option("--publish", help="Publish a version, without an alias.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take back what was applied from this run.")]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        help="Patch a SAM or CloudFormation template, serverless.yml or .tf file instead.",
    ),
]
Resource = Annotated[str | None, typer.Option("--resource", help="Which function in the file.")]
Write = Annotated[bool, typer.Option("--write", help="Write the file; otherwise only the diff.")]


def apply(
    run: o.RunArg,
    memory: MemoryOption = None,
    arch: Arch = None,
    alias: Alias = None,
    steps: Steps = None,
    wait: Wait = "5m",
    publish: Publish = False,
    undo: Undo = False,
    file: File = None,
    resource: Resource = None,
    write: Write = False,
    profile: o.Profile = None,
    endpoint_url: o.EndpointUrl = None,
    store: o.StoreUrl = None,
    yes: o.Yes = False,
) -> None:
    """Set the recommended memory and architecture: on the function, or in the file that manages it.

    Examples: tuner apply last --alias live --steps 10%,50%
    tuner apply last --file template.yaml --resource Orders --write
    """
    from tuner.experiment.recommend import recommend_run

    result = recommend_run(run, store)
    memory_mb = memory or _recommended(result)
    wanted = _architecture(result, arch)
    if file is not None:
        _patch(file, _Values(memory_mb, wanted), resource, write)
        return
    where = _Where(profile, endpoint_url, yes)
    if undo:
        _undo(result, where)
        return
    from tuner.aws.apply import ApplyOptions, parse_steps
    from tuner.units import parse_seconds, parse_share

    if steps is not None and alias is None:
        raise UsageError("--steps", "move an alias", "Name it with --alias.")
    shares = [parse_share(part, "--steps") for part in (steps or "").split(",") if part.strip()]
    pick = result.recommendation
    same = pick is not None and (memory_mb, wanted or pick.arch) == (pick.memory_mb, pick.arch)
    promised = pick.p95_ms if pick is not None and same else None
    wait_s = parse_seconds(wait, "--wait")
    _apply(
        result,
        ApplyOptions(
            result.run.run, memory_mb, alias, parse_steps(shares), wait_s, promised, publish, wanted
        ),
        where,
    )


@dataclass(frozen=True)
class _Where:
    """Whose credentials and which endpoint, if not those of the run; and whether to ask."""

    profile: str | None
    endpoint_url: str | None
    yes: bool


def _recommended(result: "Sweep") -> int:
    if result.recommendation is None:
        fix = "Sweep again, or name a size with --memory."
        raise TunerError(f"run {result.run.run}", "recommends nothing", fix)
    return result.recommendation.memory_mb


def _architecture(result: "Sweep", written: str | None) -> str | None:
    """The architecture to set; ``None`` leaves it alone, as where no other was measured."""
    from tuner.targets.choices import ARCHES

    if written is not None:
        if written not in ARCHES:
            fix = "Write x86_64 or arm64."
            raise UsageError(f"--arch {written[:20]}", "is not an architecture", fix)
        return written
    pick, now = result.recommendation, result.run.facts.arch
    return None if pick is None or pick.arch == now else pick.arch


@dataclass(frozen=True)
class _Values:
    """What is set in a file; ``arch`` is ``None`` where that stays as it is."""

    memory_mb: int
    arch: str | None

    def __str__(self) -> str:
        return f"{self.memory_mb} MB" + (f" on {self.arch}" if self.arch else "")


def _patch(path: Path, values: _Values, resource: str | None, write: bool) -> None:
    from tuner.targets.patch import diff, patch

    try:
        with path.open(encoding="utf-8", newline="") as stream:  # line ends as they are
            old = stream.read()
        new = patch(old, path, values.memory_mb, resource, values.arch)
        changes = diff(old, new, path)
        typer.echo(changes or f"{path} has {values} already", nl=not changes)
        if write and changes:
            with path.open("w", encoding="utf-8", newline="") as stream:
                stream.write(new)
            typer.echo(f"Wrote {path}; deploy it.", err=True)
        elif changes:
            typer.echo("Nothing was written; --write does.", err=True)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(str(path), f"cannot be used: {why}", "Name a text file.") from None


def _open(result: "Sweep", where: _Where) -> "Application":
    from tuner.aws.apply import Application
    from tuner.aws.control import ControlPlane
    from tuner.aws.session import SessionOptions, open_session
    from tuner.targets.names import Kind, parse_target

    name = parse_target(result.run.target)
    if name.kind is not Kind.AWS:
        fix = "Use --file to patch the template that manages it, with --memory if it has none."
        raise UsageError(result.run.target, "is not a function on AWS", fix)
    kept = result.run.options
    url = where.endpoint_url or kept.get("endpoint_url")
    profile = where.profile or kept.get("profile")
    role = kept.get("assume_role")
    session = open_session(SessionOptions(result.run.facts.region, profile, url, assume_role=role))
    return Application(ControlPlane(session), name.function, RECORDS, typer.echo)


def _apply(result: "Sweep", wish: "ApplyOptions", where: _Where) -> None:
    from tuner.cli.restore import offer_restore

    offer_restore(yes=where.yes)
    application = _open(result, where)
    stack = application.stack()
    if stack:
        typer.echo(
            f"tuner: {result.run.target} belongs to the stack {stack}, whose next deployment sets "
            "its own memory; --file patches its template instead.",
            err=True,
        )
    what = str(_Values(wish.memory_mb, wish.arch))
    to = f" and move {wish.alias} to a new version" if wish.alias else ""
    if not where.yes and not _agreed(f"Set {result.run.target} to {what}{to}?"):
        raise TunerError("apply", "was not begun", "Add --yes to do it without asking.")
    with end_on_sigterm():
        done = application.apply(wish)
    if done is None:
        typer.echo(f"{result.run.target} has {what} already")
    else:
        typer.echo(f"Applied; `tuner apply {result.run.run} --undo` takes it back.")


def _undo(result: "Sweep", where: _Where) -> None:
    from tuner.aws.applied import read_record, record_path

    application = _open(result, where)
    with end_on_sigterm():
        application.undo(read_record(record_path(RECORDS, result.run.run)))
    typer.echo(f"Taken back what was applied from run {result.run.run}.")


def _agreed(question: str) -> bool:
    import sys

    return sys.stdin.isatty() and typer.confirm(question, False, err=True)

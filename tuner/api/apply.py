"""The change that a stored run recommends, and where ``tuner apply`` makes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.api.left import RECORDS, Tell
from tuner.decide.result import Sweep
from tuner.errors import TunerError, UsageError
from tuner.options.manage import ApplyCommand
from tuner.targets.names import Kind, parse_target
from tuner.units import parse_share

if TYPE_CHECKING:
    from tuner.aws.apply import Application, ApplyOptions


@dataclass(frozen=True)
class Values:
    """Values to set; ``arch`` is ``None`` where that stays as it is."""

    memory_mb: int
    arch: str | None

    def __str__(self) -> str:
        return f"{self.memory_mb} MB" + (f" on {self.arch}" if self.arch else "")


def values_of(result: Sweep, options: ApplyCommand) -> Values:
    """Return what the run recommends, or what the options say instead. Raises TunerError."""
    pick = result.recommendation
    memory_mb = options.memory or (None if pick is None else pick.memory_mb)
    if memory_mb is None:
        fix = "Sweep again, or name a size with --memory."
        raise TunerError(f"run {result.run.run}", "recommends nothing", fix)
    if options.arch is not None:
        return Values(memory_mb, options.arch)
    same = pick is None or pick.arch == result.run.facts.arch
    return Values(memory_mb, None if same or pick is None else pick.arch)


def change_of(result: Sweep, options: ApplyCommand) -> "ApplyOptions":
    """The change to make on the function. Raises UsageError."""
    from tuner.aws.apply import ApplyOptions, parse_steps

    values, pick = values_of(result, options), result.recommendation
    if options.steps is not None and options.alias is None:
        raise UsageError("--steps", "move an alias", "Name it with --alias.")
    parts = (options.steps or "").split(",")
    shares = [parse_share(part, "--steps") for part in parts if part.strip()]
    asked = pick and (values.memory_mb, values.arch or pick.arch)
    promised = pick.p95_ms if pick and asked == (pick.memory_mb, pick.arch) else None
    return ApplyOptions(
        result.run.run,
        values.memory_mb,
        options.alias,
        parse_steps(shares),
        options.wait,
        promised,
        options.publish,
        values.arch,
    )


def open_application(result: Sweep, options: ApplyCommand, tell: Tell) -> "Application":
    """The function of the run, as it can be changed. Raises TunerError."""
    from tuner.aws.apply import Application
    from tuner.aws.control import ControlPlane
    from tuner.aws.session import SessionOptions, open_session

    name = parse_target(result.run.target)
    if name.kind is not Kind.AWS:
        fix = "Use --file to patch the template that manages it, with --memory if it has none."
        raise UsageError(result.run.target, "is not a function on AWS", fix)
    kept = result.run.options
    session = SessionOptions(
        result.run.facts.region,
        options.profile or kept.get("profile"),
        options.endpoint_url or kept.get("endpoint_url"),
        assume_role=kept.get("assume_role"),
    )
    return Application(ControlPlane(open_session(session)), name.function, RECORDS, tell)


@dataclass(frozen=True)
class Patch:
    """A file that manages a function, before and after; ``diff`` is empty without a change."""

    path: Path
    new: str
    diff: str

    def write(self) -> None:
        """Write the file; raises UsageError."""
        try:
            with self.path.open("w", encoding="utf-8", newline="") as stream:
                stream.write(self.new)
        except OSError as error:
            raise _unusable(self.path, error) from None


def patch_of(path: Path, values: Values, resource: str | None) -> Patch:
    """How these values change a file. Raises UsageError."""
    from tuner.targets.patch import diff, patch

    try:
        with path.open(encoding="utf-8", newline="") as stream:  # line ends as they are
            old = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, error) from None
    new = patch(old, path, values.memory_mb, resource, values.arch)
    return Patch(path, new, diff(old, new, path))


def _unusable(path: Path, error: Exception) -> UsageError:
    why = getattr(error, "strerror", None) or "it is not text"
    return UsageError(str(path), f"cannot be used: {why}", "Name a text file.")

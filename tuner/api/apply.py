"""The change that a stored run recommends, and where ``tuner apply`` makes it."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.api.left import RECORDS, Tell
from tuner.api.trust import refuse_foreign
from tuner.errors import NotFound, TunerError, UsageError, unwritable
from tuner.experiment.recommend import recommend_run
from tuner.files import SETTINGS_BYTES, read_bytes, written_whole
from tuner.options.manage import ApplyCommand
from tuner.store.runs import find
from tuner.targets.names import Kind, parse_target
from tuner.units import parse_share

if TYPE_CHECKING:
    from tuner.aws.apply import Application, ApplyOptions
    from tuner.aws.control import ControlPlane


@dataclass(frozen=True)
class Values:
    """Values to set; ``arch`` is ``None`` where that stays as it is."""

    memory_mb: int
    arch: str | None

    def __str__(self) -> str:
        return f"{self.memory_mb} MB" + (f" on {self.arch}" if self.arch else "")


class Recommended:
    """What a stored run recommends, or the options say instead. Everything raises TunerError."""

    def __init__(self, options: ApplyCommand) -> None:
        self.options, self.result = options, recommend_run(options.run, options.store)
        self.run, self.target = self.result.run.run, self.result.run.target

    @cached_property
    def values(self) -> Values:
        """The values to set."""
        pick, arch = self.result.recommendation, self.options.arch
        memory_mb = self.options.memory or (None if pick is None else pick.memory_mb)
        if memory_mb is None:
            fix = "Sweep again, or name a size with --memory."
            raise TunerError(f"run {self.run}", "recommends nothing", fix)
        if pick is not None and pick.meets_slo is False and self.options.memory is None:
            reason = f"no size is likely to meet {' and '.join(pick.slo)}"
            fix = "Name a size with --memory, or sweep with another objective."
            raise TunerError(f"run {self.run}", reason, fix)
        if arch is None and pick is not None and pick.arch != self.result.run.facts.arch:
            arch = pick.arch
        return Values(memory_mb, arch)

    def change(self) -> "ApplyOptions":
        """The change to make on the function."""
        from tuner.aws.apply import ApplyOptions, parse_steps
        from tuner.aws.moving import Steps

        options, values, pick = self.options, self.values, self.result.recommendation
        if options.steps is not None and options.alias is None:
            raise UsageError("--steps", "move an alias", "Name it with --alias.")
        parts = (options.steps or "").split(",")
        shares = [parse_share(part, "--steps") for part in parts if part.strip()]
        asked = pick and (values.memory_mb, values.arch or pick.arch)
        promised = pick.p95_ms if pick and asked == (pick.memory_mb, pick.arch) else None
        return ApplyOptions(
            self.run,
            values.memory_mb,
            options.alias,
            Steps(parse_steps(shares), options.wait, promised),
            options.publish,
            values.arch,
        )

    def open(self, tell: Tell) -> "Application":
        """The function of the run, as it can be changed."""
        from tuner.aws.apply import Application

        control, function = self._reached()
        return Application(control, function, RECORDS, tell)

    def undo(self, tell: Tell) -> None:
        """Undo what was applied from the run, on its function only."""
        from tuner.aws.applied import read_record, record_path
        from tuner.aws.apply import Application
        from tuner.aws.restore import check_same
        from tuner.aws.undo import read_proved

        (control, function), path = self._reached(), record_path(RECORDS, self.run)
        arn = read_record(path).arn
        with suppress(NotFound):  # of one that is gone there is nothing to undo
            check_same(arn, control.configuration(function))
        Application(control, function, RECORDS, tell).undo(read_proved(path, control))

    def _reached(self) -> "tuple[ControlPlane, str]":
        """The control plane, and the name, of the run's function."""
        from tuner.aws.control import ControlPlane
        from tuner.aws.session import SessionOptions, open_session

        name, kept = parse_target(self.target), self.result.run.options
        if name.kind is not Kind.AWS:
            fix = "Use --file to patch the template that manages it, with --memory if it has none."
            raise UsageError(self.target, "is not a function on AWS", fix)
        given = {name for name in ("endpoint_url", "profile") if getattr(self.options, name)}
        used = {"assume_role", "endpoint_url", "profile"} - given
        refuse_foreign(find(self.options.run, self.options.store), used)
        session = SessionOptions(
            self.result.run.facts.region,
            self.options.profile or kept.get("profile"),
            self.options.endpoint_url or kept.get("endpoint_url"),
            assume_role=kept.get("assume_role"),
        )
        return ControlPlane(open_session(session)), name.function


@dataclass(frozen=True)
class Patch:
    """A file that manages a function, before and after; ``diff`` is empty without a change."""

    path: Path
    new: str
    diff: str

    def write(self) -> None:
        """Write the file, whole or not at all; raises TunerError."""
        try:
            with written_whole(self.path) as place:
                place.write_text(self.new, encoding="utf-8", newline="")
        except OSError as error:
            raise unwritable(str(self.path), error, "Choose a writable folder.") from None


def patch_of(path: Path, values: Values, resource: str | None) -> Patch:
    """How these values change a file. Raises UsageError."""
    from tuner.targets.patch import diff, patch

    try:
        old = read_bytes(path, SETTINGS_BYTES, plain=True).decode()  # line ends as they are
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from None
    new = patch(old, path, values.memory_mb, resource, values.arch)
    return Patch(path, new, diff(old, new, path))


def _unusable(path: Path, error: Exception) -> UsageError:
    why = getattr(error, "strerror", None) or "it is not text"
    return UsageError(
        str(path), f"cannot be used: {why}", getattr(error, "fix", "Name a text file.")
    )

"""A suite as a scheduled job: the job's files, and their places."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuner.aws.policy import PolicyScope, policy
from tuner.errors import UsageError
from tuner.options.suites import BenchCall, ScheduleCommand
from tuner.schedule.install import install, remove
from tuner.schedule.job import (
    Job,
    Place,
    checked_name,
    checked_place,
    installed_from,
)
from tuner.schedule.render import File, kind_of, rendered
from tuner.schedule.when import timetable
from tuner.suites.against import parse_against
from tuner.suites.suite_file import read_suite
from tuner.targets.names import Kind, parse_target


@dataclass(frozen=True)
class Scheduled:
    """A suite's job for one scheduler."""

    kind: str
    job: Job
    files: tuple[File, ...]

    def install(self) -> str:
        """Let it run on this machine from now on; what was done, in words."""
        return install(self.kind, self.job.name, self.files)

    def write(self, to: Path) -> list[Path]:
        """Write one file at ``to``; several into the folder ``to``. Raises UsageError."""
        one = len(self.files) == 1 and not to.is_dir()
        paths = [to if one else to / Path(file.path).name for file in self.files]
        try:
            for file, path in zip(self.files, paths, strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(file.text, encoding="utf-8")
        except OSError as error:
            reason = f"cannot be written: {error.strerror}"
            raise UsageError(f"--file {to}", reason, "Choose another file.") from None
        return paths

    def next_runs(self) -> list[datetime]:
        """Three times, in the zone that this scheduler reads the timetable in; none for a role."""
        if self.kind.endswith("-role"):
            return []
        here = self.kind in ("cron", "systemd")
        return self.job.when.next_runs(datetime.now().astimezone(None if here else UTC), 3)


def remove_job(options: ScheduleCommand) -> str:
    """Remove an installed job from this machine; what was done, in words."""
    _check_installs(options)
    return remove(options.kind, checked_name(options.name))


def scheduled(options: ScheduleCommand, bench: BenchCall) -> Scheduled:
    """The job that runs ``tuner bench`` with these options of its own. Raises UsageError."""
    _check_installs(options)
    targets = _targets(bench)
    against = _against(options.against, targets)
    place = Place(
        options.region,
        options.role,
        options.repository,
        options.branch,
        options.image,
        options.gitlab,
    )
    job = Job(
        name=checked_name(options.name),
        when=timetable(options.every, options.cron, options.at, options.timezone),
        words=options.words,
        directory=Path.cwd(),
        requirement=options.pip or installed_from(),
        policy=suite_policy(options.target or targets),
        store_secret=options.store_secret,
        against=against,
        place=checked_place(place),
    )
    return Scheduled(options.kind, job, rendered(options.kind, job))


def _check_installs(options: ScheduleCommand) -> None:
    if (options.install or options.remove) and not kind_of(options.kind).installs:
        flag = "--install" if options.install else "--remove"
        fix = "--file FILE writes the file."
        raise UsageError(flag, f"is not for {options.kind[:20]}", fix)


def _targets(bench: BenchCall) -> tuple[str, ...]:
    suite = read_suite(bench.suite).in_environment(bench.environment)
    return tuple(case.target for case in suite.chosen(bench.tag, bench.only))


#: In CloudFormation's words: the stack's own account and region.
_STACK = PolicyScope("*", "${AWS::Region}", "${AWS::AccountId}", "${AWS::Partition}")


def suite_policy(targets: Sequence[str]) -> dict[str, Any] | None:
    """One policy for the functions on AWS, without alias or version; ``None`` without any."""
    names = [parse_target(target) for target in targets]
    functions = dict.fromkeys(name.function for name in names if name.kind is Kind.AWS)
    where = [PolicyScope.of(function, _STACK) for function in functions]
    return policy(["bench"], where[0], beside=where[1:]) if where else None


def _against(written: str | None, targets: Sequence[str]) -> str | None:
    """Return what pull requests are compared with; for local code its own base."""
    against = written
    if against is None and all(parse_target(each).kind is Kind.LOCAL for each in targets):
        against = "git:{base}"
    if against is not None:
        for each in targets:
            parse_against(against.replace("{base}", "main"), each)
    return against

"""``tuner.bench``: a suite, run and judged; its baselines, its history and its scheduled job."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tuner.api.calling import taking
from tuner.api.results import BenchResult
from tuner.api.trust import refuse_untrusted
from tuner.aws.policy import PolicyScope, checked_role, policy
from tuner.clock import WallClock
from tuner.errors import UsageError, unwritable
from tuner.experiment.experiment import Silent, Watcher
from tuner.options.output import folder
from tuner.options.suites import (
    BenchAccept,
    BenchBaselines,
    BenchCall,
    BenchHistory,
    BenchInit,
    ScheduleCommand,
)
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
from tuner.store.benches import Baseline, Benches
from tuner.store.runs import Store
from tuner.suites.against import parse_against
from tuner.suites.baseline import Acceptance, accept, doubts_of, few_calls
from tuner.suites.bench import run_bench
from tuner.suites.moment import of_candidate
from tuner.suites.repository import who
from tuner.suites.suite import Suite
from tuner.suites.suite_file import read_suite
from tuner.suites.trial import Onlooker
from tuner.targets.names import Kind, parse_target


@taking(BenchCall)
def bench(options: BenchCall) -> BenchResult:
    """Run the suite in tuner.toml and judge it against another version, or the baseline.

    Raises :class:`tuner.errors.TunerError`.
    """
    return bench_suite(options, Silent())


def bench_suite(options: BenchCall, watcher: Watcher) -> BenchResult:
    """The same, with somebody who looks on."""
    suite = _suite(options)
    onlooker = Onlooker(watcher.say, watcher.sampled, watcher.stop, begins=watcher.begins)
    return BenchResult(run_bench(suite, options, onlooker))


def new_suite(options: BenchInit) -> list[str]:
    """Write a suite; gives the names of its cases."""
    from tuner.suites.suite_init import write_suite

    place = {"region": options.region, "profile": options.profile}
    return write_suite(options.source, options.suite, **place, endpoint_url=options.endpoint_url)


def accept_bench(options: BenchAccept) -> tuple[list[Baseline], list[str]]:
    """Make a bench's runs the baselines; gives those, and what to know about them."""
    how = Acceptance(who(), WallClock().wall(), options.why, options.branch, options.only)
    with Store.open(options.store, create=False) as opened:
        found = Benches(opened).find(options.ref)
        accepted = accept(opened, found, how)
        doubted = zip(accepted, doubts_of(opened, accepted), strict=True)
        notes = [note for one, why in doubted if (note := of_candidate(one.place.case, why))]
        return accepted, [*few_calls(found, accepted), *notes]


def accepted(options: BenchBaselines) -> list[tuple[str, ...]]:
    """Baselines as rows of text, the newest of each case or all: the case, its branch and suite;
    the run, its commit, when, by whom and why it was accepted, and what speaks against it."""
    rows = dict[object, tuple[str, ...]]()
    with Store.open(options.store, create=False) as opened:
        for number, one in enumerate(Benches(opened).baselines()):
            place = one.place
            key = number if options.every else place
            if key in rows:
                continue
            suite = f"{place.suite} in {place.environment}" if place.environment else place.suite
            when = datetime.fromtimestamp(one.accepted_at, UTC).strftime("%Y-%m-%d %H:%M")
            (why_not,) = doubts_of(opened, [one])
            run = (one.run, one.commit[:10], when, one.accepted_by, one.why or "")
            rows[key] = (place.case, place.branch, suite, *run, "; ".join(why_not))
    return list(rows.values())


def history_page(options: BenchHistory) -> Path:
    """Write the page of a suite's runs over time, and the reports of runs that have none."""
    from tuner.experiment.recommend import recommend_run
    from tuner.report.history_series import history_of
    from tuner.report.pages import write_history, write_missing_reports

    output = folder(options.output)
    with Store.open(options.store, create=False) as opened:
        benches = Benches(opened)
        last = benches.find("last", options.name)
        where = last.environment if options.environment is None else options.environment
        found = history_of(benches.all(last.suite, where), options.branch)[-options.limit :]
    documents = [bench.document for bench in found]
    answer = partial(recommend_run, store_url=options.store, among=None)
    write_missing_reports(documents, answer, output, options.reports)
    return write_history(documents, output)


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
        """Write one file at ``to``; several into the folder ``to``. Raises TunerError."""
        one = len(self.files) == 1 and not to.is_dir()
        paths = [to if one else to / Path(file.path).name for file in self.files]
        try:
            for file, path in zip(self.files, paths, strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(file.text, encoding="utf-8")
        except OSError as error:
            raise unwritable(f"--file {to}", error) from None
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
        options.pull_requests,
    )
    job = Job(
        name=checked_name(options.name),
        when=timetable(options.every, options.cron, options.at, options.timezone),
        words=options.words,
        directory=Path.cwd(),
        requirement=options.pip or installed_from(),
        policy=suite_policy(options.target or targets, options.pass_role),
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
    return tuple(case.target for case in _suite(bench).chosen(bench.tag, bench.only))


def _suite(options: BenchCall) -> Suite:
    """The suite, if the user lets it do what it names; raises UsageError."""
    refuse_untrusted(options.suite, lambda named: named.of_suite)
    return read_suite(options.suite).in_environment(options.environment)


#: In CloudFormation's words: the stack's own account and region.
_STACK = PolicyScope("*", "${AWS::Region}", "${AWS::AccountId}", "${AWS::Partition}")


def suite_policy(targets: Sequence[str], role: str | None = None) -> dict[str, Any] | None:
    """One policy for the functions on AWS, without alias or version; ``None`` without any. Copies
    may be made with ``role`` only; raises UsageError if that is none."""
    stack = replace(_STACK, role=checked_role(role, "--pass-role"))
    names = [parse_target(target) for target in targets]
    functions = dict.fromkeys(name.function for name in names if name.kind is Kind.AWS)
    where = [PolicyScope.of(function, stack) for function in functions]
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

"""``tuner.bench``: a suite, run and judged."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tuner.api.calling import taking
from tuner.api.results import BenchResult
from tuner.clock import WallClock
from tuner.experiment.experiment import Silent, Watcher
from tuner.options.suites import (
    BenchAccept,
    BenchBaselines,
    BenchCall,
    BenchHistory,
    BenchInit,
)
from tuner.store.benches import Baseline, Benches
from tuner.store.runs import Store
from tuner.suites.baseline import Acceptance, accept, few_calls
from tuner.suites.bench import run_bench
from tuner.suites.repository import who
from tuner.suites.suite_file import read_suite
from tuner.suites.trial import BenchSpec, Onlooker


@taking(BenchCall)
def bench(options: BenchCall) -> BenchResult:
    """Run the suite in tuner.toml and judge it against another version, or the baseline.

    Raises :class:`tuner.errors.TunerError`.
    """
    return bench_suite(options, Silent())


def bench_suite(options: BenchCall, watcher: Watcher) -> BenchResult:
    """The same, with somebody who looks on."""
    suite = read_suite(options.suite).in_environment(options.environment)
    asked = BenchSpec(
        suite=suite,
        cases=suite.chosen(options.tag, options.only),
        environment=options.environment,
        against=options.against,
        branch=options.branch,
        seed=options.seed,
        full=options.full,
        warn_only=suite.warn_only if options.warn_only is None else options.warn_only,
        limit=options.limit,
    )
    onlooker = Onlooker(watcher.say, watcher.sampled, watcher.stop)
    return BenchResult(run_bench(asked, options.store, onlooker))


def new_suite(options: BenchInit) -> list[str]:
    """Write a suite; gives the names of its cases."""
    from tuner.suites.suite_init import write_suite

    where = options.region, options.profile, options.endpoint_url
    return write_suite(options.source, options.suite, *where)


def accept_bench(options: BenchAccept) -> tuple[list[Baseline], list[str]]:
    """Make a bench's runs the baselines; gives those, and what to know about them."""
    how = Acceptance(who(), WallClock().wall(), options.why, options.branch, options.only)
    with Store.open(options.store, create=False) as opened:
        found = Benches(opened).find(options.ref)
        accepted = accept(opened, found, how)
        return accepted, few_calls(found, accepted)


def accepted(options: BenchBaselines) -> list[tuple[str, ...]]:
    """Baselines as rows of text, the newest of each case or all: the case, its branch and suite;
    the run, its commit, when, by whom and why it was accepted."""
    rows = dict[object, tuple[str, ...]]()
    with Store.open(options.store, create=False) as opened:
        for number, one in enumerate(Benches(opened).baselines()):
            place = one.place
            suite = f"{place.suite} in {place.environment}" if place.environment else place.suite
            when = datetime.fromtimestamp(one.accepted_at, UTC).strftime("%Y-%m-%d %H:%M")
            run = (one.run, one.commit[:10], when, one.accepted_by, one.why or "")
            rows.setdefault(
                number if options.every else place, (place.case, place.branch, suite, *run)
            )
    return list(rows.values())


def history_page(options: BenchHistory) -> Path:
    """Write the page of a suite's runs over time, and the reports of runs that have none."""
    from tuner.experiment.recommend import recommend_run
    from tuner.report.history_series import history_of
    from tuner.report.pages import write_history, write_missing_reports

    output = options.output or Path("reports")
    with Store.open(options.store, create=False) as opened:
        benches = Benches(opened)
        last = benches.find("last", options.name)
        where = last.environment if options.environment is None else options.environment
        found = history_of(benches.all(last.suite, where), options.branch)[-options.limit :]
    documents = [bench.document for bench in found]
    answer = partial(recommend_run, store_url=options.store, among=None)
    write_missing_reports(documents, answer, output, options.reports)
    return write_history(documents, output)

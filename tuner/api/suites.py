"""``tuner.bench``: a suite, run and judged."""

from functools import partial
from pathlib import Path

from tuner.api.calling import taking
from tuner.api.results import BenchResult
from tuner.options.suites import BenchCall, BenchHistory
from tuner.store.benches import Benches
from tuner.store.runs import Store
from tuner.suites.bench import run_bench
from tuner.suites.suite_file import read_suite
from tuner.suites.trial import BenchSpec, Onlooker


@taking(BenchCall)
def bench(options: BenchCall) -> BenchResult:
    """Run the suite in tuner.toml and judge it against another version, or the baseline.

    Raises :class:`tuner.errors.TunerError`.
    """
    return bench_suite(options, Onlooker())


def bench_suite(options: BenchCall, onlooker: Onlooker) -> BenchResult:
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
    return BenchResult(run_bench(asked, options.store, onlooker))


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

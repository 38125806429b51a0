"""A whole suite, case after case: the story of ``tuner bench``.

    suite -> each case: functions -> calls in turn -> verdicts -> a fresh run to confirm -> store

It prints nothing and installs nothing; the answer is a :class:`BenchResult`.
"""

import secrets
from collections.abc import Iterator
from dataclasses import replace

from ulid import ULID

from tuner.errors import StoreError
from tuner.options.suites import BenchCall
from tuner.planning.budget import Meter
from tuner.records import Advice
from tuner.store.benches import Benches, StoredBench
from tuner.store.runs import Store
from tuner.suites.against import parse_against
from tuner.suites.case_run import run_case
from tuner.suites.document import bench_document
from tuner.suites.judgement import rules_for
from tuner.suites.repository import origin
from tuner.suites.result import BenchResult, CaseResult, CaseState, undecided_advice
from tuner.suites.suite import Case, Suite, alone
from tuner.suites.trial import BenchContext, Onlooker

#: The wall clock may be corrected by so much while a bench runs, in seconds.
_CORRECTION_S = 5.0


def run_bench(suite: Suite, options: BenchCall, onlooker: Onlooker) -> BenchResult:
    """Run a suite, alone on this machine, and keep its result beside its runs.

    ``suite`` is that of the options, in its environment already.
    """
    cases = suite.chosen(options.tag, options.only)
    for case in cases:  # before anything is started
        if (against := options.against or case.against) is not None:
            parse_against(against, case.target)
    suite = replace(suite, cases=cases)
    name = f"{suite.name} in {options.environment}" if options.environment else suite.name
    with (
        Store.open(options.store) as store,
        alone(name, suite, onlooker.clock, onlooker.say),
    ):
        return _saved(_measured(_context(suite, options, store, onlooker)), store)


def _saved(result: BenchResult, store: Store) -> BenchResult:
    """The result, kept in the store; where that fails it is told and nothing else is lost."""
    try:
        Benches(store).save(stored(result))
    except StoreError as error:
        why = f"{error.thing}: {error.reason}"
        text = f"This bench was not saved to the history: {why}. --json keeps it."
        lost = Advice("bench-not-stored", text)
        return replace(result, stored=False, warnings=(*result.warnings, lost))
    return result


def _measured(bench: BenchContext) -> BenchResult:
    clock, options, suite = bench.onlooker.clock, bench.options, bench.suite
    began, ticked = clock.wall(), clock.monotonic()
    warnings = _set_back(bench.store, suite, began)
    cases = tuple(_cases(bench))
    took = clock.monotonic() - ticked
    warnings += _moved(clock.wall() - began - took)
    warnings += undecided_advice(size for case in cases for size in case.sizes)
    return BenchResult(
        bench=bench.bench,
        suite=suite.name,
        environment=options.environment,
        origin=bench.origin,
        seed=bench.seed,
        started_at=began,
        finished_at=began + took,
        cases=cases,
        warn_only=suite.warn_only if options.warn_only is None else options.warn_only,
        interrupted=bench.onlooker.stop(),
        warnings=tuple(warnings),
    )


def _cases(bench: BenchContext) -> Iterator[CaseResult]:
    """Run the cases one after another, as far as the limits go."""
    cases, onlooker = bench.suite.cases, bench.onlooker
    for number, case in enumerate(cases, 1):
        if onlooker.stop():
            break
        if (over := bench.meter.ran_out()) is not None:
            yield _not_begun(case, over)
        else:
            onlooker.say(f"{case.name} ({number} of {len(cases)}): {case.target}")
            yield run_case(case, bench)


def _moved(by_s: float) -> list[Advice]:
    if abs(by_s) <= _CORRECTION_S:
        return []
    text = (
        f"The clock was set by {by_s:+.0f} s during the run; durations do not depend on it, "
        "but the times of this bench do."
    )
    return [Advice("clock-set", text)]


def _not_begun(case: Case, limit: str) -> CaseResult:
    """A case for which nothing is left."""
    reason = f"not begun: {limit}"
    return CaseResult(case.name, case.target, CaseState.INTERRUPTED, tags=case.tags, reason=reason)


def _context(suite: Suite, options: BenchCall, store: Store, onlooker: Onlooker) -> BenchContext:
    gates = sum(
        len(case.gates) * max(1, len(case.sizes_mb)) * max(1, len(case.options.architectures))
        for case in suite.cases
    )
    found = origin()
    clock, began_s = onlooker.clock, onlooker.clock.monotonic()
    return BenchContext(
        str(ULID()),
        suite,
        options,
        onlooker,
        store,
        rules_for(gates, suite.confidence),
        secrets.randbelow(2**31) if options.seed is None else options.seed,
        found if options.branch is None else replace(found, branch=options.branch),
        Meter(lambda: clock.monotonic() - began_s, options.limit, ahead=True),
    )


def _set_back(store: Store, suite: Suite, now: float) -> list[Advice]:
    """A bench in the store that is younger than now: the clock was set back since."""
    last = Benches(store).all(suite.name, limit=1)
    if not last or last[0].finished_at <= now + _CORRECTION_S:
        return []
    text = (
        f"The last bench of this suite ended {last[0].finished_at - now:.0f} s from now: the "
        "clock was set back, or another machine's is ahead; histories are out of order until "
        "then. Check the clock (timedatectl)."
    )
    return [Advice("clock-back", text)]


def stored(result: BenchResult) -> StoredBench:
    """A result as the store keeps it."""
    return StoredBench(
        bench=result.bench,
        suite=result.suite,
        environment=result.environment or "",
        branch=result.origin.branch or "",
        commit=result.origin.commit or "",
        started_at=result.started_at,
        finished_at=result.finished_at,
        verdict=None if result.verdict is None else str(result.verdict),
        document=bench_document(result),
    )

"""Sweeps and cold starts: ``tuner.sweep``, ``tuner.cold``, and what the command line adds.

Opens the parts that a run works with, and runs it; what is measured and how is in
``tuner.experiment``.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tuner.api.calling import taking
from tuner.api.forecast import forecast
from tuner.api.results import SweepResult
from tuner.api.startup_forecast import Forecasts, hold_against_limit, startup_forecast
from tuner.api.stored import ANSWER
from tuner.api.trust import begin, refuse_foreign
from tuner.decide.result import Sweep
from tuner.errors import UsageError
from tuner.experiment import sweep as sweeps
from tuner.experiment.earlier_runs import beside_earlier
from tuner.experiment.experiment import Silent, Watcher
from tuner.experiment.spec import machine_changed, run_spec
from tuner.experiment.wiring import Context, open_context
from tuner.options.commands import ColdCall, SweepCall
from tuner.options.payloads import outputs_replayed, read_payloads
from tuner.options.question import measured_arches, startup_size
from tuner.options.size_load import takes_too_much
from tuner.options.sweep import SweepOptions, as_sweep, stored_options, with_secrets
from tuner.records import Advice, Backend, FunctionFacts, RunRecord, Setting
from tuner.store.exchange import StoredRun
from tuner.store.runs import Store, find


@taking(SweepCall)
def sweep(options: SweepCall) -> SweepResult:
    """Measure a function over its memory sizes, recommend one, and write the report.

    ``output=None`` writes no report. Raises :class:`tuner.errors.TunerError`.
    """
    return _reported(run_sweep(options, options.store), options.output)


@taking(ColdCall)
def cold(options: ColdCall) -> SweepResult:
    """Force cold starts at each size, and write the report; with ``variants``, compare ways to
    start at one size.

    ``output=None`` writes no report. Raises :class:`tuner.errors.TunerError`.
    """
    measured = run_sweep(as_sweep(options), options.store, command="cold")
    return _reported(measured, options.output)


def _reported(measured: Sweep, output: Path | None) -> SweepResult:
    result = SweepResult(measured)
    return result if output is None else result.written(output)


#: Hears what a run on AWS will take, and why to ask about its load, before anything is changed or
#: invoked; an error of it ends the run.
Approve = Callable[[Forecasts, str | None], None]


def run_sweep(
    options: SweepOptions,
    store_url: str | None,
    watcher: Watcher | None = None,
    approve: Approve | None = None,
    command: str = "sweep",
) -> Sweep:
    """Open the parts, start a run, measure and answer; ``command`` is ``sweep`` or ``cold``."""
    options.check_recorded()
    payloads, watcher = read_payloads(options), watcher or Silent()
    with open_context(options, store_url, watcher) as context:
        facts = context.target.describe()
        if options.variants:
            if command != "cold":
                raise UsageError("variants", "are compared by `tuner cold`", "Leave them out.")
            size = startup_size(options, facts)
            arches = measured_arches(options, facts)
            starts = options.variants
            context.target.check(Setting(size, a, start) for a in arches for start in starts)
        _forecast_first(options, facts, store_url, command, approve)
        run = context.begun(command, options, facts, _left_out(options))
        spec = run_spec(options, payloads, run)
        spec = beside_earlier(spec, context.store) if command == "sweep" else spec
        context.store.start(run)
        begin(context.store, run)
        measure = sweeps.run_cold if command == "cold" else sweeps.run_sweep
        return _with_answer(context, measure(spec, context, watcher))


def _forecast_first(
    options: SweepOptions,
    facts: FunctionFacts,
    store_url: str | None,
    command: str,
    approve: Approve | None,
) -> None:
    """Refuse ways to start that may cost more than is allowed; have a run on AWS approved."""
    found: Forecasts
    asked = approve is not None and facts.backend is Backend.AWS
    if options.variants:
        found = startup_forecast(options, facts, store_url)
        hold_against_limit(found, options.limit.cost_usd)
    elif asked:
        found = forecast(options, facts, store_url, cold_only=command == "cold")
    if approve is not None and asked:
        approve(found, takes_too_much(options, facts))


def _with_answer(context: Context, result: Sweep) -> Sweep:
    """Keep the answer in a few words, for lists of runs."""
    pick = result.recommendation
    cost = pick.cost_usd_per_million if pick else None
    kept = {"headline": SweepResult(result).headline, "usd_per_million": cost and cost.mean}
    context.store.save_document(result.run.run, ANSWER, kept)
    return result


def _left_out(options: SweepOptions) -> tuple[Advice, ...]:
    if not options.left_out:
        return ()
    text = (
        f"The power-tuning input asks for what a sweep does not do: {'; '.join(options.left_out)}."
    )
    return (Advice("power-tuning-input", text),)


def resume_sweep(ref: str, given: SweepOptions, store_url: str | None, watcher: Watcher) -> Sweep:
    """Go on with a run that was interrupted; ``given`` supplies what the store does not keep."""
    stored = find(ref, store_url, "sweep")
    refuse_foreign(stored)
    options = with_secrets(stored_options(stored.run.options), given)
    if given.cross_check is not None:
        options = options.but(cross_check=given.cross_check)
    payloads = read_payloads(options)
    before = tuple(stored.samples)
    elapsed = max((s.done_s for s in before), default=0.0)
    with open_context(options, store_url, watcher, elapsed) as context:
        run = _taken_over(context, stored)
        spec = run_spec(options, payloads, run, before, stored.documents)
        spec = beside_earlier(spec, context.store)
        return _with_answer(context, sweeps.run_sweep(spec, context, watcher))


def _taken_over(context: Context, stored: StoredRun) -> RunRecord:
    """The run, ours now; raises UsageError when the function is not the one it began with."""
    now, before = context.target.describe(), stored.run.facts
    if (now.arch, now.runtime, now.backend) != (before.arch, before.runtime, before.backend):
        reason = "the function has another architecture or runtime than when it began"
        raise UsageError(f"run {stored.run.run}", reason, "Start a new sweep.")
    changed = machine_changed(before, now)
    run = context.store.resume(stored.run.run)
    return replace(run, warnings=(*run.warnings, changed)) if changed else run


def import_run(file: Path, store_url: str | None = None) -> RunRecord:
    """Store the run of an exported file, or the sizes of a power-tuning output as a run."""
    if (options := outputs_replayed(file)) is not None:
        return run_sweep(options, store_url).run
    with Store.open(store_url) as store:
        return store.import_(file)

"""Sweeps and cold starts: ``tuner.sweep``, ``tuner.cold``, and what the command line adds.

Opens the parts that a run works with, and runs it; what is measured and how is in
``tuner.experiment``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tuner.api.calling import taking
from tuner.api.results import SweepResult
from tuner.api.stored import ANSWER
from tuner.decide.result import Sweep
from tuner.errors import UsageError
from tuner.experiment import sweep as sweeps
from tuner.experiment.experiment import Watcher
from tuner.experiment.spec import run_spec
from tuner.experiment.wiring import Context, open_context
from tuner.options.commands import ColdCall, SweepCall
from tuner.options.payloads import read_payloads, with_power_tuning
from tuner.options.question import measured_arches, startup_size
from tuner.options.size_load import with_profile
from tuner.options.sweep import SweepOptions, as_sweep, stored_options, with_secrets
from tuner.planning.ask import Ask
from tuner.recording import is_power_tuning
from tuner.records import Advice, FunctionFacts, RunRecord, Sample, Setting
from tuner.store.exchange import StoredRun
from tuner.store.runs import Store, find
from tuner.targets.seam import Progress

__all__ = ["cold", "sweep"]

C = TypeVar("C", bound=SweepCall)


class Silent:
    """A watcher that shows nothing and never stops."""

    def asked(self, ask: Ask) -> None:
        """Show nothing."""

    def sampled(self, sample: Sample) -> None:
        """Show nothing."""

    def stop(self) -> bool:
        """Never."""
        return False


def sweep_options(target: str | None = None, **given: Any) -> SweepCall:
    """The options of a sweep by name. Raises UsageError.

    ``power_tuning_input`` names an input file of aws-lambda-power-tuning, whose options (and
    function) count where they are not given.
    """
    return sweep_call(SweepCall, {"target": target, **given} if target else given)


def sweep_call(of: type[C], given: Mapping[str, Any]) -> C:
    """The options of a sweep in a class of them, of what was written by name."""
    file, written = given.get("power_tuning_input"), dict(given)
    if file is not None:
        written = with_power_tuning(file, written)
    if not written.get("target"):
        fix = "Write tuner sweep TARGET, or name a power-tuning input that has a lambdaARN."
        raise UsageError("sweep", "needs a function", fix)
    return with_profile(of(**written))


@taking(SweepCall, sweep_options)
def sweep(options: SweepCall) -> SweepResult:
    """Measure a function over its memory sizes, recommend one, and write the report.

    ``output=None`` writes no report. Raises :class:`tuner.errors.TunerError`.
    """
    return _reported(run_sweep(options, options.store, Silent()), options.output)


@taking(ColdCall)
def cold(options: ColdCall) -> SweepResult:
    """Force cold starts at each size, and write the report; with ``variants``, compare ways to
    start at one size.

    ``output=None`` writes no report. Raises :class:`tuner.errors.TunerError`.
    """
    measured = run_sweep(as_sweep(options), options.store, Silent(), command="cold")
    return _reported(measured, options.output)


def _reported(measured: Sweep, output: Path | None) -> SweepResult:
    result = SweepResult(measured)
    return result if output is None else result.written(output)


#: Hears what the function is before anything is changed or invoked; an error of it ends the run.
Approve = Callable[[FunctionFacts], None]


def run_sweep(
    options: SweepOptions,
    store_url: str | None,
    watcher: Watcher,
    progress: Progress = lambda _text: None,
    approve: Approve = lambda _facts: None,
    command: str = "sweep",
) -> Sweep:
    """Open the parts, start a run, measure and answer; ``command`` is ``sweep`` or ``cold``."""
    payloads = read_payloads(options)
    with open_context(options, store_url, progress) as context:
        facts = context.target.describe()
        if options.variants:
            if command != "cold":
                raise UsageError("variants", "are compared by `tuner cold`", "Leave them out.")
            size = startup_size(options, facts)
            arches = measured_arches(options, facts)
            starts = options.variants
            context.target.check(Setting(size, a, start) for a in arches for start in starts)
        approve(facts)
        run = context.begun(command, options, facts, _left_out(options))
        spec = run_spec(options, payloads, run)
        context.store.start(run)
        measure = sweeps.run_cold if command == "cold" else sweeps.run_sweep
        return _with_answer(context, measure(spec, context, watcher))


def _with_answer(context: Context, result: Sweep) -> Sweep:
    """Keep the answer in a few words, for lists of runs."""
    answer = SweepResult(result).answer
    context.store.save_document(result.run.run, ANSWER, {"headline": answer})
    return result


def _left_out(options: SweepOptions) -> tuple[Advice, ...]:
    if not options.left_out:
        return ()
    text = (
        f"The power-tuning input asks for what a sweep does not do: {'; '.join(options.left_out)}."
    )
    return (Advice("power-tuning-input", text),)


def resume_sweep(
    ref: str,
    given: SweepOptions,
    store_url: str | None,
    watcher: Watcher,
    progress: Progress = lambda _text: None,
) -> Sweep:
    """Go on with a run that was interrupted; ``given`` supplies what the store does not keep."""
    stored = find(ref, store_url, "sweep")
    options = with_secrets(stored_options(stored.run.options), given)
    if given.cross_check is not None:
        options = options.but(cross_check=given.cross_check)
    payloads = read_payloads(options)
    elapsed = max((s.done_s for s in stored.samples), default=0.0)
    with open_context(options, store_url, progress, elapsed) as context:
        run = _taken_over(context, stored)
        spec = run_spec(options, payloads, run, stored.samples, stored.documents)
        return _with_answer(context, sweeps.run_sweep(spec, context, watcher))


def _taken_over(context: Context, stored: StoredRun) -> RunRecord:
    """The run, ours now; raises UsageError when the function is not the one it began with."""
    from tuner.measure.health import machine_changed

    now, before = context.target.describe(), stored.run.facts
    if (now.arch, now.runtime, now.backend) != (before.arch, before.runtime, before.backend):
        reason = "the function has another architecture or runtime than when it began"
        raise UsageError(f"run {stored.run.run}", reason, "Start a new sweep.")
    changed = machine_changed(before, now)
    run = context.store.resume(stored.run.run)
    return replace(run, warnings=(*run.warnings, changed)) if changed else run


def import_run(file: Path, store_url: str | None = None) -> RunRecord:
    """Store the run of an exported file, or the sizes of a power-tuning output as a run."""
    if is_power_tuning(file):
        options = SweepOptions(
            f"replay:{file}", memory="recorded", method="grid", samples=1, cold=0, seed=0
        )
        return run_sweep(options, store_url, Silent()).run
    with Store.open(store_url) as store:
        return store.import_(file)

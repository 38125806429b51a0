"""The public Python API: the commands as functions, with the command line's option names.

``tuner.sweep("demo:cpu", memory="128:1536", slo=["p95<300ms"], seed=1)`` returns a
:class:`Result`; its ``to_dict()`` is the JSON document ``tuner.sweep/1``.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ulid import ULID

from tuner.decide.result import Recommendation, Sweep
from tuner.errors import UsageError
from tuner.experiment import sweep as sweeps
from tuner.experiment.experiment import Watcher
from tuner.experiment.recommend import PricedAs, recommend_run
from tuner.experiment.spec import run_spec
from tuner.experiment.wiring import Context, open_context
from tuner.options.meaning import check, read_variants, startup_size
from tuner.options.options import SweepOptions, as_written, stored_options, with_secrets
from tuner.options.payloads import read_payloads, with_power_tuning
from tuner.options.sides import measured_arches
from tuner.options.size_load import read_load, with_profile
from tuner.planning.ask import Ask
from tuner.recording import is_power_tuning
from tuner.records import Advice, FunctionFacts, RunRecord, RunState, Sample, Setting
from tuner.store.exchange import StoredRun
from tuner.store.runs import Store, find
from tuner.targets.seam import Progress

__all__ = ["Result", "recommend", "sweep"]


@dataclass(frozen=True)
class Result:
    """A sweep, measured and answered."""

    sweep: Sweep

    @property
    def recommendation(self) -> Recommendation | None:
        """The answer; ``None`` when no invocation ended with a duration."""
        return self.sweep.recommendation

    def to_dict(self) -> dict[str, Any]:
        """The document ``tuner.sweep/1``."""
        from tuner.report.sweep_document import document

        return document(self.sweep)


class Silent:
    """A watcher that shows nothing and never stops."""

    def asked(self, ask: Ask) -> None:
        """Show nothing."""

    def sampled(self, sample: Sample) -> None:
        """Show nothing."""

    def stop(self) -> bool:
        """Never."""
        return False


def sweep(target: str | None = None, **options: Any) -> Result:
    """Measure a function over its memory sizes and recommend one; writes the report.

    Options are those of ``tuner sweep``: ``store`` and ``output`` name where runs and reports go
    (``output=None`` writes no report). The target may be left to ``power_tuning_input``. Raises
    :class:`tuner.errors.TunerError`.
    """
    store, output = options.pop("store", None), options.pop("output", "reports")
    result = run_sweep(sweep_options(target, **options), store, Silent())
    if output is not None:
        from tuner.report.pages import with_report

        result = with_report(result, Path(output))
    return Result(result)


def recommend(
    run: str,
    *,
    store: str | None = None,
    region: str | None = None,
    arch: str | None = None,
    **options: Any,
) -> Result:
    """Choose again from a stored run; ``options`` override the run's. Nothing is invoked.

    ``run`` is an id, a unique prefix, ``last`` or an exported file; ``region`` and ``arch`` name
    other prices.
    """
    return Result(recommend_run(run, store, PricedAs(region, arch), as_written(options)))


def sweep_options(
    target: str | None, *, power_tuning_input: str | None = None, **options: Any
) -> SweepOptions:
    """Options by name, checked; a seed is drawn if none is given. Raises UsageError.

    ``power_tuning_input`` names an input file of aws-lambda-power-tuning, whose options (and
    function) count where they are not given.
    """
    given = as_written(options)
    if power_tuning_input is not None:
        target, given = with_power_tuning(power_tuning_input, target, given)
    if target is None:
        fix = "Write tuner sweep TARGET, or name a power-tuning input that has a lambdaARN."
        raise UsageError("sweep", "needs a function", fix)
    if given.get("seed") is None:
        given["seed"] = secrets.randbelow(2**31)
    made = SweepOptions(target=target, **given)
    check(made)
    return with_profile(made, read_load(made))


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
        startups = read_variants(options)
        if startups:
            if command != "cold":
                raise UsageError("variants", "are compared by `tuner cold`", "Leave them out.")
            size = startup_size(options, facts)
            arches = measured_arches(options, facts)
            context.target.check(Setting(size, a, start) for a in arches for start in startups)
        approve(facts)
        run = RunRecord(
            run=str(ULID()),
            command=command,
            target=options.target,
            state=RunState.RUNNING,
            seed=options.seed,
            started_at=context.clock.wall(),
            finished_at=None,
            options=options.stored(),
            facts=facts,
            warnings=(*context.notes, *_left_out(options)),
        )
        spec = run_spec(options, payloads, run)
        context.store.start(run)
        measure = sweeps.run_cold if command == "cold" else sweeps.run_sweep
        return measure(spec, context, watcher)


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
        options = replace(options, cross_check=given.cross_check)
    payloads = read_payloads(options)
    elapsed = max((s.done_s for s in stored.samples), default=0.0)
    with open_context(options, store_url, progress, elapsed) as context:
        run = _taken_over(context, stored)
        spec = run_spec(options, payloads, run, stored.samples, stored.documents)
        return sweeps.run_sweep(spec, context, watcher)


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
        options = sweep_options(
            f"replay:{file}", memory="recorded", method="grid", samples=1, cold=0, seed=0
        )
        return run_sweep(options, store_url, Silent()).run
    with Store.open(store_url) as store:
        return store.import_(file)

"""Earlier sweeps of the same function in the store, and what they tell of differences between runs.

Read before a run begins and kept beside it, so that it answers alike at any later time. The same is
the target's text, the function and its code by their hashes, its runtime, and what it is called
with; of a function of this machine, the machine. What else decides how long it takes, such as the
function's own environment on AWS, is not known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tuner.decide.conclude_across import ArchSide
from tuner.experiment.spec import RunSpec
from tuner.model import FloatArray, IntArray
from tuner.model.between_runs import runs_apart
from tuner.model.observations import from_samples
from tuner.records import ON_DEMAND, Backend, Purpose, RunRecord
from tuner.sample_table import Kind, SampleTable
from tuner.store.documents import RunSpread, RunSpreads
from tuner.store.runs import Store

#: So many of the latest are enough, and are read in a moment.
_MOST = 10
_FACTS = ("backend", "arn", "code_sha256", "runtime", "handler")
_OPTIONS = (
    *("payload", "payloads", "template", "event", "pre", "post"),
    *("handler", "runtime", "env", "parameter", "cpu"),
)
_MACHINE = ("machine", "cores", "cpu_method")


def beside_earlier(spec: RunSpec, store: Store) -> RunSpec:
    """Return the run with what earlier ones of the same function tell of their differences."""
    earlier = [store.samples(each.run) for each in _same_before(spec.run, store)]
    found = {arch: _spread(side, earlier) for arch, side in spec.sides.items()}
    told = {arch: spread for arch, spread in found.items() if spread is not None}
    sides = {
        arch: replace(side, question=replace(side.question, run_sd=told[arch].sd))
        if arch in told
        else side
        for arch, side in spec.sides.items()
    }
    return replace(spec, sides=sides, spreads=RunSpreads(tuple(told.values())))


def _same_before(run: RunRecord, store: Store) -> list[RunRecord]:
    """The latest sweeps of the same function that began before this one; none of a recording, whose
    rows are one run, nor where its code is not known."""
    if run.facts.backend is Backend.REPLAY or run.facts.code_sha256 is None:
        return []
    runs = (each for each in store.runs(command="sweep") if each.run != run.run)
    return [each for each in runs if each.started_at < run.started_at and _same(each, run)][:_MOST]


def _same(earlier: RunRecord, run: RunRecord) -> bool:
    before, now = earlier.facts, run.facts
    machine = all(before.platform.get(key) == now.platform.get(key) for key in _MACHINE)
    return (
        earlier.target == run.target
        and all(getattr(before, name) == getattr(now, name) for name in _FACTS)
        and all(earlier.options.get(name) == run.options.get(name) for name in _OPTIONS)
        and (machine or now.backend is not Backend.LOCAL)
    )


def _spread(side: ArchSide, runs: Sequence[SampleTable]) -> RunSpread | None:
    """What the runs tell of one architecture; ``None`` unless two of them have a common size."""
    arch, usual = side.question.goal.arch, side.question.run_sd
    found = runs_apart(list(_calls(arch, runs)), usual)
    return None if found is None else RunSpread(arch, found.sd, usual, found.runs, found.sizes)


def _calls(arch: str, runs: Sequence[SampleTable]) -> Iterator[tuple[IntArray, FloatArray]]:
    """Sizes and durations of each run's warm calls that were made alone."""

    def wanted(kind: Kind) -> bool:
        own = kind.setting.alone == kind.setting.asked and kind.setting.arch == arch
        return own and kind.purpose is Purpose.WARM and kind.setting.start == ON_DEMAND

    for samples in runs:
        seen = from_samples(samples.only(wanted))
        yield seen.memory_mb, seen.duration_ms

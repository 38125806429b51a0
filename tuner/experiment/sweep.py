"""A sweep, and cold starts, from the first call to the answer: which planners run, in which order.

sizes -> the pick confirmed -> cold starts around it -> loads on sizes -> the function restored
-> the answer
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tuner.crosscheck.tally import tally_of
from tuner.decide.conclude_across import Findings, conclude_all
from tuner.decide.confirm import Confirmation
from tuner.decide.decide import Decider
from tuner.decide.load_plan import LoadsPlanner
from tuner.decide.planner import SizesPlanner, left_of, lost_arches
from tuner.decide.result import SizeRow, Sweep
from tuner.experiment.experiment import Experiment, Watcher, cross_checked, kept, restored
from tuner.experiment.session import Session
from tuner.experiment.spec import RunSpec
from tuner.experiment.sweep_book import SweepBook
from tuner.experiment.wiring import Context
from tuner.planning.ask import Ask, Done, How, Planner
from tuner.planning.budget import NO_LIMIT, Meter
from tuner.planning.cold import COLD_STARTS, ColdStarts, Once
from tuner.planning.sizes import grid_sizes
from tuner.planning.starts import Starts
from tuner.records import Advice, Backend, RunState, Setting
from tuner.store.documents import calm
from tuner.units import listed

#: What a reader can do about an architecture that is missing.
_NEXT = "Its code, layers or image have to be built for it first."


def run_sweep(spec: RunSpec, context: Context, watcher: Watcher) -> Sweep:
    """Measure until the decision is settled, restore the function, and answer."""
    questions, facts = {arch: side.question for arch, side in spec.sides.items()}, spec.run.facts
    with kept(context, spec.run):
        book = SweepBook(context, spec)
        experiment = _experiment(spec, context, watcher, book)
        with restored(context.target):
            here = facts.arch if facts.memory_mb is not None else None
            ended = [experiment.run(SizesPlanner(questions, spec.exploring, here))]
            if book.over is None:
                ended += _after_sizes(spec, experiment)
        answer = _answered(spec, experiment, book, ended)
    return _held_against(spec, experiment, answer)


def _after_sizes(spec: RunSpec, experiment: Experiment) -> Iterator[Done]:
    """Confirm the pick, force cold starts around it, and put sizes under load."""
    questions = {arch: side.question for arch, side in spec.sides.items()}
    yield experiment.run(Confirmation(questions, spec.confirming))
    picks = _picks(spec, experiment)
    yield experiment.run(ColdStarts(_that_start_cold(spec, picks), spec.cold, spec.limit))
    if spec.load is not None and any(pick is not None for pick in picks.values()):
        yield experiment.run(LoadsPlanner(questions, spec.load, spec.limit))


def run_cold(spec: RunSpec, context: Context, watcher: Watcher) -> Sweep:
    """Force cold starts at each size, restore the function, and show them; nothing is chosen."""
    with kept(context, spec.run):
        book = SweepBook(context, spec)
        experiment = _experiment(spec, context, watcher, book)
        with restored(context.target):
            ended = experiment.run(_cold_planner(spec, experiment))
        answer = _answered(spec, experiment, book, [ended])
    return _held_against(spec, experiment, answer)


def _experiment(spec: RunSpec, context: Context, watcher: Watcher, book: SweepBook) -> Experiment:
    meter = Meter(context.seconds, spec.limit)
    conditions = replace(spec.conditions(), stop=watcher.stop, left=meter.left)
    session = Session(context.target, context.engine, spec.run.facts, conditions, context.clock)
    for sample in spec.before:
        meter.add(spec.price(sample))
    return Experiment(context, session, book, spec.price, watcher, meter)


def _picks(spec: RunSpec, experiment: Experiment) -> dict[str, int | None]:
    """The size (MB) to choose on each architecture, as it looks now; ``None`` where none worked."""
    so_far, picks = experiment.so_far(), {}
    for arch, side in spec.sides.items():
        own = calm([sample for sample in so_far.samples if sample.arch == arch])
        standing = Decider(left_of(side.question, so_far.failed)).stand(own)
        picks[arch] = None if standing is None else standing.memory_mb
    return picks


def _that_start_cold(spec: RunSpec, picks: dict[str, int | None]) -> dict[str, int | None]:
    """Those architectures on which cold starts can be forced, or were recorded."""
    facts = spec.run.facts
    if facts.invoke_only:
        return {}
    return {
        arch: pick
        for arch, pick in picks.items()
        if facts.on(arch).platform.get("recorded_cold_starts", True)
    }


def _cold_planner(spec: RunSpec, experiment: Experiment) -> Planner:
    """Cold starts at every size, or in every way to start, on every architecture."""
    facts, each = spec.run.facts, spec.cold or COLD_STARTS
    sizes = {
        arch: grid_sizes(side.question.wish, facts.on(arch).recorded_mb)
        for arch, side in spec.sides.items()
    }
    if spec.starts:
        at_once = experiment.session.burst if facts.backend is Backend.AWS else each
        ways = [Setting(sizes[arch][0], arch, way) for way in spec.starts for arch in sizes]
        return Starts(ways, each, at_once, spec.limit)
    had = [(s.memory_mb, s.arch) for s in spec.before if s.cold]
    counts = {
        Setting(size, arch): each - had.count((size, arch))
        for arch in _that_start_cold(spec, dict.fromkeys(sizes))
        for size in sizes[arch]
    }
    asks = [Ask(counts, "cold starts", How.COLD)] if counts else []
    return Once(asks, "every size has its cold starts")


def _answered(
    spec: RunSpec, experiment: Experiment, book: SweepBook, ended: Iterable[Done]
) -> Sweep:
    """Conclude from all samples, and close the run in the store as what it turned out to be."""
    context, failed = experiment.context, experiment.session.failed
    ends = list(ended)
    last = next((done for done in reversed(ends) if not done.settled), ends[0])
    target = context.target
    advice = (*_lost(spec, experiment), *book.advice, *target.doubts(), *target.altered())
    run = replace(spec.run, finished_at=context.clock.wall(), note=last.reason)
    run = replace(run, warnings=(*run.warnings, *advice))
    sides = {
        arch: replace(side, question=left_of(side.question, failed))
        for arch, side in spec.sides.items()
    }
    result = conclude_all(Findings(run, book.samples, failed, book.notes), sides)
    limited = spec.limit != NO_LIMIT or spec.starts
    broken = sorted({r.memory_mb for each in result.each for r in each.sizes if _failed(r)})
    state, note = RunState.DONE, run.note
    if experiment.watcher.stop():
        state = RunState.INTERRUPTED
    elif limited and not last.settled:
        state = RunState.PARTIAL
    elif broken:  # that is why, however settled the rest is
        state = RunState.PARTIAL
        note = f"{listed(f'{size:,}' for size in broken)} MB failed" if last.settled else note
    context.store.finish(run.run, state, run.finished_at or 0.0, run.warnings, note=note)
    return replace(result, run=replace(result.run, state=state, note=note))


def _failed(row: SizeRow) -> bool:
    return row.status == "failed"


def _lost(spec: RunSpec, experiment: Experiment) -> tuple[Advice, ...]:
    """Warnings about architectures that could not be measured at all."""
    so_far = experiment.so_far()
    lost = lost_arches(so_far.samples, so_far.failed, spec.sides)
    return tuple(
        Advice("architecture-lost", f"{arch} could not be measured: {why}. {_NEXT}")
        for arch, why in lost.items()
    )


def _held_against(spec: RunSpec, experiment: Experiment, answer: Sweep) -> Sweep:
    """The answer, held against what CloudWatch counted; where they differ is one more warning."""
    context, run = experiment.context, answer.run
    tally = tally_of(experiment.book.samples[len(spec.before) :], traced=run.facts.traced)
    found = cross_checked(context, run, tally, spec.patience_s, experiment.watcher)
    if found is None:
        return answer
    run = replace(run, warnings=(*run.warnings, *found.advice))
    return replace(answer, run=run, warnings=(*answer.warnings, *found.advice), cross_check=found)

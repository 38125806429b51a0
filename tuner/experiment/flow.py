"""The whole story, in order; the first file to read.

    target -> plan -> load -> measure -> store -> model -> recommend -> report

Here the rooms meet; each step is a call into one. The parts come from ``wiring``, the question
from ``request``, the steps of measuring from ``gathering``; the answer is shown by whoever asked.
"""

from dataclasses import replace

from tuner.decide.cold_plan import COLD_STARTS, cold_plan
from tuner.decide.conclude import Evidence, conclude
from tuner.decide.conclude_across import conclude_across
from tuner.decide.result import Sweep
from tuner.experiment.across import AcrossGathering
from tuner.experiment.errand import Errand
from tuner.experiment.gathering import Gathering, Watcher, held_against, kept, put_back
from tuner.experiment.startups import StartupGathering
from tuner.experiment.under_load import LoadGathering
from tuner.experiment.wiring import Parts
from tuner.options.meaning import without
from tuner.planning.ask import Done
from tuner.planning.sizes import grid_sizes
from tuner.records import RunState


def sweep(parts: Parts, errand: Errand, watcher: Watcher) -> Sweep:
    """Measure until the decision is settled, put the function back, and answer."""
    with kept(parts, errand.run):
        gathering = Gathering(parts, errand, watcher)
        with put_back(parts):
            ended = gathering.until_settled()
            samples, decider = gathering.samples, gathering.decider()
            spent = decider.spent(samples, gathering.seconds())
            pick = decider.answer(samples).recommendation
            gathering.cold_starts(cold_plan(samples, pick, errand.cold, errand.limit, spent))
            under_load = None
            if errand.load is not None and pick is not None:
                under_load = LoadGathering(parts, errand, gathering, watcher)
                compared = under_load.until_compared()
                ended = ended if compared.settled else compared
        answer = _answer(parts, errand, gathering, ended, watcher, under_load)
    return held_against(parts, errand, gathering.samples, answer, watcher)


def sweep_across(parts: Parts, errand: Errand, watcher: Watcher) -> Sweep:
    """The same on several architectures at once, and an answer over them."""
    with kept(parts, errand.run):
        gathering = AcrossGathering(parts, errand, watcher)
        with put_back(parts):
            ended = gathering.until_settled()
            gathering.cold_starts()
        run = replace(errand.run, finished_at=parts.clock.wall(), note=ended.reason)
        run = replace(run, warnings=(*run.warnings, *gathering.advice()))
        result = conclude_across(
            run, gathering.samples, gathering.sides(), gathering.session.failed
        )
        answer = _closed(parts, errand, result, ended, watcher)
    return held_against(parts, errand, gathering.samples, answer, watcher)


def cold(parts: Parts, errand: Errand, watcher: Watcher) -> Sweep:
    """Force cold starts at each size, put the function back, and show them; nothing is chosen."""
    with kept(parts, errand.run):
        gathering = Gathering(parts, errand, watcher)
        sizes = grid_sizes(errand.question.wish, errand.run.facts.recorded_mb)
        had = [s.memory_mb for s in gathering.samples if s.cold]
        wanted = {size: (errand.cold or COLD_STARTS) - had.count(size) for size in sizes}
        ended, compared = Done("every size has its cold starts", True), None
        with put_back(parts):
            if errand.startups:
                compared = StartupGathering(parts, errand, gathering, watcher)
                ended = compared.until_compared(sizes[0])
            else:
                gathering.cold_starts(wanted)
        answer = _answer(parts, errand, gathering, ended, watcher, compared=compared)
    return held_against(parts, errand, gathering.samples, answer, watcher)


def _answer(
    parts: Parts,
    errand: Errand,
    gathering: Gathering,
    ended: Done,
    watcher: Watcher,
    under_load: LoadGathering | None = None,
    compared: StartupGathering | None = None,
) -> Sweep:
    """Conclude from all samples, and close the run."""
    failed = gathering.failed
    run = replace(errand.run, finished_at=parts.clock.wall(), note=ended.reason)
    loads = None
    if under_load is not None:
        run = replace(run, warnings=(*run.warnings, *under_load.advice))
        loads = under_load.loads
    startups = None if compared is None else compared.startups
    evidence = Evidence(run, gathering.samples, errand.prices, failed, loads, startups)
    result = conclude(evidence, without(errand.question, failed))
    return _closed(parts, errand, result, ended, watcher)


def _closed(parts: Parts, errand: Errand, result: Sweep, ended: Done, watcher: Watcher) -> Sweep:
    """Close the run in the store as what it turned out to be."""
    run, state = result.run, RunState.DONE
    failed = any(row.status == "failed" for each in result.each for row in each.sizes)
    if watcher.stop():
        state = RunState.INTERRUPTED
    elif ((errand.limited or errand.startups) and not ended.settled) or failed:
        state = RunState.PARTIAL
    parts.store.finish(run.run, state, run.finished_at or 0.0, run.warnings, note=run.note)
    return replace(result, run=replace(run, state=state))

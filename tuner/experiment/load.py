"""The story of a load: one configuration, one profile, every request kept and judged.

target -> load -> measure -> store -> judge
"""

from dataclasses import dataclass, field, replace
from functools import partial

from tuner.billing.cost import cost_usd
from tuner.crosscheck.ledger import Ledger
from tuner.decide.load_result import Limit, Load, Step, judge, limit_advice
from tuner.engine.engine import Mode
from tuner.engine.knee import KneeSearch
from tuner.engine.retry import ADAPTIVE
from tuner.engine.stop_on import StopCondition
from tuner.errors import TargetError
from tuner.experiment.gathering import Watcher, cross_checked, kept, put_back
from tuner.experiment.wiring import Parts
from tuner.measure.event_drain import EventDrain, event_advice, incomplete
from tuner.measure.event_figures import with_events
from tuner.measure.late_reports import LateReports
from tuner.measure.load_figures import LoadFigures, LoadTally
from tuner.measure.load_health import front_advice, load_advice
from tuner.measure.loading import Loading
from tuner.measure.mishaps import Mishaps
from tuner.measure.refusal import front_refusal, refusal
from tuner.options.load import LoadErrand
from tuner.records import Advice, RunState, Sample, Setting
from tuner.store.keeper import Keeper
from tuner.targets.seam import Progress, Variant, one_variant
from tuner.units import format_rate

#: Advice which says that a higher rate would measure the generator.
_GENERATOR = frozenset({"generator-busy", "generator-behind"})
#: Advice which says that something broke.
_FAILED = frozenset({"ended-early", "worker-lost"})


def load(
    parts: Parts, errand: LoadErrand, watcher: Watcher, progress: Progress = lambda _text: None
) -> Load:
    """Send the load until it is over or cut short, put the function back, and judge."""
    keeper = Keeper(parts.store, errand.run.run, errand.run.seed)
    ledger = Ledger(traced=errand.run.facts.traced)
    with kept(parts, errand.run):
        with put_back(parts):
            try:
                counting = Counting(_variant(parts, errand), keeper, ledger)
                send = _find_limit if errand.find_limit else _load
                result = send(parts, errand, counting, watcher, progress)
            finally:
                keeper.flush()
        warnings = (*result.warnings, *keeper.advice())
        result = _finished(parts, replace(result, warnings=warnings), watcher)
    return _checked(parts, errand, ledger, result, watcher)


def _find_limit(
    parts: Parts, errand: LoadErrand, counting: "Counting", watcher: Watcher, progress: Progress
) -> Load:
    """Try higher and higher rates, each as a load of its own; the best one is the answer."""
    search = KneeSearch(errand.profile.peak_per_s)
    best: Load | None = None
    last: Load | None = None
    steps: list[Step] = []
    calls, spent, generator = 0, 0.0, False
    while search.rate is not None and not watcher.stop():
        progress(f"trying {format_rate(search.rate)}")
        left = None if errand.max_cost_usd is None else errand.max_cost_usd - spent
        step = replace(errand.at_rate(search.rate, calls), max_cost_usd=left)
        last = _load(parts, step, replace(counting, tally=LoadTally()), watcher, progress)
        calls += last.figures.calls + sum(last.figures.dropped.values())
        spent += last.cost_usd or 0.0
        tried = Step(search.rate, last.figures, last.verdicts, last.run.note)
        generator = any(advice.code in _GENERATOR for advice in last.warnings)
        failed = any(advice.code in _FAILED for advice in last.warnings)
        if watcher.stop() or failed or (left is not None and (last.cost_usd or 0.0) >= left):
            break  # something else than this rate ended it
        steps.append(tried)
        if generator:
            break
        best = last if tried.borne else best
        search.tell(tried.borne)
    assert last is not None
    chosen = best or last
    limit = Limit(search.best, search.worst, tuple(steps), generator)
    note = last.run.note if search.rate is not None and not generator else None
    warnings = (*chosen.warnings, *limit_advice(limit))
    return replace(chosen, limit=limit, run=replace(chosen.run, note=note), warnings=warnings)


@dataclass(frozen=True)
class Counting:
    """Whom a load calls, and who takes its samples; ``drain`` follows those that are events."""

    variant: Variant
    keeper: Keeper
    ledger: Ledger
    drain: EventDrain | None = None
    tally: LoadTally = field(default_factory=LoadTally)


def _load(
    parts: Parts, errand: LoadErrand, counting: Counting, watcher: Watcher, progress: Progress
) -> Load:
    """One load, sent and judged, its events followed; its note says why it was cut short."""
    counting = replace(counting, drain=_drain(parts, errand, counting.variant))
    ending = _send(parts, errand, counting, watcher)
    if counting.drain is not None:
        counting.drain.run(errand.drain_s, watcher.stop, progress)
    return _concluded(parts, errand, counting, ending)


def _drain(parts: Parts, errand: LoadErrand, variant: Variant) -> EventDrain | None:
    """Who follows events; an error if that is not allowed, before anything is sent."""
    if errand.sending.mode is not Mode.ASYNC:
        return None
    trail = parts.target.events(variant)
    assert trail is not None, "only a recording has no events, and was refused"
    origin_wall_s = parts.clock.wall() - (parts.clock.monotonic() - parts.origin_s)
    return EventDrain(trail, parts.clock, origin_wall_s)


@dataclass(frozen=True)
class Ending:
    """Why a load was cut short, if it was, and what to do about that."""

    note: str | None
    advice: tuple[Advice, ...] = ()


def _send(parts: Parts, errand: LoadErrand, counting: Counting, watcher: Watcher) -> Ending:
    """Send and count; why the load was cut short, if it was."""
    condition, mishaps = StopCondition(errand.rules), Mishaps(partial(_refusal, errand))
    tally, keeper = counting.tally, counting.keeper
    loading = Loading(errand.profile, counting.variant, errand.payloads, errand.sending)
    note, late = None, LateReports(parts.target)
    for sample in mishaps.survived(parts.engine.run(loading.batch(errand.run.facts))):
        tally.start_s = loading.began(sample.call, sample.due_s)
        tally.add(sample)
        counting.ledger.add(sample)
        keeper.keep(sample)
        watcher.sampled(sample)
        mishaps.hear(sample)
        if counting.drain is not None:
            counting.drain.accept(sample)
        else:
            late.note(sample)
        condition.watch(sample)
        if note is None and (note := mishaps.note or _enough(errand, tally, condition, watcher)):
            parts.engine.stop()
    keeper.flush()
    for sample in late.found():
        tally.report(sample)
        counting.ledger.report(sample)
        keeper.amend(sample)
    return Ending(note or mishaps.note, mishaps.advice())


def _refusal(errand: LoadErrand, sample: Sample, first_contact: bool) -> TargetError | None:
    """The error that ends the load, as what is loaded tells it."""
    if errand.front is not None:
        return front_refusal(sample, errand.front.shown, first_contact)
    return refusal(sample, errand.run.facts, first_contact)


def _variant(parts: Parts, errand: LoadErrand) -> Variant:
    """The configuration to call: a version of another size, or the function as it is."""
    setting = Setting(errand.memory_mb, errand.run.facts.arch, load=errand.profile.name)
    if errand.change_memory or parts.target.endpoint() is None:
        return one_variant(parts.target, setting)
    return Variant(setting, errand.qualifier)


def _enough(
    errand: LoadErrand, tally: LoadTally, condition: StopCondition, watcher: Watcher
) -> str | None:
    """Why to stop now."""
    if watcher.stop():
        return "stopped by the user"
    if condition.met:
        return f"stopped on {condition.met}"
    if errand.max_cost_usd is not None:
        spent = spent_usd(tally.billed_ms, tally.billed, errand)
        if spent is not None and spent >= errand.max_cost_usd:
            return f"the limit of ${errand.max_cost_usd:g} is reached"
    return None


def spent_usd(billed_ms: float | None, requests: int, errand: LoadErrand) -> float | None:
    """US dollars of so many requests with so many billed ms in all; ``None`` if not known."""
    if billed_ms is None:
        return None
    if not requests:
        return 0.0
    ephemeral_mb = errand.run.facts.ephemeral_mb
    once = cost_usd(billed_ms, errand.memory_mb, errand.prices, ephemeral_mb)
    return once + (requests - 1) * errand.prices.request_usd


def _concluded(parts: Parts, errand: LoadErrand, counting: Counting, ending: Ending) -> Load:
    """Figures, verdicts and doubts."""
    tally, events = counting.tally, None
    figures, advice = _figures(parts, errand, tally, ending)
    if errand.front is not None:
        advice = (*advice, *front_advice(figures))
    if counting.drain is not None:
        events = counting.drain.figures(tally.start_s)
        followed = dict(counting.drain.followed()) if counting.ledger.traced else {}
        counting.ledger.of_events(events, followed, parts.clock.monotonic() - parts.origin_s)
        figures = with_events(figures, events)
        advice = (*advice, *event_advice(events, removed=errand.change_memory))
        ending = replace(ending, note=ending.note or incomplete(events))
    cost = spent_usd(figures.billed_ms, figures.billed, errand)
    return Load(
        run=replace(errand.run, note=ending.note),
        profile=errand.profile,
        memory_mb=errand.memory_mb,
        retry=errand.sending.retry,
        mode=errand.sending.mode.value,
        figures=figures,
        cost_usd=cost,
        verdicts=judge(errand.slos, figures, cost, events),
        warnings=(*errand.run.warnings, *ending.advice, *advice),
        front=errand.front,
        processors=parts.engine.shortfall().processors,
        events=events,
    )


def _figures(
    parts: Parts, errand: LoadErrand, tally: LoadTally, ending: Ending
) -> tuple[LoadFigures, tuple[Advice, ...]]:
    """What the answers tell, and whether the generator could keep up."""
    profile, shortfall = errand.profile, parts.engine.shortfall()
    sent = tally.calls + sum(shortfall.dropped.values())
    figures = tally.figures(
        planned_s=profile.duration_s,
        asked=None if profile.users else float(sent),
        shortfall=shortfall,
        stopped_s=None if ending.note is None else tally.last_sent_s,
    )
    concurrency, adaptive = errand.sending.concurrency, errand.sending.retry == ADAPTIVE
    return figures, load_advice(figures, shortfall, concurrency, adaptive=adaptive)


def _finished(parts: Parts, result: Load, watcher: Watcher) -> Load:
    """Close the run in the store, as what it turned out to be."""
    note = "stopped by the user" if watcher.stop() else result.run.note
    state = RunState.DONE if note is None else RunState.PARTIAL
    state = RunState.INTERRUPTED if watcher.stop() else state
    ended = parts.clock.wall()
    run = replace(result.run, state=state, finished_at=ended, note=note)
    parts.store.finish(run.run, state, ended, result.warnings, note=note)
    return replace(result, run=run)


def _checked(
    parts: Parts, errand: LoadErrand, ledger: Ledger, result: Load, watcher: Watcher
) -> Load:
    """The load, held against what CloudWatch counted; where they differ is one more warning."""
    run = result.run
    found = cross_checked(parts, run, ledger, errand.patience_s, watcher)
    if found is None:
        return result
    warnings = (*result.warnings, *found.advice)
    parts.store.finish(run.run, run.state, run.finished_at or 0.0, warnings, note=run.note)
    return replace(result, warnings=warnings, cross_check=found)

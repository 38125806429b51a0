"""The samples of a load: counted as they arrive, stored by a fair choice, and judged.

A load may have a million of them, so none is held.
"""

from dataclasses import replace

from tuner.billing.cost import cost_usd
from tuner.crosscheck.tally import Tally
from tuner.decide.goal import SloScope
from tuner.decide.load_result import Load, RateStep, judge
from tuner.engine.batches import SizeLoad
from tuner.engine.engine import Mode
from tuner.engine.retry import ADAPTIVE
from tuner.engine.stop_on import StopCondition
from tuner.experiment.afterwards import EventDrain, LateReports
from tuner.experiment.experiment import STOPPED, Book, Watcher
from tuner.experiment.session import Session
from tuner.experiment.spec import LoadRun
from tuner.experiment.wiring import Context
from tuner.measure.event_figures import with_events
from tuner.measure.load_figures import LoadFigures, LoadTally
from tuner.measure.load_health import (
    LAG_MS,
    event_advice,
    front_advice,
    incomplete,
    load_advice,
)
from tuner.planning.ask import Ask
from tuner.records import Advice, Backend, Sample
from tuner.store.retention import Keeper
from tuner.targets.seam import Variant

#: Advice which says that a higher rate would measure the generator.
_GENERATOR = frozenset({"generator-busy", "generator-behind"})
#: Advice which says that calls waited for a connection.
_FULL = "concurrency-limit"
#: Advice which says that something broke.
_FAILED = frozenset({"ended-early", "worker-lost"})


class LoadBook(Book):
    """Takes the samples of one load, or of one after another; each ends in a :class:`Load`."""

    def __init__(self, spec: LoadRun, context: Context, watcher: Watcher) -> None:
        super().__init__()
        self.steps: list[RateStep] = []
        self.best: Load | None = None
        self.generator = self.full = self.crowded = False
        self.sent = 0
        self.keeper = Keeper(context.store, spec.run.run, spec.run.seed)
        self.counted = Tally(traced=spec.run.facts.traced)
        self._spec, self._context, self._watcher = spec, context, watcher
        self._last: Load | None = None
        self._drain: EventDrain | None = None

    def last(self, ask: Ask, session: Session) -> Load:
        """The latest load; an empty one of ``ask`` where it was stopped before."""
        if self._last is None:
            self.begin(ask, session)
            self.end(ask, session, STOPPED)
        assert self._last is not None, "begun and ended"
        return self._last

    def open_drain(self, variant: Variant) -> None:
        """Follow events from now on; an error if that is not allowed, before anything is sent."""
        if self._spec.asked.mode is Mode.ASYNC:
            trail = self._context.target.events(variant)
            assert trail is not None, "only a recording has no events, and was refused"
            self._drain = EventDrain(trail, self._context.clock, self._context.origin_wall_s())

    def begin(self, ask: Ask, session: Session) -> None:
        """Count from nothing."""
        assert ask.load is not None
        self._session, self._tally = session, LoadTally()
        self._condition = StopCondition(ask.load.rules)
        self._late = LateReports(self._context.target)

    def take(self, sample: Sample) -> str | None:
        """Count a request, and say whether the user's own condition has come true."""
        loading = self._session.loading
        assert loading is not None and loading.start_s is not None
        self._tally.start_s = loading.start_s
        self._tally.add(sample)
        self.counted.add(sample)
        self.keeper.keep(sample)
        if self._drain is not None:
            self._drain.accept(sample)
        else:
            self._late.note(sample)
        self._condition.watch(sample)
        return f"stopped on {self._condition.met}" if self._condition.met else None

    def flush(self) -> None:
        """Store what waits."""
        self.keeper.flush()

    def end(self, ask: Ask, session: Session, cut: str | None) -> float:
        """Wait for what comes later, and judge; what the reports that came late cost in all, where
        there were no others."""
        assert ask.load is not None
        self.flush()
        known = self._tally.billed_known
        for sample in self._late.found():
            self._tally.report(sample)
            self.counted.report(sample)
            self.keeper.amend(sample)
        if self._drain is not None:
            self._drain.run(self._spec.asked.drain_s, self._watcher.stop, self._watcher.say)
        condition = f"stopped on {self._condition.met}" if self._condition.met else None
        failures = session.failures  # None: stopped before anything was sent
        note = condition or cut or (failures.note if failures else None)
        load = self._concluded(ask.load, note, failures.advice if failures else ())
        self._last = load
        self.sent += load.figures.calls + sum(load.figures.dropped.values())
        self._note_step(ask.load, load, cut)
        return 0.0 if known else load.cost_usd or 0.0

    def _note_step(self, asked: SizeLoad, load: Load, cut: str | None) -> None:
        """Keep what this rate has shown, unless something else than the rate has ended it."""
        codes = {advice.code for advice in load.warnings}
        self.generator = bool(codes & _GENERATOR)
        if cut is not None or codes & _FAILED or self._watcher.stop():
            self.over = cut or load.run.note or STOPPED
            return
        rate = asked.profile.peak_per_s or 0.0
        step = RateStep(rate, load.figures, load.verdicts, load.run.note)
        self.steps.append(step)
        late = (load.figures.lag.percentile_ms(50.0) or 0.0) > LAG_MS
        self.full = _FULL in codes and (late if step.borne else self._would_meet(load))
        self.crowded = self._context.engine.shortfall().machine_busy
        blamed = self.crowded and not step.borne and self._machine_shared(load)
        self.generator |= self.full or blamed
        if self.generator:
            self.over = "the load generator could not keep up"
            return
        self.borne = (*self.borne, step.borne)
        self.best = load if step.borne else self.best

    def _machine_shared(self, load: Load) -> bool:
        """True if a machine without free CPUs may be why objectives were missed: the function runs
        on it, too, or what was missed is timed by it."""
        missed = (verdict.slo.scope for verdict in load.verdicts if not verdict.met)
        return load.run.facts.backend is Backend.LOCAL or SloScope.CLIENT in missed

    def _would_meet(self, load: Load) -> bool:
        """True if calls that leave when they are due would meet the objectives: each by its time
        since it was sent."""
        sent = replace(load.figures, latency=load.figures.service)
        verdicts = judge(self._spec.asked.slos, sent, load.cost_usd, load.events)
        return all(verdict.met for verdict in verdicts)

    def _concluded(self, asked: SizeLoad, note: str | None, ended: tuple[Advice, ...]) -> Load:
        """Figures, verdicts and doubts."""
        spec, context, tally, events = self._spec, self._context, self._tally, None
        figures, advice = self._figures(asked, note)
        if spec.asked.front is not None:
            advice = (*advice, *front_advice(figures))
        if self._drain is not None:
            events = self._drain.figures(tally.start_s)
            followed = dict(self._drain.followed()) if self.counted.traced else {}
            self.counted.of_events(events, followed, context.seconds())
            figures = with_events(figures, events)
            advice = (*advice, *event_advice(events, removed=spec.to_make))
            note = note or incomplete(events)
        cost = None
        if figures.billed_ms is not None:
            extra_mb = spec.run.facts.ephemeral_mb
            size, calls = spec.setting.memory_mb, figures.billed
            cost = cost_usd(figures.billed_ms, size, spec.prices, extra_mb, calls)
        return Load(
            run=replace(spec.run, note=note),
            profile=asked.profile,
            memory_mb=spec.setting.memory_mb,
            retry=asked.sending.retry,
            mode=asked.sending.mode.value,
            figures=figures,
            cost_usd=cost,
            verdicts=judge(spec.asked.slos, figures, cost, events),
            warnings=(*spec.run.warnings, *ended, *advice),
            front=spec.asked.front,
            processors=context.engine.shortfall().processors,
            expect=asked.sending.expect,
            events=events,
        )

    def _figures(self, asked: SizeLoad, note: str | None) -> tuple[LoadFigures, tuple[Advice, ...]]:
        """Figures of the load, and doubts about the generator."""
        profile, shortfall, tally = asked.profile, self._context.engine.shortfall(), self._tally
        ended = note is not None or profile.shaped
        stopped_s = tally.last_sent_s if ended else None
        figures = tally.figures(
            planned_s=profile.duration_s,
            asked=profile.due_before(stopped_s),
            shortfall=shortfall,
            stopped_s=stopped_s,
        )
        sending = asked.sending
        adaptive = sending.retry == ADAPTIVE
        found = load_advice(figures, shortfall, sending.concurrency, adaptive=adaptive)
        return figures, tuple(found)

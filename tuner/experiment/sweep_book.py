"""The samples of a sweep, and beside them what samples do not tell.

Every sample is stored as it arrives, and after each load or start what is known of it, so that a
run that is cut off loses one of them at most.
"""

import sys
from dataclasses import dataclass, field, replace

from tuner.billing.cost import kept_usd
from tuner.engine.batches import MOST_CALLS, SizeLoad, weights_of
from tuner.engine.engine import Engine
from tuner.engine.stop_on import StopCondition
from tuner.experiment.experiment import Book
from tuner.experiment.session import Session
from tuner.experiment.spec import RunSpec
from tuner.experiment.wiring import Context
from tuner.measure.failures import causes_of, shortened
from tuner.measure.load_figures import figures_of
from tuner.measure.load_health import load_advice
from tuner.planning.ask import Ask
from tuner.records import Advice, Outcome, Purpose, Sample, Setting
from tuner.store.documents import (
    BETWEEN_RUNS,
    LOADS,
    PAYLOADS,
    STARTUPS,
    Ending,
    LoadFacts,
    Notes,
    SizeLoads,
    StartFacts,
    Startups,
)
from tuner.store.plain import plain
from tuner.store.retention import Keeper
from tuner.units import format_memory


class SweepBook(Book):
    """The samples of a sweep; ``advice`` is on how its loads were sent."""

    def __init__(self, context: Context, spec: RunSpec) -> None:
        super().__init__(spec.before)
        self.advice: list[Advice] = []
        self.loaded: SizeLoads | None = spec.loads
        self.loads = () if spec.loads is None else spec.loads.each
        self.started = Startups() if spec.starts else None
        self._context, self._spec = context, spec
        # Each sample is needed to answer again, whatever their number.
        self._keeper = Keeper(context.store, spec.run.run, spec.run.seed, most=sys.maxsize)
        self._watch: LoadWatch | None = None
        self._first: _FirstCalls | None = None
        self._weights = weights_of(spec.payloads)
        if self._weights:
            context.store.save_document(spec.run.run, PAYLOADS, self._weights)
        if spec.spreads.each:
            context.store.save_document(spec.run.run, BETWEEN_RUNS, plain(spec.spreads))

    @property
    def notes(self) -> Notes:
        """All that is noted beside the samples."""
        return Notes(self.loaded, self.started, self._weights, self._spec.spreads)

    def begin(self, ask: Ask, session: Session) -> None:
        """Watch a load from its first sample on, and the first calls of the run."""
        self._first = None if self.samples else _FirstCalls(set(ask.counts))
        self._watch = None if ask.load is None else LoadWatch(ask.load)

    def take(self, sample: Sample) -> str | None:
        """Store a sample at once, those of a load together; say whether the load is to end."""
        self.samples.append(sample)
        self._keeper.keep(sample)
        if self._watch is None:
            self._keeper.flush()
            self.over = self.over or (self._first.take(sample) if self._first else None)
            return self.over
        return self._watch.take(sample)

    def end(self, ask: Ask, session: Session, cut: str | None) -> float:
        """Note a load, or starts, beside the samples."""
        if self._watch is not None and session.loading is not None:
            self._note_load(next(iter(ask.counts)), self._watch, session, cut)
        if self.started is not None:
            return sum(self._note_start(setting, session) for setting in ask.counts)
        return 0.0

    def flush(self) -> None:
        """Store what waits."""
        self._keeper.flush()

    def _note_load(
        self, setting: Setting, watch: "LoadWatch", session: Session, cut: str | None
    ) -> None:
        """Keep what tells this load among the samples, and doubts about how it was sent."""
        assert self.loaded is not None and session.loading is not None
        if session.failures is not None:
            cut = cut or session.failures.note
            self.over = session.failures.note
            self.advice += session.failures.advice
        engine, began_s = self._context.engine, session.loading.start_s
        facts = watch.facts(
            setting, self._context.seconds() if began_s is None else began_s, engine, cut
        )
        self.loads = (*self.loads, facts)
        self.loaded = replace(self.loaded, each=self.loads)
        self._context.store.save_document(self._spec.run.run, LOADS, plain(self.loaded))
        figures = figures_of(facts, self.loaded.asked.seconds, self.samples)
        concurrency = watch.load.sending.concurrency
        found = load_advice(figures, engine.shortfall(), concurrency, adaptive=False)
        name = format_memory(setting.memory_mb)
        self.advice += [Advice(each.code, f"At {name}: {each.text}") for each in found]

    def _note_start(self, setting: Setting, session: Session) -> float:
        """Keep what tells how a setting started; what keeping it cost, as far as it is known."""
        assert self.started is not None
        facts = session.started.get(setting)
        noted = facts or StartFacts(setting, note=session.failed.get(setting))
        others = [each for each in self.started.each if each.setting != setting]
        self.started = Startups((*others, noted))
        self._context.store.save_document(self._spec.run.run, STARTUPS, plain(self.started))
        if facts is None or (facts.ready_s is None and facts.paid_s is None):  # never was
            return 0.0
        prices, runtime = self._spec.sides[setting.arch].prices.own, self._spec.run.facts.runtime
        kept, size = setting.provisioned, setting.memory_mb
        return kept_usd(kept, size, facts.paid_s, prices, runtime) or 0.0


#: Outcomes that more calls, or other sizes, do not change.
_SURE = frozenset({Outcome.FUNCTION_ERROR, Outcome.SERVICE_ERROR})
#: So many calls at least have to fail before a run is given up.
_FEWEST = 3


@dataclass
class _FirstCalls:
    """The calls of a run's first ask, as long as all of them fail alike."""

    untried: set[Setting]
    calls: int = 0
    _kind: tuple[Outcome, str | None] | None = None
    _over: bool = False

    def take(self, sample: Sample) -> str | None:
        """Count a call; return why the run is to end once all settings have failed alike.

        Memory that does not suffice says nothing of larger sizes.
        """
        kind = sample.outcome, sample.reason
        self._kind = self._kind or kind
        lacks_memory = "memory" in (sample.reason or "").lower()
        if sample.outcome not in _SURE or kind != self._kind or lacks_memory:
            self._over = True
        self.untried.discard(sample.setting)
        self.calls += 1
        if self._over or self.untried or self.calls < _FEWEST:
            return None
        [cause] = causes_of([sample])
        return f"the first {self.calls} calls all failed with {shortened(cause.words)}"


@dataclass
class LoadWatch:
    """One load while it is being sent."""

    load: SizeLoad
    calls: int = 0
    note: str | None = None
    ending: Ending = Ending.WHOLE
    last_sent_s: float = 0.0
    _condition: StopCondition = field(init=False)

    def __post_init__(self) -> None:
        self._condition = StopCondition(self.load.rules)

    def take(self, sample: Sample) -> str | None:
        """Count one request; return why the load is to end, if it is."""
        if sample.purpose is not Purpose.LOAD:
            return None
        self.calls += sample.attempt == 1
        self.last_sent_s = max(self.last_sent_s, sample.sent_s)
        if self.note is None:
            self._condition.watch(sample)
            if self._condition.met:
                self.ending, self.note = Ending.BLOWN, f"stopped on {self._condition.met}"
            elif self.calls >= MOST_CALLS:
                self.note = f"ended after {MOST_CALLS:,} calls"
        return self.note

    def facts(self, setting: Setting, began_s: float, engine: Engine, cut: str | None) -> LoadFacts:
        """Facts that samples do not tell; ``cut`` by a limit or the user says nothing of a size."""
        dropped = dict(engine.shortfall().dropped)
        ended = self.note is not None or cut is not None
        stopped_s = self.last_sent_s - began_s if ended else None
        return LoadFacts(
            setting=setting,
            start_s=began_s,
            asked=self.load.profile.due_before(stopped_s),
            dropped=dropped,
            ending=self.ending if cut is None or self.note is not None else Ending.CUT,
            note=self.note or cut,
            stopped_s=stopped_s,
        )

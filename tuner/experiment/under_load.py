"""Puts sizes under load one after another, keeps what they show, and says when to go on.

Every sample is stored as it arrives, and after each size what tells its load among them, so that
a run that is cut off loses one size at most.
"""

import sys
from dataclasses import dataclass, replace
from statistics import fmean

from tuner.billing.cost import billed_ms, cost_usd
from tuner.billing.prices import Prices
from tuner.decide.decide import Answer
from tuner.decide.load_plan import next_under_load
from tuner.decide.load_result import load_words
from tuner.decide.under_load import chosen_under_load, sizes_under_load
from tuner.engine.stop_on import StopCondition
from tuner.experiment.errand import Errand
from tuner.experiment.gathering import Gathering, Watcher
from tuner.experiment.wiring import Parts
from tuner.measure.documents import LOADS, Ending, LoadFacts, SizeLoads, calm
from tuner.measure.load_figures import figures_of
from tuner.measure.load_health import load_advice
from tuner.measure.loading import MOST_CALLS, Loading, SizeLoad, terms_of
from tuner.planning.ask import Ask, Done
from tuner.planning.budget import Spent
from tuner.records import Advice, Outcome, Sample, Setting
from tuner.store.keeper import Keeper
from tuner.store.plain import plain
from tuner.units import format_memory

#: A size is called alone this often before its load, once at least, so that it starts warm.
_ALONE = 3


class LoadGathering:
    """The loads of one run: ``loads`` so far, and ``advice`` on how they were sent."""

    def __init__(
        self, parts: Parts, errand: Errand, gathering: Gathering, watcher: Watcher
    ) -> None:
        assert errand.load is not None
        self.loads = errand.loads_before or SizeLoads(terms_of(errand.load))
        self.advice: list[Advice] = []
        self._load: SizeLoad = errand.load
        self._parts, self._errand, self._watcher = parts, errand, watcher
        self._gathering = gathering

    def until_compared(self) -> Done:
        """Load one size after another until enough is known, or a limit is reached."""
        while True:
            if self._watcher.stop():
                return Done("stopped by the user", settled=False)
            size = self._next()
            if size is None:
                return Done("sizes were compared under load", settled=True)
            if (reason := self._no_room(size)) is not None:
                return Done(reason, settled=False)
            before = self._progress()
            cut = self._put_under_load(size)
            if cut is not None or before == self._progress():
                return Done(cut or "nothing more could be loaded", settled=False)

    def _progress(self) -> tuple[int, int]:
        return len(self.loads.each), len(self._gathering.session.failed)

    def answer(self) -> Answer:
        """What all samples and loads so far say."""
        gathering, question = self._gathering, self._errand.question
        alone = gathering.decider().answer(calm(gathering.samples))
        rows = sizes_under_load(self.loads, gathering.samples, question.goal, question.rates)
        return chosen_under_load(alone, question, self.loads.asked, rows)

    def _next(self) -> int | None:
        question, samples = self._errand.question, self._gathering.samples
        rows = sizes_under_load(self.loads, samples, question.goal, question.rates)
        return next_under_load(question, self.answer(), rows, self._gathering.failed)

    def _no_room(self, size: int) -> str | None:
        """Why a load on this size does not fit into what is left of the limits."""
        limit, spent = self._errand.limit, self._spent()
        calls, duration_s = self._load.profile.calls, self._load.profile.duration_s
        each_usd, each_s = self._one_call(size)
        if calls is None:
            calls = self._load.profile.users * duration_s / max(each_s, 1e-3)
        if reason := limit.ran_out(spent):
            return reason
        after = Spent(
            spent.invocations + round(calls),
            spent.cost_usd + calls * each_usd,
            spent.seconds + duration_s,
        )
        full = limit.ran_out(after)
        return full and f"{full} before a load on {format_memory(size)} could end"

    def _put_under_load(self, size: int) -> str | None:
        """Call the size alone, then load it; why nothing more should follow, if so."""
        gathering, session = self._gathering, self._gathering.session
        words = load_words(self.loads.asked)
        self._watcher.asked(Ask({size: round(self._load.profile.calls or 0)}, f"under {words}"))
        had = sum(s.memory_mb == size and s.outcome is Outcome.OK for s in gathering.samples)
        gathering.keep(session.warm(gathering.counts({size: max(1, _ALONE - had)})))
        setting = gathering.setting(size)._replace(load=self._load.profile.name)
        variant = session.ready(setting)
        if variant is None or self._watcher.stop():
            return None
        sending = replace(self._load.sending, first_call=session.calls)
        loading = Loading(self._load.profile, variant, self._errand.payloads, sending)
        sent = _Sent(setting)
        self._send(loading, sent)
        self._note(sent, loading.start_s)
        return sent.note if sent.ending is Ending.CUT else None

    def _send(self, loading: Loading, sent: "_Sent") -> None:
        """Send one load, store its samples, and stop it when it has to be."""
        run, rates = self._errand.run, self._errand.question.rates
        keeper = Keeper(self._parts.store, run.run, run.seed, most=sys.maxsize)  # each is needed
        condition, spent = StopCondition(self._load.rules), self._spent()
        try:
            for sample in self._gathering.session.load(loading):
                loading.began(sample.call, sample.due_s)
                self._gathering.samples.append(sample)
                keeper.keep(sample)
                sent.take(sample, rates)
                self._watcher.sampled(sample)
                condition.watch(sample)
                if sent.note is None and self._ends(sent, condition, spent):
                    sent.stopped_at_s = sample.done_s
                    self._parts.engine.stop()
        finally:
            keeper.flush()

    def _ends(self, sent: "_Sent", condition: StopCondition, before: Spent) -> bool:
        """Whether to stop this load now, and as what."""
        if condition.met:
            sent.ending, sent.note = Ending.BLOWN, f"stopped on {condition.met}"
        elif sent.calls >= MOST_CALLS:
            sent.note = f"ended after {MOST_CALLS:,} calls"
        elif self._watcher.stop():
            sent.ending, sent.note = Ending.CUT, "stopped by the user"
        else:
            now = Spent(
                before.invocations + sent.requests,
                before.cost_usd + sent.billed_usd,
                self._gathering.seconds(),
            )
            if reason := self._errand.limit.ran_out(now):
                sent.ending, sent.note = Ending.CUT, reason
        return sent.note is not None

    def _note(self, sent: "_Sent", start_s: float | None) -> None:
        """Keep what tells this load among the samples, and doubts about how it was sent."""
        shortfall = self._parts.engine.shortfall()
        dropped = dict(shortfall.dropped)
        closed = self._load.profile.users > 0
        began_s = start_s if start_s is not None else self._gathering.seconds()
        facts = LoadFacts(
            setting=sent.setting,
            start_s=began_s,
            asked=None if closed else float(sent.calls + sum(dropped.values())),
            dropped=dropped,
            ending=sent.ending,
            note=sent.note,
            stopped_s=None if sent.stopped_at_s is None else sent.stopped_at_s - began_s,
        )
        self.loads = replace(self.loads, each=(*self.loads.each, facts))
        self._parts.store.save_document(self._errand.run.run, LOADS, plain(self.loads))
        figures = figures_of(facts, self.loads.asked.seconds, self._gathering.samples)
        found = load_advice(figures, shortfall, self._load.sending.concurrency, adaptive=False)
        name = format_memory(sent.setting.memory_mb)
        self.advice += [Advice(each.code, f"At {name}: {each.text}") for each in found]

    def _spent(self) -> Spent:
        gathering = self._gathering
        return gathering.decider().spent(gathering.samples, gathering.seconds())

    def _one_call(self, size: int) -> tuple[float, float]:
        """US dollars and seconds of one call, from the nearest size that was called alone."""
        known = [s for s in calm(self._gathering.samples) if s.duration_ms is not None]
        if not known:
            return 0.0, 0.0
        nearest = min((s.memory_mb for s in known), key=lambda each: abs(each - size))
        took = fmean(s.duration_ms or 0.0 for s in known if s.memory_mb == nearest)
        return cost_usd(billed_ms(took), size, self._errand.question.rates), took / 1000.0


@dataclass
class _Sent:
    """One load while it is being sent."""

    setting: Setting
    requests: int = 0
    calls: int = 0
    billed_usd: float = 0.0
    ending: Ending = Ending.WHOLE
    note: str | None = None
    stopped_at_s: float | None = None

    def take(self, sample: Sample, rates: Prices) -> None:
        """Count one request, with what Lambda says that it cost."""
        self.requests += 1
        self.calls += sample.attempt == 1
        self.billed_usd += rates.request_usd
        if sample.billed_ms is not None:
            gb = self.setting.memory_mb / 1024.0
            self.billed_usd += sample.billed_ms / 1000.0 * gb * rates.gb_second_usd

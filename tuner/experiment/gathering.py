"""Gathering samples for a run: every one stored as it arrives, the function put back at the end.

The steps that the flow is told in. It decides nothing: the plan asks, the session measures.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from tuner.crosscheck.check import Inquiry, cross_check
from tuner.crosscheck.ledger import Ledger, ledger_of
from tuner.crosscheck.record import DOCUMENT, CrossCheck
from tuner.decide.decide import Decider
from tuner.decide.result import Sweep
from tuner.experiment.errand import Errand
from tuner.experiment.session import Session
from tuner.experiment.wiring import Parts
from tuner.measure.documents import calm
from tuner.options.meaning import without
from tuner.planning.ask import Ask, Done
from tuner.records import RunRecord, RunState, Sample, Setting
from tuner.store.plain import plain


class Watcher(Protocol):
    """Who looks on: shows progress, and may ask to stop."""

    def asked(self, ask: Ask) -> None:
        """The plan has decided what to invoke next."""
        ...

    def sampled(self, sample: Sample) -> None:
        """A request has ended, and its sample is stored."""
        ...

    def stop(self) -> bool:
        """Whether to end now: what is in flight finishes and the function is put back."""
        ...


class Gathering:
    """The samples of one run so far, and how to get more."""

    def __init__(self, parts: Parts, errand: Errand, watcher: Watcher) -> None:
        self.samples = list(errand.before)
        self.session = Session(parts.target, parts.engine, errand.run.facts, errand.conditions())
        self._parts, self._errand, self._watcher = parts, errand, watcher

    @property
    def failed(self) -> dict[int, str]:
        """Sizes (MB) that could not be made callable, and why."""
        return {setting.memory_mb: why for setting, why in self.session.failed.items()}

    def setting(self, memory_mb: int) -> Setting:
        """A size of the function itself."""
        return Setting(memory_mb, self._errand.run.facts.arch)

    def counts(self, by_size: Mapping[int, int]) -> dict[Setting, int]:
        """So many calls of each size."""
        return {self.setting(size): count for size, count in by_size.items()}

    def decider(self) -> Decider:
        """Who decides, over the sizes that could be made callable."""
        return Decider(without(self._errand.question, self.failed))

    def seconds(self) -> float:
        """How long the run has taken."""
        return self._parts.clock.monotonic() - self._parts.origin_s

    def until_settled(self) -> Done:
        """Ask the plan, invoke what it wants, and again, until it is done."""
        while True:
            known = len(self.samples), len(self.session.failed)
            ask = self.decider().step(calm(self.samples), seconds=self.seconds())
            if self._watcher.stop():
                return Done("stopped by the user", settled=False)
            if isinstance(ask, Done):
                return ask
            self._watcher.asked(ask)
            self.keep(self.session.warm(self.counts(ask.counts)))
            if known == (len(self.samples), len(self.session.failed)):
                return Done("nothing more could be measured", settled=False)

    def cold_starts(self, wanted: Mapping[int, int]) -> None:
        """Force so many cold starts per size (MB), where they can be forced or were recorded."""
        if wanted and self._errand.cold_possible and not self._watcher.stop():
            self._watcher.asked(Ask(wanted, "cold starts"))
            self.keep(self.session.cold(self.counts(wanted)))

    def keep(self, arriving: Iterable[Sample]) -> None:
        """Store each sample as it arrives, and show it; a user who wants to stop is heard."""
        keep_each(arriving, self.samples, self._parts, self._errand, self._watcher, self.session)


def keep_each(
    arriving: Iterable[Sample],
    samples: list[Sample],
    parts: Parts,
    errand: Errand,
    watcher: Watcher,
    session: Session,
) -> None:
    """Store each sample as it arrives, add it to ``samples`` and show it; hear a wish to stop."""
    for sample in arriving:
        parts.store.add(errand.run.run, [sample])
        samples.append(sample)
        watcher.sampled(sample)
        if watcher.stop():
            session.stop()


def cross_checked(
    parts: Parts, run: RunRecord, ledger: Ledger, patience_s: float | None, watcher: Watcher
) -> CrossCheck | None:
    """What CloudWatch counted beside what was sent in a run that is closed, kept with it; ``None``
    if it is not asked, or has nothing. A user who stops ends the waiting."""
    witness = None if patience_s is None or watcher.stop() else parts.target.witness()
    if witness is None or patience_s is None:
        return None
    origin_wall_s = parts.clock.wall() - (parts.clock.monotonic() - parts.origin_s)
    inquiry = Inquiry(run.facts.name, origin_wall_s, patience_s, watcher.stop)
    found = cross_check(witness, ledger, inquiry, parts.clock)
    if found is not None:
        parts.store.save_document(run.run, DOCUMENT, plain(found))
    return found


def held_against(
    parts: Parts, errand: Errand, samples: Sequence[Sample], answer: Sweep, watcher: Watcher
) -> Sweep:
    """The answer, held against what CloudWatch counted; where they differ is one more warning."""
    run = answer.run
    ledger = ledger_of(samples[len(errand.before) :], traced=run.facts.traced)
    found = cross_checked(parts, run, ledger, errand.patience_s, watcher)
    if found is None:
        return answer
    run = replace(run, warnings=(*run.warnings, *found.advice))
    parts.store.finish(run.run, run.state, run.finished_at or 0.0, run.warnings, note=run.note)
    return replace(answer, run=run, warnings=(*answer.warnings, *found.advice), cross_check=found)


@contextmanager
def put_back(parts: Parts) -> Iterator[None]:
    """Restore the function in the end, also when the user's second Ctrl-C comes right then."""
    try:
        yield
    finally:
        try:
            parts.target.restore()
        except KeyboardInterrupt:
            parts.target.restore()
            raise


@contextmanager
def kept(parts: Parts, run: RunRecord) -> Iterator[None]:
    """Close the run in the store as failed or interrupted when an error ends it."""
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        state = RunState.INTERRUPTED if stopped else RunState.FAILED
        note = "interrupted" if stopped else str(error)
        parts.store.finish(run.run, state, parts.clock.wall(), run.warnings, note=note)
        raise

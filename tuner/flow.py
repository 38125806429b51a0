"""The whole story of a sweep, in order; the first file to read.

    target -> plan -> load -> measure -> store -> model -> recommend -> report

Here the rooms meet; each step is a call into one. The parts come from ``wiring``, the question
from ``request``, and the answer is shown by whoever asked.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from tuner.measure.session import Session
from tuner.plan.ask import Ask, Done
from tuner.recommend.cold_plan import cold_plan
from tuner.recommend.conclude import Evidence, conclude
from tuner.recommend.decide import Decider
from tuner.recommend.result import Sweep
from tuner.records import RunState, Sample
from tuner.request import Errand, without
from tuner.wiring import Parts


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


def sweep(parts: Parts, errand: Errand, watcher: Watcher) -> Sweep:
    """Measure until the decision is settled, put the function back, and answer."""
    samples = list(errand.before)
    session = Session(parts.target, parts.engine, errand.run.facts, errand.conditions())
    try:
        try:
            ended = _warm(parts, errand, session, samples, watcher)
            if not watcher.stop():
                _cold(parts, errand, session, samples, watcher)
        finally:
            _put_back(parts)
        run = replace(errand.run, finished_at=parts.clock.wall(), note=ended.reason)
        question = without(errand.question, session.failed)
        result = conclude(Evidence(run, samples, errand.prices, session.failed), question)
        return _finished(parts, errand, result, ended, watcher)
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        state = RunState.INTERRUPTED if stopped else RunState.FAILED
        note = "interrupted" if stopped else str(error)
        parts.store.finish(
            errand.run.run, state, parts.clock.wall(), errand.run.warnings, note=note
        )
        raise


def _put_back(parts: Parts) -> None:
    """Restore the function, also when the user's second Ctrl-C comes right now."""
    try:
        parts.target.restore()
    except KeyboardInterrupt:
        parts.target.restore()
        raise


def _finished(parts: Parts, errand: Errand, result: Sweep, ended: Done, watcher: Watcher) -> Sweep:
    """Close the run in the store, as what it turned out to be."""
    failed = any(row.status == "failed" for row in result.sizes)
    state = RunState.DONE
    if watcher.stop():
        state = RunState.INTERRUPTED
    elif failed or (errand.limited and not ended.settled):
        state = RunState.PARTIAL
    run = replace(result.run, state=state)
    ended_at = run.finished_at or parts.clock.wall()
    parts.store.finish(run.run, state, ended_at, run.warnings, note=run.note)
    return replace(result, run=run)


def _warm(
    parts: Parts, errand: Errand, session: Session, samples: list[Sample], watcher: Watcher
) -> Done:
    """Ask the plan, invoke what it wants, and again, until it is done."""
    while True:
        decider = Decider(without(errand.question, session.failed))
        known = len(samples), len(session.failed)
        ask = decider.step(samples, seconds=parts.clock.monotonic() - parts.origin_s)
        if watcher.stop():
            return Done("stopped by the user", settled=False)
        if isinstance(ask, Done):
            return ask
        watcher.asked(ask)
        _keep(parts, errand, session, session.warm(ask.counts), samples, watcher)
        if known == (len(samples), len(session.failed)):
            return Done("nothing more could be measured", settled=False)


def _cold(
    parts: Parts, errand: Errand, session: Session, samples: list[Sample], watcher: Watcher
) -> None:
    """Force cold starts at the pick and at both ends, as far as the budget goes."""
    decider = Decider(without(errand.question, session.failed))
    spent = decider.spent(samples, parts.clock.monotonic() - parts.origin_s)
    pick = decider.answer(samples).recommendation
    wanted = cold_plan(samples, pick, errand.cold, errand.limit, spent)
    if wanted and errand.cold_possible:
        watcher.asked(Ask(wanted, "cold starts"))
        _keep(parts, errand, session, session.cold(wanted), samples, watcher)


def _keep(
    parts: Parts,
    errand: Errand,
    session: Session,
    arriving: Iterable[Sample],
    samples: list[Sample],
    watcher: Watcher,
) -> None:
    """Store every sample as it arrives; stop the session when the user asks."""
    for sample in arriving:
        parts.store.add(errand.run.run, [sample])
        samples.append(sample)
        watcher.sampled(sample)
        if watcher.stop():
            session.stop()

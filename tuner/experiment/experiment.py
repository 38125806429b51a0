"""The loop: ask the planner, make the calls, keep the samples, and again, until it is done.

Around it, whatever ends a run: it is closed in the store (:func:`kept`), and the function is
restored (:func:`restored`). Everything that measures runs through :class:`Experiment`.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from tuner.aws.restore import insist
from tuner.crosscheck.tally import Tally
from tuner.errors import Interrupted
from tuner.experiment.afterwards import lacks_report
from tuner.experiment.cross_check import Inquiry, cross_check
from tuner.experiment.session import Session
from tuner.experiment.wiring import Context, Listener
from tuner.planning.ask import Ask, Done, How, Planner, SoFar
from tuner.planning.budget import Meter
from tuner.records import RunRecord, RunState, Sample
from tuner.store.documents import CROSS_CHECK, CrossCheck, LoadFacts
from tuner.store.plain import plain
from tuner.targets.seam import Target

#: What a request cost in US dollars, as far as known.
Price = Callable[[Sample], float | None]
#: What a run ends with when the user has asked for it.
STOPPED = "stopped by the user"


class Watcher(Listener, Protocol):
    """Someone who looks on: sees progress, and may ask to stop."""

    def begins(self, ask: Ask, meter: Meter, price: Price) -> None:
        """Hear of the next calls, of what adds up their use, and of what one costs."""
        ...

    def sampled(self, sample: Sample) -> None:
        """A request has ended, and its sample is kept. Must not keep the run waiting."""
        ...


class Silent:
    """A watcher that shows nothing and never stops."""

    def say(self, text: str) -> None:
        """Show nothing."""

    def begins(self, ask: Ask, meter: Meter, price: Price) -> None:
        """Show nothing."""

    def sampled(self, sample: Sample) -> None:
        """Show nothing."""

    def stop(self) -> bool:
        """Never."""
        return False


class Book:
    """The samples of a run, and what planners may know of them."""

    loads: Sequence[LoadFacts] = ()  # those that have ended, where they are kept apart
    borne: Sequence[bool] = ()  # whether each rate that a search tried met the objectives
    over: str | None = None  # why nothing may follow the last ask, if so

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self.samples = list(samples)

    def begin(self, ask: Ask, session: Session) -> None:
        """Prepare for the samples of an ask."""

    def take(self, sample: Sample) -> str | None:
        """Keep a sample; return why this ask has seen enough, if it has."""
        raise NotImplementedError

    def end(self, ask: Ask, session: Session, cut: str | None) -> float:
        """Note what samples do not tell; return what the ask cost beside them (US dollars).

        ``cut`` says why it was cut short: a limit, or the user.
        """
        return 0.0

    def flush(self) -> None:
        """Store what waits, whatever has happened."""


@dataclass
class Experiment:
    """One run's measuring. ``price`` is what a request cost in US dollars, as far as known.

    ``stopped`` says which limit, or that the user, has ended it.
    """

    context: Context
    session: Session
    book: Book
    price: Price
    watcher: Watcher
    meter: Meter
    stopped: str | None = None

    def run(self, planner: Planner) -> Done:
        """Ask, measure, and again, until the planner is done, a limit is reached or a user stops.

        May be called for one planner after another.
        """
        while True:
            ask = planner.next(self.so_far())
            if self.watcher.stop():
                self.stopped = STOPPED
            elif isinstance(ask, Done):
                return ask
            else:
                self.stopped = self._limit_reached(ask)
            if self.stopped is not None or isinstance(ask, Done):
                return Done(self.stopped or STOPPED, settled=False)
            known = self._known()
            self._measure(ask)
            if (reason := self.stopped or self.book.over) is not None:
                return Done(reason, settled=False)
            if known == self._known():
                return Done("nothing more could be measured", settled=False)

    def so_far(self) -> SoFar:
        """Return what planners may know."""
        book, spent = self.book, self.meter.spent()
        return SoFar(book.samples, spent, self.session.failed, book.loads, book.borne)

    def _measure(self, ask: Ask) -> None:
        """Send an ask's calls, keep each sample as it arrives, and end it early if need be."""
        if ask.why:
            self.watcher.say(f"next: {ask.sizes}, {ask.why}")
        self.watcher.begins(ask, self.meter, self.price)
        self.book.begin(ask, self.session)
        try:
            with closing(self.session.run(ask)) as arriving, self._stopping():
                for sample in arriving:
                    self.meter.add(self.price(sample), lacking=lacks_report(sample))
                    enough = self.book.take(sample)
                    self.watcher.sampled(sample)
                    self._end_early(ask, enough)
            self.meter.pay(self.book.end(ask, self.session, self.stopped))
        finally:
            self.book.flush()

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Let a change of the function that the user has cut short end the run, not its report."""
        try:
            yield
        except Interrupted:
            if not self.watcher.stop():
                raise
            self.stopped = STOPPED
            self.session.stop()

    def _end_early(self, ask: Ask, enough: str | None) -> None:
        """Stop sending when the user wants it, a limit is reached, or the ask has seen enough."""
        if self.watcher.stop():
            self.stopped = STOPPED
            self.session.stop()
        elif self.stopped is None:
            self.stopped = self._limit_reached(ask)
            if self.stopped is not None or enough is not None:
                self.session.cut()

    def _limit_reached(self, ask: Ask) -> str | None:
        """Return the limit that ends this ask. Planners count warm calls themselves."""
        return self.meter.ran_out(count=ask.how is not How.WARM)

    def _known(self) -> tuple[int, int]:
        return self.meter.spent().invocations, len(self.session.failed)


@contextmanager
def restored(target: Target) -> Iterator[None]:
    """Restore the function in the end, also when the user's second Ctrl-C comes right then."""
    try:
        yield
    finally:
        insist(target.restore, _tell)


def _tell(text: str) -> None:
    with suppress(OSError, ValueError):  # restoring goes on without a terminal
        sys.stderr.write(f"{text}\n")


@contextmanager
def kept(context: Context, run: RunRecord) -> Iterator[None]:
    """Close the run in the store as failed or interrupted when an error ends it."""
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        state = RunState.INTERRUPTED if stopped else RunState.FAILED
        note = "interrupted" if stopped else str(error)
        context.store.finish(run.run, state, context.clock.wall(), run.warnings, note=note)
        raise


def cross_checked(
    context: Context, run: RunRecord, tally: Tally, patience_s: float | None, watcher: Watcher
) -> CrossCheck | None:
    """Compare what was sent in a closed run with what CloudWatch counted, and keep that with it, as
    warnings beside the run's own where they differ.

    ``None`` without ``patience_s``, or if CloudWatch has nothing. A user who stops ends the wait.
    """
    metrics = None if patience_s is None or watcher.stop() else context.target.metrics()
    if metrics is None or patience_s is None:
        return None
    inquiry = Inquiry(run.facts.name, context.origin_wall_s(), patience_s, watcher.stop)
    found = cross_check(metrics, tally, inquiry, context.clock)
    if found is not None:
        warnings, ended_at = (*run.warnings, *found.advice), run.finished_at or 0.0
        context.store.save_document(run.run, CROSS_CHECK, plain(found))
        context.store.finish(run.run, run.state, ended_at, warnings, note=run.note)
    return found

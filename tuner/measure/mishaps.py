"""What goes wrong in the middle of a load: it ends then, but as a load with figures and a report.

Before anything was answered the same is an error of the run: there is nothing to report.
"""

from collections.abc import Callable, Iterator

from tuner.errors import TargetError, TunerError
from tuner.measure.refusal import may_be_renewed
from tuner.records import Advice, Outcome, Sample

#: Given a sample and whether nothing was answered before it: the error that should end the run.
Judge = Callable[[Sample, bool], TargetError | None]
#: So long may credentials be refused while new ones are fetched, or the clock is corrected.
RENEWAL_S = 15.0


class Mishaps:
    """Follows one load. ``note`` says why it has to end, once it has."""

    def __init__(self, judge: Judge) -> None:
        self.note: str | None = None
        self._advice: tuple[Advice, ...] = ()
        self._judge = judge
        self._answered = False
        self._refused_since_s: float | None = None

    def survived(self, running: Iterator[Sample]) -> Iterator[Sample]:
        """The samples of a batch up to its end, or until its engine fails."""
        try:
            yield from running
        except TunerError as error:
            self._end(error)

    def hear(self, sample: Sample) -> None:
        """Judge a sample; raises what it says if nothing was answered before."""
        if sample.outcome is Outcome.OK:
            self._refused_since_s = None
        else:
            refused = self._judge(sample, not self._answered)
            if refused is not None and not self._awaited(sample):
                self._end(refused)
        self._answered = self._answered or sample.status is not None

    def advice(self) -> tuple[Advice, ...]:
        """What to do about it."""
        return self._advice

    def _awaited(self, sample: Sample) -> bool:
        """Whether what is refused may still come right by itself."""
        if not self._answered or not may_be_renewed(sample):
            return False
        if self._refused_since_s is None:
            self._refused_since_s = sample.done_s
        return sample.done_s - self._refused_since_s < RENEWAL_S

    def _end(self, error: TunerError) -> None:
        if not self._answered:
            raise error
        if self.note is None:
            self.note = f"{error.thing} {error.reason}"
            text = f"The load ended early: {error.thing} {error.reason}. {error.fix}"
            self._advice = (Advice("ended-early", text.strip()),)

"""Ways to start, one after another: on demand, from a snapshot, in provisioned sandboxes; and the
forecast of what comparing them takes.

What costs money by the hour comes last, since it is paid until it is given up. The forecast counts
it as long as it may have to be kept: provisioned sandboxes until the last call to them has ended,
snapshots for AWS's three hours.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

from tuner.billing.cost import billed_ms, cost_usd, kept_usd, restore_usd
from tuner.billing.prices import Prices
from tuner.planning.ask import Ask, Done, How, Stepwise
from tuner.planning.budget import Budget
from tuner.planning.estimate import Known, duration_ms
from tuner.planning.work import Range
from tuner.records import ON_DEMAND, SNAP_START, Setting, provisioned


class Starts(Stepwise):
    """Plans the first calls of each setting's start, and as many warm ones after them.

    ``each`` calls are made, but no more than ``at_once`` of a start whose first calls have to come
    together.
    """

    def __init__(self, settings: Iterable[Setting], each: int, at_once: int, limit: Budget) -> None:
        super().__init__()
        self._settings = sorted(settings, key=lambda one: (one.provisioned > 0, one.start))
        self._each, self._at_once, self._limit = each, at_once, limit

    def steps(self) -> Generator[Ask, None, Done]:
        """Ask for one way after the other; one that fails is followed by the next."""
        for setting in self._settings:
            if (reason := self._limit.ran_out(self.so_far.spent)) is not None:
                return Done(f"{reason} before {setting.start} was measured", settled=False)
            if setting.start == ON_DEMAND:
                yield Ask({setting: self._each}, "cold starts", How.COLD)
                yield Ask({setting: self._each}, "warm calls for comparison")
            else:
                count = min(self._each, setting.provisioned or self._each, self._at_once)
                yield Ask({setting: count}, f"starting as {setting.start}", How.FIRST)
        failed = [one.start for one in self._settings if one in self.so_far.failed]
        if failed:
            words = ", ".join(dict.fromkeys(failed))
            return Done(f"{words} could not be measured as planned", settled=False)
        return Done("every way to start was measured", settled=True)


#: Until provisioned sandboxes are ready, in seconds: AWS starts one to two minutes after it was
#: asked; the longest wait is ours.
_READY_S = Range(60.0, 600.0)
#: Publishing a snapshot takes minutes; a version is there within seconds.
_SNAPSHOT_S, _VERSION_S = Range(60.0, 1_560.0), Range(1.0, 8.0)


@dataclass(frozen=True)
class StartupPlan:
    """One way: ``kept_usd`` is what it costs beside its calls, ``None`` at a price not known."""

    variant: str
    calls: Range
    seconds: Range
    calls_usd: Range
    kept_usd: Range | None

    @property
    def most_usd(self) -> float | None:
        """The most that it may cost; ``None``: not known."""
        return None if self.kept_usd is None else self.kept_usd.high + self.calls_usd.high


@dataclass(frozen=True)
class Terms:
    """At which size (MB), how many first calls of ``each`` way, of what function, at what price."""

    memory_mb: int
    each: int
    known: Known
    prices: Prices
    runtime: str | None

    def call_usd(self, ms: float) -> float:
        """One call of so many milliseconds on demand."""
        return cost_usd(billed_ms(ms), self.memory_mb, self.prices)

    def kept_usd(self, count: int, paid_s: float) -> float | None:
        """US dollars of keeping so many sandboxes, or (0) one snapshot."""
        return kept_usd(count, self.memory_mb, paid_s, self.prices, self.runtime)


def startup_plans(startups: Sequence[str], terms: Terms) -> tuple[StartupPlan, ...]:
    """A plan for each way."""
    return tuple(_plan(startup, terms) for startup in startups)


def _plan(startup: str, terms: Terms) -> StartupPlan:
    took = duration_ms(terms.memory_mb, terms.known)
    first = took + terms.known.init_ms
    count = min(terms.each, provisioned(startup) or terms.each)
    # A call that starts no sandbox on demand is tried again; a fresh version is called once more.
    tries = count + count // 2 + 2 if startup == ON_DEMAND else count
    usd = Range(
        count * (terms.call_usd(first.low) + terms.call_usd(took.low)),
        tries * terms.call_usd(first.high) + (count + 1) * terms.call_usd(took.high),
    )
    low_ms = first.low + count * took.low
    calling = Range(low_ms / 1e3, (tries * first.high + (count + 1) * took.high) / 1e3)
    seconds, kept = calling + _VERSION_S, _kept(startup, count, calling, terms)
    if provisioned(startup):
        seconds += _READY_S
    elif startup == SNAP_START:
        seconds += _SNAPSHOT_S
    return StartupPlan(startup, Range(2 * count, tries + count + 1), seconds, usd, kept)


def _kept(startup: str, count: int, calling: Range, terms: Terms) -> Range | None:
    """US dollars beside its calls."""
    if startup == ON_DEMAND:
        return Range(0.0, 0.0)
    if startup == SNAP_START:
        least = terms.kept_usd(0, 0.0)
        each = restore_usd(terms.memory_mb, terms.prices, terms.runtime)
        whole = None if least is None or each is None else least + count * each
        return None if whole is None else Range(whole, whole)
    paid = _READY_S + calling
    low, high = (terms.kept_usd(provisioned(startup), s) for s in (paid.low, paid.high))
    return None if low is None or high is None else Range(low, high)

"""Production's traffic: a rate, or the calls that a file lists; its month, and how many start cold.

Text in, numbers out; ``arrivals.py`` knows the forms of a file, which is opened elsewhere.

Cold starts follow from Poisson arrivals and a fixed idle time-out; no limit on concurrency, no
scheduled recycling, no bursts. Where they were measured under the real traffic, use that instead.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tuner.billing.arrival_columns import FIX
from tuner.billing.arrivals import Counts, read_arrivals
from tuner.errors import UsageError
from tuner.units import SECONDS_PER_MONTH, format_rate, format_seconds, parse_rate

#: Slices of a changing rate, long against the time for which an idle sandbox is kept.
_SLICE_S = 3600.0


@dataclass(frozen=True)
class Demand:
    """Production's calls. ``rate_per_s`` is the mean; ``slices_per_s`` the mean of each of
    equally long slices; ``arrivals_s`` the calls themselves, ascending, where they are known.

    ``text`` says what it is from, for readers.
    """

    text: str
    rate_per_s: float
    slices_per_s: tuple[float, ...]
    arrivals_s: tuple[float, ...] = field(default=(), repr=False)
    counts: Counts | None = field(default=None, repr=False)  # of a file that has them

    @property
    def month_calls(self) -> float:
        """Calls of a month of 730 hours that goes on like this."""
        return self.rate_per_s * SECONDS_PER_MONTH

    def cold_share(self, service_s: float) -> float:
        """Share of calls, 0 to 1, that start cold when each takes ``service_s``.

        Known calls are replayed; otherwise they are taken to come at random in each slice.
        """
        replayed = replayed_cold_share(self.arrivals_s, service_s)
        return mean_cold_share(self.slices_per_s, service_s) if replayed is None else replayed


def steady_demand(text: str, option: str = "--traffic") -> Demand:
    """Read ``20rps``, ``1200/min`` or ``3M/month``. Raises UsageError."""
    rate = parse_rate(text, option)
    return Demand(format_rate(rate), rate, (rate,))


def read_demand(content: str, name: str) -> Demand:
    """Read a file's content; raises UsageError that names the file and the line."""
    found = read_arrivals(content, name)
    if isinstance(found, Counts):
        span_s = len(found.calls) * found.period_s
        rate = math.fsum(found.calls) / span_s
        text = f"{format_rate(rate)} on average over {format_seconds(span_s)}"
        slices = tuple(_slices(found.calls, found.period_s))
        return Demand(text, rate, slices, counts=found)
    first_s, count = found.at_s[0], len(found.at_s)
    span_s = found.at_s[-1] - first_s
    if span_s < 0.001:
        raise UsageError(name, "needs calls at two or more moments", FIX)
    rate = (count - 1) / span_s
    text = f"{format_rate(rate)} on average, {count:,} calls in {format_seconds(span_s)}"
    return Demand(text, rate, (rate,), tuple(at_s - first_s for at_s in found.at_s))


def _slices(calls: Sequence[float], period_s: float) -> Iterator[float]:
    """Mean calls per second of slices of about an hour, as long as each other within a period."""
    count = math.ceil(len(calls) / max(1.0, _SLICE_S / period_s))
    edges = [len(calls) * number // count for number in range(count + 1)]
    for start, end in pairwise(edges):
        yield math.fsum(calls[start:end]) / (end - start) / period_s


#: Seconds until AWS reaps an idle sandbox: probes of 2025 found 43 % cold after 315 s idle, 68 %
#: after 330 s and all after 360 s (ubc-cirrus-lab/demystifying-serverless-costs, keep_alive/aws).
IDLE_TIMEOUT_S = 320.0

#: Beyond this mean number of busy sandboxes the share is not summed up: it falls as the square
#: root of the load, as the pool's relative fluctuation does (within 3 %: ``tests/unit/billing``).
_MOST_SUMMED = 3000.0

#: States of the pool that are less likely than this are left out.
_NEGLIGIBLE = 1e-12


def cold_share(rate_per_s: float, service_s: float, idle_s: float = IDLE_TIMEOUT_S) -> float:
    """Share of calls, 0 to 1, that find no warm sandbox free.

    ``rate_per_s`` calls a second arrive at random and each occupies a sandbox for ``service_s``;
    the sandbox freed last serves first (the order of Mahmoudi and Khazaei, "Performance Modeling
    of Serverless Computing Platforms", IEEE Transactions on Cloud Computing, 2020). Then a call
    that finds j sandboxes busy takes the one that was put down when the busy ones last fell to
    j, and it is cold if that was more than ``idle_s`` ago:

        share = sum over j of Poisson(j; load) * P(time from j busy to j + 1 > idle_s)

    The mean of that time in M/M/infinity is 1 / (rate * B(j, load)), B being Erlang's loss
    formula. Its tail is taken as exponential with the mean time from a pool at rest, weighted so
    that the mean is kept; for load 0 this is the known exp(-rate * idle_s). A simulation of the
    same rules agrees within a few per cent of the share (``tests/unit/billing``).
    """
    if not rate_per_s > 0.0:
        return 1.0
    load = rate_per_s * max(0.0, service_s)
    if load <= _MOST_SUMMED:
        return _summed(rate_per_s, load, idle_s)
    there = _summed(_MOST_SUMMED / service_s, _MOST_SUMMED, idle_s)
    return there * math.sqrt(_MOST_SUMMED / load)


def _summed(rate_per_s: float, load: float, idle_s: float) -> float:
    """Sum :func:`cold_share` over the states of the pool."""
    share, busy = 0.0, 0
    blocked = at_rest = 1.0  # B(busy, load); mean time from rest to busy + 1, in units of 1/rate
    while blocked > _NEGLIGIBLE:
        tail = math.exp(-rate_per_s * idle_s / at_rest) / (blocked * at_rest)
        share += _poisson(busy, load) * tail
        busy += 1
        blocked = load * blocked / (busy + load * blocked)  # A. K. Erlang's recursion (1917)
        if blocked > _NEGLIGIBLE:
            at_rest = at_rest * (1.0 - blocked) + 1.0 / blocked
    return min(1.0, share)


def _poisson(count: int, mean: float) -> float:
    if mean <= 0.0:
        return 1.0 if count == 0 else 0.0
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))


def mean_cold_share(
    rates_per_s: Sequence[float], service_s: float, idle_s: float = IDLE_TIMEOUT_S
) -> float:
    """Share of cold calls under a rate that changes: equally long slices, each long against
    ``idle_s`` (hours of a day, say), weighted by their calls."""
    calls = math.fsum(rates_per_s)
    if not calls > 0.0:
        return 1.0
    return math.fsum(rate * cold_share(rate, service_s, idle_s) for rate in rates_per_s) / calls


def replayed_cold_share(
    arrivals_s: Sequence[float], service_s: float, idle_s: float = IDLE_TIMEOUT_S
) -> float | None:
    """Share of cold calls among known ones (seconds, ascending), by the same rules, exactly.

    What was warm before the first call is not known, so only calls later than ``idle_s`` after it
    count; ``None`` when there are none.
    """
    busy: list[float] = []  # a heap of the moments at which sandboxes become free
    free: list[float] = []  # when the free ones did, ascending
    cold = counted = 0
    for arrival in arrivals_s:
        while busy and busy[0] <= arrival:
            free.append(heapq.heappop(busy))
        warm = bool(free) and arrival - free[-1] <= idle_s
        if warm:
            free.pop()
        else:
            free.clear()  # the others were free for even longer
        heapq.heappush(busy, arrival + service_s)
        if arrival - arrivals_s[0] > idle_s:
            counted += 1
            cold += not warm
    return cold / counted if counted else None

"""How many calls start cold, from the traffic and the time after which an idle sandbox goes.

Poisson arrivals and a fixed idle time-out; no limit on concurrency, no scheduled recycling, no
bursts. Where cold starts were measured under the real traffic, use that instead.
"""

import heapq
import math
from collections.abc import Sequence

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
    if load > _MOST_SUMMED:
        rate_there = _MOST_SUMMED / service_s
        return cold_share(rate_there, service_s, idle_s) * math.sqrt(_MOST_SUMMED / load)
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


def erlang_b(servers: int, load: float) -> float:
    """Share of calls, 0 to 1, that find all servers busy.

    ``load`` in erlangs (rate times holding time); any distribution of holding times. The usual
    recursion of A. K. Erlang's loss formula (1917).
    """
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    return blocked

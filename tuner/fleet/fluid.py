"""Placing calls of one function as a fluid: for traffic of too many calls to place each.

Rates in equally long steps in, counts in each step out. Calls in flight are those of a queue with
unlimited servers, N = rate convolved with the chance that a call still runs (M/G/infinity). A call
that finds all sandboxes busy, or in INIT, starts another: Erlang's loss formula of N says how many
do. Sandboxes are kept that N, a Poisson number, reaches within the time for which an idle one
lives. What is blocked at a limit on concurrency is the loss formula again. Tests hold all of it
against ``simulate.py``, which places each call.
"""

import math
from collections import deque
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from tuner.fleet.simulate import Allowed

FloatArray = NDArray[np.float64]
#: Mean idle life in seconds, of ``limits.IDLE_LIFE``.
IDLE_S = 318.0
#: Loads at which the loss formula is computed; more servers than these are taken as many.
_GRID, _SUMMED = 400, 20_000


@dataclass(frozen=True)
class Flow:
    """Counts of each step (n,): calls that came, that were served by an existing sandbox on demand,
    a new one, a provisioned one, and that were throttled for a reason; calls in flight (mean) and
    sandboxes that exist at its end."""

    step_s: float
    calls: FloatArray
    warm: FloatArray
    cold: FloatArray
    provisioned: FloatArray
    over_concurrency: FloatArray
    over_rate: FloatArray
    over_scaling: FloatArray
    in_flight: FloatArray
    sandboxes: FloatArray

    def after(self, steps: int) -> "Flow":
        """The same without its first steps."""
        names = [each.name for each in fields(self) if each.name != "step_s"]
        return replace(self, **{name: getattr(self, name)[steps:] for name in names})


def flow(
    rates_per_s: FloatArray,
    step_s: float,
    held_s: tuple[FloatArray, FloatArray],
    allowed: Allowed,
    renewed: FloatArray,
) -> Flow:
    """Let calls flow. ``held_s`` is how long calls held warm sandboxes, and new ones (INIT
    included), as seen; ``renewed`` the share of calls (n,) that are cold at a rate that stays.
    """
    warm_s, cold_s = held_s
    whole, each_s = allowed.concurrency + allowed.provisioned, allowed.limits.rate_per_concurrency
    calls = rates_per_s * step_s
    kept = np.minimum(calls, each_s * whole * step_s)
    offered = running(kept / step_s, step_s, warm_s)
    blocked = kept * erlang_b(whole, offered)
    spilled = erlang_b(allowed.provisioned, offered)
    ready = np.minimum(kept * (1.0 - spilled), each_s * allowed.provisioned * step_s)
    asked = np.maximum(0.0, kept - blocked - ready)
    pool = _Pool(step_s, float(warm_s.mean()), cold_s, len(calls), allowed)
    columns = (kept, blocked, asked, offered, asked * renewed)
    steps = zip(*(each.tolist() for each in columns), strict=True)
    found = [pool.step(*each) for each in steps]
    warm, cold, full, slow, flying, there = np.array(found).reshape(-1, 6).T
    return Flow(
        step_s=step_s,
        calls=calls,
        warm=warm,
        cold=cold,
        provisioned=ready,
        over_concurrency=blocked + full,
        over_rate=calls - kept,
        over_scaling=slow,
        in_flight=flying + ready / step_s * float(warm_s.mean()),
        sandboxes=there + allowed.provisioned,
    )


def running(rates_per_s: FloatArray, step_s: float, held_s: FloatArray) -> FloatArray:
    """Mean calls in flight in each step, of calls that come evenly within steps.

    The share of a call's time that falls m steps after it came is a second difference of
    H(x) = integral of E[min(D, u)] over u from 0 to x, D being durations.
    """
    longest = float(held_s.max())
    edges = np.arange(-1, min(len(rates_per_s), math.ceil(longest / step_s) + 1) + 1) * step_s
    square = 0.5 * np.minimum(held_s, np.maximum(edges, 0.0)[:, None]) ** 2
    rest = held_s * np.maximum(0.0, edges[:, None] - held_s)
    whole = (square + rest).mean(axis=1)
    kernel = np.diff(whole, 2) / step_s
    size = len(rates_per_s) + len(kernel)
    padded = 1 << (size - 1).bit_length()
    product = np.fft.rfft(rates_per_s, padded) * np.fft.rfft(kernel, padded)
    found = np.fft.irfft(product, padded)[: len(rates_per_s)]
    return np.asarray(np.maximum(found, 0.0), dtype=np.float64)


def erlang_b(servers: int, loads: FloatArray) -> FloatArray:
    """Share of calls that find all servers busy, for each load in erlangs (A. K. Erlang, 1917)."""
    if servers > _SUMMED:
        return np.array([_loss(float(servers), load) for load in loads.tolist()])
    low, high = float(loads.min()), float(loads.max())
    near = np.clip(servers + np.linspace(-6.0, 6.0, _GRID) * math.sqrt(servers + 1.0), low, high)
    grid = np.unique(np.concatenate([np.linspace(low, high, _GRID), near]))
    blocked = np.ones_like(grid)
    for server in range(1, servers + 1):
        blocked = grid * blocked / (server + grid * blocked)
    return np.asarray(np.interp(loads, grid, blocked), dtype=np.float64)


def reach(times: float) -> float:
    """Standard deviations that a stationary process reaches on average in ``times`` relaxation
    times: the Ornstein-Uhlenbeck process passes a high level x at the rate x phi(x) a relaxation
    time, and exp(-0.577) passages are expected at the mean of its maximum.
    """
    if times < 1.0:
        return times * reach(1.0)
    low, high = 1.0, 12.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        passages = times * middle * math.exp(-0.5 * middle**2) / math.sqrt(2.0 * math.pi)
        low, high = (middle, high) if passages > 0.5615 else (low, middle)
    return 0.5 * (low + high)


def _loss(servers: float, load: float) -> float:
    """Erlang's loss formula where both are large: phi(c) / (sqrt(load) Phi(c)), c being how many
    standard deviations of the load the servers are above it (D. L. Jagerman, 1974)."""
    if load <= 0.0:
        return 0.0
    above = (servers - load) / math.sqrt(load)
    if above < -5.0:
        return 1.0 - servers / load
    density = math.exp(-0.5 * above**2) / math.sqrt(2.0 * math.pi)
    return density / math.sqrt(load) / (0.5 * math.erfc(-above / math.sqrt(2.0)))


class _Pool:
    """Sandboxes on demand, step by step."""

    def __init__(
        self, step_s: float, warm_s: float, cold_s: FloatArray, steps: int, allowed: Allowed
    ) -> None:
        limits = allowed.limits
        self.step_s, self.warm_s, self.allowed = step_s, warm_s, allowed
        self.tokens = float(limits.burst)
        self.refill = limits.burst / limits.burst_period_s * step_s
        ends = np.maximum(1, np.rint(cold_s / step_s)).astype(np.int64)
        self.share = np.bincount(ends) / len(ends)  # of first calls that end so many steps later
        self.ends = np.zeros(steps + len(self.share) + 1)
        self.busy = self.starting = self.unlucky = 0.0
        self.levels: deque[tuple[int, float]] = deque()  # falling: the highest of those still kept
        self.kept = max(1, round(IDLE_S / step_s))
        self.now = 0
        self.reached = reach(IDLE_S / warm_s)

    def step(
        self, kept: float, blocked: float, asked: float, offered: float, renewed: float
    ) -> tuple[float, float, float, float, float, float]:
        """Give warm, cold, over concurrency, over the scaling rate, in flight, sandboxes.

        ``kept`` are calls within the request rate, ``asked`` those of them for sandboxes on demand
        that are not ``blocked`` at the limit on concurrency.
        """
        self.now += 1
        limits, spread = self.allowed.limits, math.sqrt(offered)
        self.tokens = min(float(limits.burst), self.tokens + self.refill)
        self.starting -= float(self.ends[self.now])
        there, most = self._there(), float(self.allowed.concurrency)
        warmed = max(0.0, there - self.starting)
        needed = max(0.0, offered + self.reached * spread - self.allowed.provisioned)
        turns, free = self.step_s / self.warm_s, max(0.0, warmed - self.busy)
        missed = max(0.0, asked - self.busy * turns - free * max(1.0, turns))
        if self.now <= self.kept or needed < there - 0.5 * spread:
            renewed = 0.0  # none has been idle for long enough
        held = kept - blocked - asked  # by provisioned ones
        load = self.busy + (self.unlucky + held) / self.step_s * self.warm_s
        self.unlucky = kept * _loss(self.allowed.provisioned + warmed, min(load, offered))
        unlucky = self.unlucky - blocked
        if unlucky * self.kept < 1.0 or there >= most:
            unlucky = 0.0  # fewer than one in an idle life, as in ``renewed``; or they are blocked
        wanted = min(asked, max(missed, unlucky, renewed))
        room = max(0.0, most - max(there, self.busy + self.starting))
        cold = min(wanted, room, self.tokens)
        over = max(0.0, wanted - cold)
        full = over if room < self.tokens else 0.0
        self._start(cold)
        warm = asked - cold - over
        serving = warm / self.step_s * self.warm_s
        self.busy += (serving - self.busy) * min(1.0, turns)
        in_flight = min(most, self.busy + self.starting)
        created = there + cold if cold > renewed else 0.0
        self._use(max(min(needed, there + cold), created, in_flight))
        return warm, cold, full, over - full, in_flight, self._there()

    def _start(self, cold: float) -> None:
        self.tokens -= cold
        self.starting += cold
        if cold > 0.0:
            self.ends[self.now : self.now + len(self.share)] += cold * self.share

    def _there(self) -> float:
        """Sandboxes: as many as were in use at once within an idle life, and are not expired."""
        while self.levels and self.levels[0][0] <= self.now - self.kept:
            self.levels.popleft()
        return self.levels[0][1] if self.levels else 0.0

    def _use(self, level: float) -> None:
        while self.levels and self.levels[-1][1] <= level:
            self.levels.pop()
        self.levels.append((self.now, level))

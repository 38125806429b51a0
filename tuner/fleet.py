"""Which sandbox serves this call now: a warm one, a new one, or none because of a limit.

One :class:`Fleet` stands for one account in one region. It knows sandboxes by number only and
starts nothing: the local Lambda runs it on the wall clock, a simulator can run it on a virtual
one. Every decision takes effect at once, so callers on one thread need no lock.
"""

import random
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from tuner.clock import Clock


class ThrottleReason(StrEnum):
    """The ``Reason`` of a 429, as in AWS's model of TooManyRequestsException."""

    ACCOUNT_CONCURRENCY = "ConcurrentInvocationLimitExceeded"
    ACCOUNT_RATE = "FunctionInvocationRateLimitExceeded"
    RESERVED_CONCURRENCY = "ReservedFunctionConcurrentInvocationLimitExceeded"
    RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"


class Verdict(StrEnum):
    """How a call is served."""

    WARM = "warm"
    COLD = "cold"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class Placement:
    """The answer to one call. ``sandbox`` is None, and ``reason`` is set, when it is throttled."""

    verdict: Verdict
    sandbox: int | None = None
    reason: ThrottleReason | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """AWS's limits per account and region (Lambda quotas page, "scaling behavior").

    ``burst`` new sandboxes per function at once, refilled over ``burst_period_s`` without
    accruing beyond ``burst``; ``rate_per_concurrency`` synchronous requests per second for each
    unit of concurrency. Which Reason AWS gives for the burst limit is not documented; the
    account's concurrency is assumed.
    """

    account_concurrency: int = 1000
    burst: int = 1000
    burst_period_s: int = 10
    rate_per_concurrency: int = 10


# Share of sandboxes found cold after so many idle seconds: 100 probes per gap, spring 2025,
# keep-alive dataset of the EuroSys 2026 artifact on serverless cold starts.
_IDLE_LIFE = ((0.0, 240.0), (0.03, 270.0), (0.08, 300.0), (0.43, 315.0), (0.68, 330.0),
              (0.94, 345.0), (1.0, 360.0))  # fmt: skip


def idle_life(chance: random.Random) -> float:
    """Draw for how many seconds an idle sandbox is kept, as measured on AWS: 4 to 6 minutes."""
    share = chance.random()
    at = max(1, bisect_left(_IDLE_LIFE, (share,)))
    (low, start), (high, end) = _IDLE_LIFE[at - 1], _IDLE_LIFE[at]
    return start + (end - start) * (share - low) / (high - low)


class TokenBucket:
    """Permits that refill continuously up to a capacity, in exact integer arithmetic.

    ``capacity`` permits are refilled over ``period_s`` seconds. Levels are kept in units of one
    permit x period in nanoseconds, so that no interleaving of calls can gain or lose a fraction.
    """

    def __init__(self, capacity: int, period_s: int, now_ns: int) -> None:
        self._capacity = capacity
        self._unit = period_s * 1_000_000_000
        self._level = capacity * self._unit
        self._at = now_ns

    def available(self, now_ns: int) -> bool:
        """Whether a whole permit is there at this moment (nanoseconds on the fleet's clock)."""
        elapsed = max(0, now_ns - self._at)
        self._at = max(self._at, now_ns)
        self._level = min(self._capacity * self._unit, self._level + elapsed * self._capacity)
        return self._level >= self._unit

    def take(self) -> None:
        """Use one permit; only after :meth:`available` said yes."""
        self._level -= self._unit


@dataclass(slots=True)
class _Sandbox:
    deployment: str
    function: str
    busy: bool = True
    retired: bool = False
    expires_at: float = 0.0


@dataclass(slots=True)
class _Function:
    in_flight: int = 0
    reserved: int | None = None
    rate: TokenBucket | None = None
    burst: TokenBucket | None = None


class Fleet:
    """All sandboxes of one account in one region.

    ``keep_alive`` is asked, each time that a sandbox falls idle, for how many seconds it lives.
    A *function* is what limits apply to, a *deployment* what sandboxes belong to: one version
    with one configuration of a function.
    """

    def __init__(self, limits: Limits, clock: Clock, keep_alive: Callable[[], float]) -> None:
        self.limits = limits
        self._clock = clock
        self._keep_alive = keep_alive
        self._numbers = count(1)
        self._sandboxes: dict[int, _Sandbox] = {}
        self._idle: dict[str, list[int]] = {}  # per deployment, most recently used last
        self._functions: dict[str, _Function] = {}
        self._gone: list[int] = []
        self._shared_in_flight = 0
        self._shared_limit = limits.account_concurrency
        self._shared_rate: TokenBucket | None = None

    def reserve(self, function: str, concurrency: int | None) -> None:
        """Set aside this much of the account for one function, or give it back with None.

        The caller keeps the sum below the account's limit; calls in flight are not disturbed.
        """
        state = self._functions.setdefault(function, _Function())
        if (state.reserved is None) != (concurrency is None):
            moved = state.in_flight if concurrency is None else -state.in_flight
            self._shared_in_flight += moved
        state.reserved = concurrency
        state.rate = None
        self._shared_rate = None
        reserved = sum(f.reserved or 0 for f in self._functions.values())
        self._shared_limit = self.limits.account_concurrency - reserved

    def place(self, function: str, deployment: str, *, rated: bool = True) -> Placement:
        """Serve one call now. A placed call holds its sandbox until :meth:`release`.

        ``rated=False`` exempts it from the request rate, as asynchronous invocations are.
        """
        state = self._functions.setdefault(function, _Function())
        now = self._clock.monotonic()
        now_ns = round(now * 1e9)
        rate = self._rate_of(state, now_ns) if rated else None
        reason = self._refusal(state, rate, now_ns)
        if reason is not None:
            return Placement(Verdict.THROTTLED, reason=reason)
        placement = self._take_idle(deployment, now) or self._create(
            state, function, deployment, now_ns
        )
        if placement.sandbox is not None:
            if rate:
                rate.take()
            self._count(state, 1)
        return placement

    def release(self, sandbox: int, *, alive: bool = True) -> bool:
        """End the call that a sandbox serves; says whether the sandbox is kept.

        A sandbox that is not kept (dead, or of a retired deployment) is the caller's to stop.
        """
        box = self._sandboxes[sandbox]
        if not box.busy:
            raise ValueError(f"sandbox {sandbox} serves no call")
        self._count(self._functions[box.function], -1)
        if not alive or box.retired:
            del self._sandboxes[sandbox]
            return False
        box.busy = False
        box.expires_at = self._clock.monotonic() + self._keep_alive()
        self._idle.setdefault(box.deployment, []).append(sandbox)
        return True

    def retire(self, deployment: str) -> list[int]:
        """Take a deployment out of service; gives the idle sandboxes to stop now.

        Busy ones finish their call and are then not kept.
        """
        idle = self._idle.pop(deployment, [])
        for number in idle:
            del self._sandboxes[number]
        for box in self._sandboxes.values():
            if box.deployment == deployment:
                box.retired = True
        return idle

    def expired(self) -> list[int]:
        """The sandboxes whose idle life has ended since the last question: to be stopped."""
        now = self._clock.monotonic()
        for deployment in [*self._idle]:
            kept = [n for n in self._idle[deployment] if self._lives(n, now)]
            if kept:
                self._idle[deployment] = kept
            else:
                del self._idle[deployment]
        gone, self._gone = self._gone, []
        return gone

    def in_flight(self, function: str | None = None) -> int:
        """Calls being served now, of one function or of all."""
        if function is None:
            return sum(f.in_flight for f in self._functions.values())
        state = self._functions.get(function)
        return state.in_flight if state else 0

    def sandboxes(self, deployment: str | None = None) -> int:
        """Sandboxes that exist now, busy or idle, of one deployment or of all."""
        if deployment is None:
            return len(self._sandboxes)
        return sum(box.deployment == deployment for box in self._sandboxes.values())

    def _refusal(
        self, state: _Function, rate: TokenBucket | None, now_ns: int
    ) -> ThrottleReason | None:
        if state.reserved is not None:
            if state.in_flight >= state.reserved:
                return ThrottleReason.RESERVED_CONCURRENCY
            if rate and not rate.available(now_ns):
                return ThrottleReason.RESERVED_RATE
        elif self._shared_in_flight >= self._shared_limit:
            return ThrottleReason.ACCOUNT_CONCURRENCY
        elif rate and not rate.available(now_ns):
            return ThrottleReason.ACCOUNT_RATE
        return None

    def _rate_of(self, state: _Function, now_ns: int) -> TokenBucket:
        per_unit = self.limits.rate_per_concurrency
        if state.reserved is not None:
            if state.rate is None:
                state.rate = TokenBucket(per_unit * state.reserved, 1, now_ns)
            return state.rate
        if self._shared_rate is None:
            self._shared_rate = TokenBucket(per_unit * self._shared_limit, 1, now_ns)
        return self._shared_rate

    def _take_idle(self, deployment: str, now: float) -> Placement | None:
        idle = self._idle.get(deployment)
        while idle:
            number = idle.pop()
            if self._lives(number, now):
                self._sandboxes[number].busy = True
                return Placement(Verdict.WARM, number)
        return None

    def _lives(self, number: int, now: float) -> bool:
        if now < self._sandboxes[number].expires_at:
            return True
        del self._sandboxes[number]
        self._gone.append(number)
        return False

    def _create(self, state: _Function, function: str, deployment: str, now_ns: int) -> Placement:
        if state.burst is None:
            state.burst = TokenBucket(self.limits.burst, self.limits.burst_period_s, now_ns)
        if not state.burst.available(now_ns):
            return Placement(Verdict.THROTTLED, reason=ThrottleReason.ACCOUNT_CONCURRENCY)
        state.burst.take()
        number = next(self._numbers)
        self._sandboxes[number] = _Sandbox(deployment, function)
        return Placement(Verdict.COLD, number)

    def _count(self, state: _Function, change: int) -> None:
        state.in_flight += change
        if state.reserved is None:
            self._shared_in_flight += change

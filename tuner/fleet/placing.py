"""Placing a call now: on a warm sandbox, a new one, or none because of a limit.

One :class:`Fleet` stands for one account in one region. It knows sandboxes by number only and
starts nothing: the local Lambda runs it on the wall clock, a simulator can run it on a virtual
one. Every decision takes effect at once, so callers on one thread need no lock.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from tuner.clock import Clock
from tuner.fleet.limits import AccountLimits, Standby, ThrottleReason, TokenBucket


class ServedAs(StrEnum):
    """Ways in which a call is served."""

    WARM = "warm"
    COLD = "cold"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class Placement:
    """The answer to one call. ``sandbox`` is None, and ``reason`` is set, when it is throttled."""

    verdict: ServedAs
    sandbox: int | None = None
    reason: ThrottleReason | None = None


@dataclass(slots=True)
class _Sandbox:
    deployment: str
    function: str
    busy: bool = True
    retired: bool = False
    expires_at: float = 0.0
    provisioned: bool = False


@dataclass(slots=True)
class _Function:
    in_flight: int = 0
    provisioned: int = 0  # of those in flight, the ones in provisioned sandboxes
    reserved: int | None = None
    rate: TokenBucket | None = None
    burst: TokenBucket | None = None

    @property
    def on_demand(self) -> int:
        """Calls in flight that count against the function's or the account's concurrency."""
        return self.in_flight - self.provisioned


class Fleet:
    """All sandboxes of one account in one region.

    ``keep_alive`` is asked, each time that a sandbox falls idle, for how many seconds it lives.
    A *function* is what limits apply to, a *deployment* what sandboxes belong to: one version
    with one configuration of a function.
    """

    def __init__(
        self, limits: AccountLimits, clock: Clock, keep_alive: Callable[[], float]
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._keep_alive = keep_alive
        self._numbers = count(1)
        self._sandboxes: dict[int, _Sandbox] = {}
        self._idle: dict[str, list[int]] = {}  # per deployment, most recently used last
        self._functions: defaultdict[str, _Function] = defaultdict(_Function)
        self._standby: dict[str, Standby] = {}  # per deployment with provisioned concurrency
        self._gone: list[int] = []
        self._shared_in_flight = 0
        self._shared_limit = limits.account_concurrency
        self._shared_rate: TokenBucket | None = None

    def reserve(self, function: str, concurrency: int | None) -> None:
        """Set aside this much of the account for one function, or give it back with None.

        The caller keeps the sum below the account's limit; calls in flight are not disturbed.
        """
        state = self._functions[function]
        if (state.reserved is None) != (concurrency is None):
            self._shared_in_flight += state.on_demand * (1 if concurrency is None else -1)
        state.reserved = concurrency
        self._share_out(state)

    def provision(self, function: str, deployment: str, count: int) -> None:
        """Set ``count`` sandboxes of a deployment aside, from the function's reservation or else
        the account's; the caller keeps the sum below that. None serves before :meth:`open`."""
        rate = self._rate(count, round(self._clock.monotonic() * 1e9))
        self._standby[deployment] = Standby(function, count, rate)
        self._share_out(self._functions[function])

    def add(self, deployment: str) -> int:
        """A number for a provisioned sandbox that is being initialised."""
        number = next(self._numbers)
        function = self._standby[deployment].function
        self._sandboxes[number] = _Sandbox(deployment, function, provisioned=True)
        return number

    def open(self, sandboxes: Iterable[int]) -> list[int]:
        """Let initialised sandboxes serve; gives those that were withdrawn meanwhile, to stop."""
        late = []
        for number in sandboxes:
            box = self._sandboxes[number]
            if box.retired:
                del self._sandboxes[number]
                late.append(number)
            else:
                box.busy = False
                self._standby[box.deployment].idle.append(number)
        return late

    def drop(self, sandbox: int) -> None:
        """Forget a provisioned sandbox whose INIT failed."""
        del self._sandboxes[sandbox]

    def missing(self, deployment: str) -> int:
        """Number of provisioned sandboxes that a deployment lacks, since others died."""
        standby = self._standby.get(deployment)
        boxes = self._sandboxes.values()
        there = sum(box.provisioned and box.deployment == deployment for box in boxes)
        return max(0, standby.claimed - there) if standby else 0

    def withdraw(self, deployment: str) -> list[int]:
        """End a deployment's provisioned concurrency; gives the idle sandboxes to stop now.

        Busy ones finish their call, those being initialised their INIT, and are then not kept.
        """
        standby = self._standby.pop(deployment, None)
        if standby is None:
            return []
        for number in standby.idle:
            del self._sandboxes[number]
        for box in self._sandboxes.values():
            box.retired |= box.provisioned and box.deployment == deployment
        self._share_out(self._functions[standby.function])
        return list(standby.idle)

    def place(self, function: str, deployment: str, *, rated: bool = True) -> Placement:
        """Serve one call now. A placed call holds its sandbox until :meth:`release`.

        ``rated=False`` exempts it from the request rate, as asynchronous invocations are.
        """
        state = self._functions[function]
        now = self._clock.monotonic()
        now_ns = round(now * 1e9)
        ready = self._take_provisioned(state, deployment, now_ns if rated else None)
        if ready is not None:
            return ready
        rate = self._rate_of(state, now_ns) if rated else None
        reason = self._refusal(state, rate, now_ns)
        if reason is not None:
            return Placement(ServedAs.THROTTLED, reason=reason)
        placement = self._take_idle(deployment, now)
        placement = placement or self._create(state, function, deployment, now_ns)
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
        self._count(self._functions[box.function], -1, provisioned=box.provisioned)
        if not alive or box.retired:
            del self._sandboxes[sandbox]
            return False
        box.busy = False
        if box.provisioned:
            self._standby[box.deployment].idle.append(sandbox)
            return True
        box.expires_at = self._clock.monotonic() + self._keep_alive()
        self._idle.setdefault(box.deployment, []).append(sandbox)
        return True

    def retire(self, deployment: str) -> list[int]:
        """Take a deployment out of service; gives the idle sandboxes to stop now.

        Busy ones finish their call and are then not kept.
        """
        provisioned = self.withdraw(deployment)
        idle = self._idle.pop(deployment, [])
        for number in idle:
            del self._sandboxes[number]
        for box in self._sandboxes.values():
            box.retired |= box.deployment == deployment
        return [*provisioned, *idle]

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

    def in_flight(self) -> int:
        """Calls being served now."""
        return sum(state.in_flight for state in self._functions.values())

    def sandboxes(self) -> int:
        """Sandboxes that exist now, busy or idle."""
        return len(self._sandboxes)

    def _refusal(
        self, state: _Function, rate: TokenBucket | None, now_ns: int
    ) -> ThrottleReason | None:
        if state.reserved is not None:
            if state.on_demand >= state.reserved - self._claimed(state):
                return ThrottleReason.RESERVED_CONCURRENCY
            if rate and not rate.available(now_ns):
                return ThrottleReason.RESERVED_RATE
        elif self._shared_in_flight >= self._shared_limit:
            return ThrottleReason.ACCOUNT_CONCURRENCY
        elif rate and not rate.available(now_ns):
            return ThrottleReason.ACCOUNT_RATE
        return None

    def _rate_of(self, state: _Function, now_ns: int) -> TokenBucket:
        if state.reserved is None:
            self._shared_rate = self._shared_rate or self._rate(self._shared_limit, now_ns)
            return self._shared_rate
        state.rate = state.rate or self._rate(state.reserved - self._claimed(state), now_ns)
        return state.rate

    def _rate(self, concurrency: int, now_ns: int) -> TokenBucket:
        """Permits for the requests per second that so much concurrency allows."""
        return TokenBucket(self.limits.rate_per_concurrency * concurrency, 1, now_ns)

    def _claimed(self, state: _Function) -> int:
        """Sandboxes of a function that are set aside as provisioned."""
        return sum(
            s.claimed for s in self._standby.values() if self._functions[s.function] is state
        )

    def _share_out(self, state: _Function) -> None:
        """Compute what is left for all others, after a change to one function's part."""
        state.rate = self._shared_rate = None
        aside = sum(
            self._claimed(f) if f.reserved is None else f.reserved for f in self._functions.values()
        )
        self._shared_limit = self.limits.account_concurrency - aside

    def _take_provisioned(
        self, state: _Function, deployment: str, rated_ns: int | None
    ) -> Placement | None:
        """``None`` if there is none, all are busy, or their rate is used up: it spills over."""
        standby = self._standby.get(deployment)
        number = standby.take(rated_ns) if standby else None
        if number is None:
            return None
        self._sandboxes[number].busy = True
        self._count(state, 1, provisioned=True)
        return Placement(ServedAs.WARM, number)

    def _take_idle(self, deployment: str, now: float) -> Placement | None:
        idle = self._idle.get(deployment)
        while idle:
            number = idle.pop()
            if self._lives(number, now):
                self._sandboxes[number].busy = True
                return Placement(ServedAs.WARM, number)
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
            return Placement(ServedAs.THROTTLED, reason=ThrottleReason.ACCOUNT_CONCURRENCY)
        state.burst.take()
        number = next(self._numbers)
        self._sandboxes[number] = _Sandbox(deployment, function)
        return Placement(ServedAs.COLD, number)

    def _count(self, state: _Function, change: int, *, provisioned: bool = False) -> None:
        state.in_flight += change
        if provisioned:
            state.provisioned += change
        elif state.reserved is None:
            self._shared_in_flight += change

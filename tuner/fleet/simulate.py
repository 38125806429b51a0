"""Placing the calls of one function on virtual time, call by call, by the fleet's own rules.

The rules of :class:`tuner.fleet.Fleet` for one function, written as one loop without objects: about
a microsecond a call, whatever the number of sandboxes. A test compares each call's placement with
the fleet's. Beyond some million calls ``fluid.py`` stands in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from tuner.fleet.limits import IDLE_LIFE, AccountLimits

FloatArray = NDArray[np.float64]
_NS = 1_000_000_000

#: How a call is served, by its code; from THROTTLED on it is not.
WARM, COLD, PROVISIONED, THROTTLED = 0, 1, 2, 3
#: What a throttled call's code says.
REASONS = (
    "account concurrency",
    "account request rate",
    "reserved concurrency",
    "reserved request rate",
    "scaling rate",
)
_ACCOUNT, _ACCOUNT_RATE, _RESERVED, _RESERVED_RATE, _SCALING = range(THROTTLED, THROTTLED + 5)


@dataclass(frozen=True)
class Allowed:
    """What one function may have: of the account's limits, or reserved for it, and kept ready."""

    limits: AccountLimits = field(default_factory=AccountLimits)
    reserved: int | None = None
    provisioned: int = 0

    @property
    def concurrency(self) -> int:
        """Calls at once in sandboxes on demand; those provisioned come on top."""
        whole = self.limits.account_concurrency if self.reserved is None else self.reserved
        return max(0, whole - self.provisioned)

    @property
    def rate_per_s(self) -> int:
        """Requests a second in sandboxes on demand."""
        return self.limits.rate_per_concurrency * self.concurrency


@dataclass(frozen=True)
class Drawn:
    """Calls with everything that chance decides: when each comes (seconds, ascending), how long it
    holds a warm sandbox and a new one (seconds), and how long sandboxes live idle, in turn."""

    at_s: FloatArray
    warm_s: FloatArray
    cold_s: FloatArray
    idle_s: FloatArray


@dataclass(frozen=True)
class Placed:
    """How each call was served (``codes``), and sandboxes at the ends of equally long steps."""

    codes: NDArray[np.uint8]
    sandboxes: FloatArray
    step_s: float


def idle_lives(count: int, random: np.random.Generator) -> FloatArray:
    """Draw for how many seconds idle sandboxes are kept, as ``limits.idle_life`` does."""
    shares, lives = zip(*IDLE_LIFE, strict=True)
    return np.asarray(np.interp(random.random(count), shares, lives), dtype=np.float64)


def simulate(
    drawn: Drawn, allowed: Allowed, span_s: float, steps: int = 300, begin_s: float = 0.0
) -> Placed:
    """Place every call. The first finds no sandbox but those provisioned; steps are those of the
    span that begins at ``begin_s``."""
    place = _Placing(drawn, allowed)
    step_s, sandboxes = span_s / steps, np.empty(steps)
    edges = np.searchsorted(drawn.at_s, begin_s + np.arange(1, steps + 1) * step_s).tolist()
    edges[-1] = len(drawn.at_s)
    begin = 0
    for step, end in enumerate(edges):
        place.calls(begin, end)
        sandboxes[step] = place.sandboxes(begin_s + (step + 1) * step_s)
        begin = end
    return Placed(np.frombuffer(bytes(place.codes), dtype=np.uint8), sandboxes, step_s)


class _Placing:
    """The state of one function's sandboxes."""

    def __init__(self, drawn: Drawn, allowed: Allowed) -> None:
        self.codes = bytearray(len(drawn.at_s))
        self.allowed = allowed
        self.at_s: Sequence[float] = drawn.at_s.tolist()
        self.at_ns: Sequence[int] = np.rint(drawn.at_s * 1e9).astype(np.int64).tolist()
        self.warm_s: Sequence[float] = drawn.warm_s.tolist()
        self.cold_s: Sequence[float] = drawn.cold_s.tolist()
        self.lives = iter(drawn.idle_s.tolist())
        self.busy: list[float] = []  # a heap of the moments at which calls end
        self.ready_busy: list[float] = []  # the same of provisioned sandboxes
        self.idle: list[float] = []  # when each expires, the one used last at the end
        limits, first = allowed.limits, self.at_ns[0] if self.at_ns else 0
        self.rate = _full(allowed.rate_per_s, 1, first)
        self.burst = _full(limits.burst, limits.burst_period_s, first)
        self.ready = _full(limits.rate_per_concurrency * allowed.provisioned, 1, first)

    def sandboxes(self, now: float) -> int:
        """Sandboxes that exist: provisioned, busy, or idle and not expired."""
        while self.busy and self.busy[0] <= now:
            self.idle.append(heappop(self.busy) + next(self.lives))
        self.idle = [expires for expires in self.idle if expires > now]
        return self.allowed.provisioned + len(self.busy) + len(self.idle)

    def calls(self, begin: int, end: int) -> None:
        """Place the calls from ``begin`` to before ``end``; locals, since this loop is the time."""
        at_s, at_ns, warm_s, cold_s = self.at_s, self.at_ns, self.warm_s, self.cold_s
        codes, busy, idle, lives, ready_busy = (
            self.codes, self.busy, self.idle, self.lives, self.ready_busy,
        )  # fmt: skip
        most, ready = self.allowed.concurrency, self.allowed.provisioned
        of_account = self.allowed.reserved is None
        full_code = _ACCOUNT if of_account else _RESERVED
        rate_code = _ACCOUNT_RATE if of_account else _RESERVED_RATE
        rate, rate_full, level, seen = self.rate
        burst, burst_full, burst_level, burst_seen = self.burst
        burst_unit = self.allowed.limits.burst_period_s * _NS
        ready_rate, ready_full, ready_level, ready_seen = self.ready
        for call in range(begin, end):
            now, now_ns = at_s[call], at_ns[call]
            while busy and busy[0] <= now:
                idle.append(heappop(busy) + next(lives))
            if ready:
                while ready_busy and ready_busy[0] <= now:
                    heappop(ready_busy)
                if len(ready_busy) < ready:
                    ready_level = min(ready_full, ready_level + (now_ns - ready_seen) * ready_rate)
                    ready_seen = now_ns
                    if ready_level >= _NS:
                        ready_level -= _NS
                        heappush(ready_busy, now + warm_s[call])
                        codes[call] = PROVISIONED
                        continue
            if len(busy) >= most:
                codes[call] = full_code
                continue
            level += (now_ns - seen) * rate
            seen = now_ns
            if level > rate_full:
                level = rate_full
            if level < _NS:
                codes[call] = rate_code
                continue
            while idle:
                if now < idle.pop():
                    level -= _NS
                    heappush(busy, now + warm_s[call])
                    break
            else:
                burst_level = min(burst_full, burst_level + (now_ns - burst_seen) * burst)
                burst_seen = now_ns
                if burst_level < burst_unit:
                    codes[call] = _SCALING
                    continue
                burst_level -= burst_unit
                level -= _NS
                heappush(busy, now + cold_s[call])
                codes[call] = COLD
        self.rate = (rate, rate_full, level, seen)
        self.burst = (burst, burst_full, burst_level, burst_seen)
        self.ready = (ready_rate, ready_full, ready_level, ready_seen)


def _full(capacity: int, period_s: int, now_ns: int) -> tuple[int, int, int, int]:
    """Capacity, highest level, level and time of a full ``limits.TokenBucket``."""
    whole = capacity * period_s * _NS
    return capacity, whole, whole, now_ns

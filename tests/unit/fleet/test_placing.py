"""Placement and limits, against a slow reference that keeps everything in lists and fractions."""

import random
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.clock import VirtualClock
from tuner.fleet import (
    AccountLimits,
    Fleet,
    Placement,
    ServedAs,
    ThrottleReason,
    TokenBucket,
    idle_life,
)

LIFE_S = 300.0


def fleet(**limits: int) -> tuple[Fleet, VirtualClock]:
    clock = VirtualClock()
    return Fleet(AccountLimits(**limits), clock, lambda: LIFE_S), clock


def test_a_second_call_at_the_same_time_starts_a_second_sandbox() -> None:
    it, _ = fleet()
    first = it.place("f", "f:1")
    second = it.place("f", "f:1")
    assert (first.verdict, second.verdict) == (ServedAs.COLD, ServedAs.COLD)
    assert first.sandbox != second.sandbox


def test_the_most_recently_used_warm_sandbox_serves_first() -> None:
    it, clock = fleet()
    boxes = [it.place("f", "f:1").sandbox for _ in range(3)]
    for box in (boxes[1], boxes[2], boxes[0]):
        clock.advance(1)
        it.release(box)
    assert it.place("f", "f:1") == Placement(ServedAs.WARM, boxes[0])
    assert it.place("f", "f:1") == Placement(ServedAs.WARM, boxes[2])


def test_a_sandbox_is_never_shared_between_deployments() -> None:
    it, _ = fleet()
    it.release(it.place("f", "f:1").sandbox)
    assert it.place("f", "f:2").verdict is ServedAs.COLD


def test_an_idle_sandbox_expires_and_is_handed_over_once() -> None:
    it, clock = fleet()
    box = it.place("f", "f:1").sandbox
    it.release(box)
    clock.advance(LIFE_S - 0.001)
    assert it.expired() == []
    clock.advance(0.001)
    assert it.place("f", "f:1").verdict is ServedAs.COLD
    assert it.expired() == [box]
    assert it.expired() == []


def test_a_retired_deployment_lets_its_busy_sandbox_finish() -> None:
    it, _ = fleet()
    busy, idle = it.place("f", "f:1").sandbox, it.place("f", "f:1").sandbox
    it.release(idle)
    assert it.retire("f:1") == [idle]
    assert it.release(busy) is False
    assert it.sandboxes() == 0


def test_a_dead_sandbox_is_not_reused() -> None:
    it, _ = fleet()
    assert it.release(it.place("f", "f:1").sandbox, alive=False) is False
    assert it.place("f", "f:1").verdict is ServedAs.COLD


def test_releasing_twice_is_refused() -> None:
    it, _ = fleet()
    box = it.place("f", "f:1").sandbox
    it.release(box)
    with pytest.raises(ValueError, match="serves no call"):
        it.release(box)


def test_the_account_limit_counts_all_unreserved_functions() -> None:
    it, _ = fleet(account_concurrency=2)
    it.place("f", "f:1")
    it.place("g", "g:1")
    assert it.place("h", "h:1").reason is ThrottleReason.ACCOUNT_CONCURRENCY


def test_reserved_concurrency_limits_its_function_and_shrinks_the_rest() -> None:
    it, _ = fleet(account_concurrency=3)
    it.reserve("f", 2)
    assert [it.place("f", "f:1").verdict for _ in range(2)] == [ServedAs.COLD] * 2
    assert it.place("f", "f:1").reason is ThrottleReason.RESERVED_CONCURRENCY
    assert it.place("g", "g:1").verdict is ServedAs.COLD
    assert it.place("g", "g:1").reason is ThrottleReason.ACCOUNT_CONCURRENCY


def test_reserving_zero_refuses_every_call() -> None:
    it, _ = fleet()
    it.reserve("f", 0)
    assert it.place("f", "f:1").reason is ThrottleReason.RESERVED_CONCURRENCY


def test_a_reservation_given_back_counts_its_calls_against_the_account() -> None:
    it, _ = fleet(account_concurrency=2)
    it.reserve("f", 1)
    box = it.place("f", "f:1").sandbox
    it.reserve("f", None)
    assert it.place("f", "f:1").verdict is ServedAs.COLD
    assert it.place("f", "f:1").reason is ThrottleReason.ACCOUNT_CONCURRENCY
    it.release(box)
    assert it.place("f", "f:1").verdict is ServedAs.WARM


def test_requests_per_second_are_ten_times_the_concurrency() -> None:
    it, clock = fleet(account_concurrency=5)
    served = 0
    for _ in range(200):  # one second in steps of 5 ms, calls that take no time
        placement = it.place("f", "f:1")
        if placement.sandbox is not None:
            served += 1
            it.release(placement.sandbox)
        else:
            assert placement.reason is ThrottleReason.ACCOUNT_RATE
        clock.advance(0.005)
    assert 50 + 49 <= served <= 50 + 50  # the full bucket, then the refill


def test_asynchronous_calls_are_exempt_from_the_request_rate() -> None:
    it, _ = fleet(account_concurrency=1)
    for _ in range(50):
        it.release(it.place("f", "f:1", rated=False).sandbox)


def test_a_changed_reservation_has_the_request_rate_of_its_new_size() -> None:
    it, _ = fleet(account_concurrency=9, rate_per_concurrency=2)
    for concurrency in (1, 3, None):
        it.reserve("f", concurrency)
        served = 0
        while (placement := it.place("f", "f:1")).sandbox is not None:
            it.release(placement.sandbox)
            served += 1
        assert served == 2 * (concurrency or 9)


def test_new_sandboxes_are_limited_per_function() -> None:
    it, clock = fleet(account_concurrency=1000, burst=3, burst_period_s=3)
    assert [it.place("f", "f:1").verdict for _ in range(3)] == [ServedAs.COLD] * 3
    assert it.place("f", "f:1").verdict is ServedAs.THROTTLED
    assert it.place("g", "g:1").verdict is ServedAs.COLD
    clock.advance(1)
    assert it.place("f", "f:1").verdict is ServedAs.COLD
    assert it.place("f", "f:1").verdict is ServedAs.THROTTLED


def test_idle_lives_follow_the_measured_distribution() -> None:
    chance = random.Random(7)
    lives = [idle_life(chance) for _ in range(20_000)]
    assert min(lives) >= 240
    assert max(lives) <= 360
    for seconds, share in ((300, 0.08), (315, 0.43), (330, 0.68), (345, 0.94)):
        assert sum(life <= seconds for life in lives) / len(lives) == pytest.approx(
            share, abs=0.015
        )


@given(
    capacity=st.integers(1, 50),
    period_s=st.integers(1, 10),
    # Many at one moment, fractions of a permit, and pauses that would regain more than fits.
    steps=st.lists(st.just(0) | st.integers(0, 10**8) | st.integers(0, 10**11), max_size=60),
)
def test_a_bucket_is_exact_under_any_interleaving(
    capacity: int, period_s: int, steps: list[int]
) -> None:
    now = 17
    bucket, level = TokenBucket(capacity, period_s, now), Fraction(capacity)
    for step in steps:
        now += step
        level = min(Fraction(capacity), level + Fraction(step * capacity, period_s * 10**9))
        assert bucket.available(now) == (level >= 1)
        if level >= 1:
            bucket.take()
            level -= 1


@dataclass
class _Box:
    number: int
    function: str
    deployment: str
    busy: bool
    used: int = 0
    idle_since_ms: int = 0
    retired: bool = False


@dataclass
class _Permits:
    """A bucket in fractions: ``capacity`` permits, refilled over ``period_ms``."""

    capacity: int
    period_ms: int
    at_ms: int
    level: Fraction

    def there(self, now_ms: int) -> bool:
        refilled = Fraction((now_ms - self.at_ms) * self.capacity, self.period_ms)
        self.level, self.at_ms = min(Fraction(self.capacity), self.level + refilled), now_ms
        return self.level >= 1


class Reference:
    """The same rules, written as searches over a list; times in whole milliseconds."""

    def __init__(self, limits: AccountLimits) -> None:
        self.limits, self.now, self.turn, self.number = limits, 0, 0, 0
        self.boxes: list[_Box] = []
        self.reserved: dict[str, int] = {}
        self.rates: dict[str, _Permits] = {}
        self.bursts: dict[str, _Permits] = {}

    def running(self, function: str) -> int:
        return sum(box.busy and box.function == function for box in self.boxes)

    def rest(self) -> int:
        """Concurrency that is reserved for nobody."""
        return self.limits.account_concurrency - sum(self.reserved.values())

    def reserve(self, function: str, concurrency: int | None) -> None:
        self.reserved.pop(function, None)
        self.reserved |= {} if concurrency is None else {function: concurrency}
        self.rates.pop(function, None)
        self.rates.pop("", None)

    def place(self, function: str, deployment: str, rated: bool) -> tuple[str, int | str]:
        kept = function in self.reserved
        if kept:
            concurrency, busy = self.reserved[function], self.running(function)
        else:
            names = {box.function for box in self.boxes} - set(self.reserved)
            concurrency, busy = self.rest(), sum(self.running(name) for name in names)
        rate = self.rate(function if kept else "", concurrency) if rated else None
        prefix = "ReservedFunction" if kept else ""
        if busy >= concurrency:
            return "throttled", f"{prefix}ConcurrentInvocationLimitExceeded"
        if rate and not rate.there(self.now):
            return "throttled", f"{prefix or 'Function'}InvocationRateLimitExceeded"
        served = self.warm(deployment) or self.cold(function, deployment)
        if rate and served[0] != "throttled":
            rate.level -= 1
        return served

    def rate(self, owner: str, concurrency: int) -> _Permits:
        """The requests per second of a reservation, or of the rest of the account."""
        permits = self.limits.rate_per_concurrency * concurrency
        fresh = _Permits(permits, 1000, self.now, Fraction(permits))
        return self.rates.setdefault(owner, fresh)

    def warm(self, deployment: str) -> tuple[str, int] | None:
        warm = [
            box
            for box in self.boxes
            if box.deployment == deployment
            and not box.busy
            and self.now - box.idle_since_ms < LIFE_S * 1000
        ]
        if not warm:
            return None
        best = max(warm, key=lambda box: box.used)
        best.busy = True
        return "warm", best.number

    def cold(self, function: str, deployment: str) -> tuple[str, int | str]:
        most, period_ms = self.limits.burst, self.limits.burst_period_s * 1000
        fresh = _Permits(most, period_ms, self.now, Fraction(most))
        burst = self.bursts.setdefault(function, fresh)
        if not burst.there(self.now):
            return "throttled", "ConcurrentInvocationLimitExceeded"
        burst.level -= 1
        self.number += 1
        self.boxes.append(_Box(self.number, function, deployment, True))
        return "cold", self.number

    def release(self, number: int, alive: bool) -> bool:
        box = next(box for box in self.boxes if box.number == number)
        self.turn += 1
        box.busy, box.used, box.idle_since_ms = False, self.turn, self.now
        if not alive or box.retired:
            self.boxes.remove(box)
            return False
        return True

    def retire(self, deployment: str) -> set[int]:
        gone = set()
        for box in [box for box in self.boxes if box.deployment == deployment]:
            if box.busy:
                box.retired = True
            else:
                self.boxes.remove(box)
                gone.add(box.number)
        return gone


ACTIONS = st.one_of(
    st.tuples(st.just("place"), st.sampled_from("fgh"), st.integers(1, 2)),
    st.tuples(st.just("event"), st.sampled_from("fgh"), st.integers(1, 2)),
    st.tuples(st.just("calls"), st.sampled_from("fgh"), st.integers(1, 20)),
    st.tuples(st.just("release"), st.integers(0, 99), st.booleans()),
    # Short steps, in which rates and bursts refill by fractions, and long ones that end idle lives.
    st.tuples(st.just("advance"), st.integers(0, 900) | st.integers(0, 200_000), st.none()),
    st.tuples(st.just("reserve"), st.sampled_from("fg"), st.one_of(st.none(), st.integers(0, 2))),
    st.tuples(st.just("retire"), st.sampled_from("fgh"), st.integers(1, 2)),
)
LIMITS = st.builds(
    AccountLimits,
    account_concurrency=st.integers(4, 7),
    burst=st.integers(1, 5) | st.just(1000),
    burst_period_s=st.integers(1, 10),
    rate_per_concurrency=st.integers(1, 2) | st.just(10),
)


@examples(300)
@given(limits=LIMITS, actions=st.lists(ACTIONS, max_size=60))
def test_the_fleet_decides_as_the_slow_reference_does(limits: AccountLimits, actions: list) -> None:
    clock = VirtualClock()
    it, slow = Fleet(limits, clock, lambda: LIFE_S), Reference(limits)
    serving: list[int] = []
    stopped: set[int] = set()
    started: dict[str, list[int]] = {}
    for action, what, detail in actions:
        if action in ("place", "event"):
            rated = action == "place"
            placement = it.place(what, f"{what}:{detail}", rated=rated)
            expected = slow.place(what, f"{what}:{detail}", rated)
            assert (placement.verdict, placement.sandbox or placement.reason) == expected
            if placement.sandbox:
                assert placement.sandbox not in serving
                assert placement.sandbox not in stopped
                serving.append(placement.sandbox)
            if placement.verdict is ServedAs.COLD:
                started.setdefault(what, []).append(slow.now)
        elif action == "calls":  # that take no time, one after another
            for _ in range(detail):
                placement, expected = (
                    it.place(what, f"{what}:1"),
                    slow.place(what, f"{what}:1", True),
                )
                assert (placement.verdict, placement.sandbox or placement.reason) == expected
                if placement.sandbox:
                    assert it.release(placement.sandbox) == slow.release(placement.sandbox, True)
                if placement.verdict is ServedAs.COLD:
                    started.setdefault(what, []).append(slow.now)
        elif action == "release" and serving:
            number = serving.pop(what % len(serving))
            kept = it.release(number, alive=detail)
            assert kept == slow.release(number, detail)
            stopped |= set() if kept else {number}
        elif action == "advance":
            slow.now += what
            clock.advance(max(0.0, slow.now / 1000 - clock.monotonic()))
            stopped |= set(it.expired())
        elif action == "reserve":
            it.reserve(what, detail)
            slow.reserve(what, detail)
        elif action == "retire":
            gone = set(it.retire(f"{what}:{detail}")) | set(it.expired())
            expected_gone = slow.retire(f"{what}:{detail}")
            assert gone - stopped <= expected_gone | _expired(slow)
            stopped |= gone
        assert it.in_flight() == len(serving)
        assert {box.number for box in slow.boxes if box.busy} == set(serving)
    for moments in started.values():
        _check_burst(moments, limits)


def _check_burst(moments_ms: list[int], limits: AccountLimits) -> None:
    """No stretch of time has more new sandboxes than it may: the bucket, and what it regained."""
    for first, begun_ms in enumerate(moments_ms):
        for last in range(first, len(moments_ms)):
            stretch_ms = moments_ms[last] - begun_ms
            regained = Fraction(stretch_ms * limits.burst, limits.burst_period_s * 1000)
            assert last - first + 1 <= limits.burst + regained


def _expired(slow: Reference) -> set[int]:
    return {
        box.number
        for box in slow.boxes
        if not box.busy and slow.now - box.idle_since_ms >= LIFE_S * 1000
    }

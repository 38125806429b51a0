"""Calls on virtual time: placed as the fleet places them, and as queueing theory says."""

import numpy as np
import pytest

from tuner.billing.monthly import erlang_b
from tuner.billing.traffic import cold_share
from tuner.fleet import AccountLimits, Fleet, ServedAs, ThrottleReason
from tuner.fleet.simulate import (
    COLD,
    PROVISIONED,
    THROTTLED,
    WARM,
    Allowed,
    Drawn,
    idle_lives,
    simulate,
)

FREE = AccountLimits(account_concurrency=10**6, burst=10**6, rate_per_concurrency=10**4)

#: The Reason of each in AWS's 429.
AWS_REASONS = (
    ThrottleReason.ACCOUNT_CONCURRENCY,
    ThrottleReason.ACCOUNT_RATE,
    ThrottleReason.RESERVED_CONCURRENCY,
    ThrottleReason.RESERVED_RATE,
    ThrottleReason.ACCOUNT_CONCURRENCY,
)


def drawn(
    per_s: float, span_s: float, warm_s: float, init_s: float, *, seed: int = 1, shape: float = 1.0
) -> Drawn:
    """Calls at random, whose durations are gamma-distributed."""
    random = np.random.default_rng(seed)
    count = random.poisson(per_s * span_s)
    took = random.gamma(shape, warm_s / shape, (2, count))
    at_s = np.sort(random.random(count)) * span_s
    return Drawn(at_s, took[0], init_s + took[1], idle_lives(count, random))


class Virtual:
    """A clock that is set."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def by_the_fleet(calls: Drawn, allowed: Allowed) -> list[tuple[str, ThrottleReason | None]]:
    """The slow definition: the product's fleet, told of each end before each call."""
    clock, lives = Virtual(), iter(calls.idle_s.tolist())
    fleet = Fleet(allowed.limits, clock, lambda: next(lives))
    fleet.reserve("f", allowed.reserved)
    if allowed.provisioned:
        fleet.provision("f", "f:1", allowed.provisioned)
        fleet.open([fleet.add("f:1") for _ in range(allowed.provisioned)])
    ready = set(range(1, allowed.provisioned + 1))
    busy: list[tuple[float, int]] = []
    told = []
    for at_s, warm_s, cold_s in zip(calls.at_s, calls.warm_s, calls.cold_s, strict=True):
        for end_s, sandbox in sorted(each for each in busy if each[0] <= at_s):
            clock.now = end_s
            fleet.release(sandbox)
            busy.remove((end_s, sandbox))
        clock.now = float(at_s)
        placed = fleet.place("f", "f:1")
        served = "provisioned" if placed.sandbox in ready else placed.verdict.value
        told.append((served, placed.reason))
        if placed.sandbox is not None:
            held_s = cold_s if placed.verdict is ServedAs.COLD else warm_s
            busy.append((float(at_s + held_s), placed.sandbox))
    return told


@pytest.mark.parametrize(
    "allowed",
    [
        Allowed(),
        Allowed(AccountLimits(20)),
        Allowed(AccountLimits(100), reserved=15),
        Allowed(AccountLimits(100), provisioned=8),
        Allowed(AccountLimits(100), reserved=12, provisioned=5),
        Allowed(AccountLimits(4, rate_per_concurrency=2)),
        Allowed(AccountLimits(50, burst=5)),
        Allowed(AccountLimits(50, rate_per_concurrency=1), reserved=10, provisioned=3),
    ],
    ids=repr,
)
@pytest.mark.parametrize(("per_s", "span_s", "warm_s"), [(20.0, 40.0, 0.5), (0.05, 20000.0, 40.0)])
def test_each_call_is_placed_as_the_fleet_places_it(
    allowed: Allowed, per_s: float, span_s: float, warm_s: float
) -> None:
    calls = drawn(per_s, span_s, warm_s, 0.7)
    names = {WARM: ("warm", None), COLD: ("cold", None), PROVISIONED: ("provisioned", None)}
    found = [
        names.get(code) or ("throttled", AWS_REASONS[code - THROTTLED])
        for code in simulate(calls, allowed, span_s, steps=7).codes.tolist()
    ]
    assert found == by_the_fleet(calls, allowed)


@pytest.mark.parametrize("servers", [5, 20])
def test_calls_that_find_all_busy_are_erlangs_loss_formula(servers: int) -> None:
    limits = AccountLimits(servers, burst=10**6, rate_per_concurrency=10**4)
    calls = drawn(servers / 0.05, 12e5 * 0.05 / servers, 0.05, 0.0, shape=0.5)
    placed = simulate(calls, Allowed(limits), float(calls.at_s[-1]))
    blocked = np.mean(placed.codes == THROTTLED)
    assert blocked == pytest.approx(erlang_b(servers, float(servers)), rel=0.01)


def test_without_a_limit_calls_in_flight_are_those_of_infinitely_many_servers() -> None:
    calls = drawn(400.0, 1500.0, 0.25, 0.0, shape=2.0)
    codes = simulate(calls, Allowed(FREE), 1500.0).codes
    ends = np.sort(calls.at_s + np.where(codes == COLD, calls.cold_s, calls.warm_s))
    looked = np.arange(5.0, 1500.0, 0.05)
    flying = np.searchsorted(calls.at_s, looked) - np.searchsorted(ends, looked)
    assert flying.mean() == pytest.approx(100.0, rel=0.01)
    assert flying.var() == pytest.approx(100.0, rel=0.05)


@pytest.mark.parametrize(("per_s", "warm_s"), [(0.01, 1.0), (2.0, 1.0), (20.0, 0.5)])
def test_the_share_of_cold_starts_is_that_of_the_formula(per_s: float, warm_s: float) -> None:
    calls = drawn(per_s, 3e5 / per_s, warm_s, 0.0)
    calls.idle_s.fill(320.0)
    codes = simulate(calls, Allowed(FREE), 3e5 / per_s).codes
    later = codes[calls.at_s > 1000.0]
    assert np.mean(later == COLD) == pytest.approx(cold_share(per_s, warm_s), rel=0.12)


def test_sandboxes_are_counted_while_they_live() -> None:
    calls = Drawn(np.array([0.0, 0.1, 50.0]), np.full(3, 1.0), np.full(3, 2.0), np.full(3, 300.0))
    placed = simulate(calls, Allowed(FREE), 600.0, steps=6)
    assert placed.codes.tolist() == [COLD, COLD, WARM]
    assert placed.sandboxes.tolist() == [2, 2, 2, 0, 0, 0]


def test_idle_lives_are_those_of_the_fleet() -> None:
    lives = idle_lives(20_000, np.random.default_rng(1))
    assert (lives.min() >= 240.0) & (lives.max() <= 360.0)
    assert lives.mean() == pytest.approx(318.0, abs=1.0)

"""Retry policies: bounds that always hold, and the SDK's own limiter as the judge of ours."""

from random import Random

import pytest
from botocore.retries.adaptive import ClientRateLimiter, RateClocker
from botocore.retries.bucket import TokenBucket as SdkBucket
from botocore.retries.throttling import CubicCalculator
from hypothesis import given
from hypothesis import strategies as st

from tuner.engine.retry import AdaptiveLimit, Backoff, Retries, SendBucket, retriable
from tuner.engine.wire import Result
from tuner.records import Outcome


@given(attempt=st.integers(1, 5000), seed=st.integers(), after=st.none() | st.floats(0, 100))
def test_full_jitter_stays_within_its_step_unless_the_server_asks_for_more(
    attempt: int, seed: int, after: float | None
) -> None:
    policy = Backoff(attempts=6000, base_s=0.2, cap_s=15.0)
    delay = policy.delay_s(attempt, 0.0, after, Random(seed))
    assert delay is not None
    step = min(15.0, 0.2 * 2 ** min(attempt - 1, 20))
    asked = min(15.0, after or 0.0)
    assert asked <= delay <= max(step, asked)


@pytest.mark.parametrize("policy", [Backoff(), Backoff(decorrelated=True)])
def test_an_hour_of_retry_after_is_capped(policy: Backoff) -> None:
    assert policy.delay_s(1, 0.0, 3600.0, Random(1)) == policy.cap_s


@given(seed=st.integers(), waited=st.floats(0, 100))
def test_decorrelated_jitter_stays_between_base_and_thrice_the_last_wait(
    seed: int, waited: float
) -> None:
    policy = Backoff(base_s=0.1, cap_s=5.0, decorrelated=True)
    delay = policy.delay_s(1, waited, None, Random(seed))
    assert delay is not None
    assert min(5.0, 0.1) <= delay <= min(5.0, 3 * max(0.1, waited))


def test_full_jitter_is_spread_evenly_over_its_step() -> None:
    from scipy.stats import kstest

    random, policy = Random(3), Backoff(attempts=9, base_s=1.0)
    delays = [policy.delay_s(3, 0.0, None, random) for _ in range(2000)]
    assert kstest(delays, "uniform", args=(0, 4)).pvalue > 0.01


@pytest.mark.parametrize("policy", [Backoff(), Backoff(decorrelated=True)])
def test_a_call_is_given_up_after_its_last_attempt(policy: Backoff) -> None:
    assert policy.delay_s(2, 0.0, None, Random(1)) is not None
    assert policy.delay_s(3, 0.0, None, Random(1)) is None


def test_without_a_policy_every_failure_is_final() -> None:
    throttled = Result(0, 1, 0.0, 0.0, None, 0.0, "throttled", 429, None, 5.0, *[None] * 7)
    assert Retries("none", 1, 0.0).wait_s(throttled, 0.0) is None
    assert Retries("backoff", 1, 0.0).wait_s(throttled, 0.0) == 5.0


@pytest.mark.parametrize(
    ("outcome", "status", "again"),
    [
        (Outcome.THROTTLED, 429, True),
        (Outcome.SERVICE_ERROR, 503, True),
        (Outcome.SERVICE_ERROR, 400, False),
        (Outcome.TRANSPORT_ERROR, None, True),
        (Outcome.FUNCTION_ERROR, 200, False),
        (Outcome.TIMEOUT, 200, False),
        (Outcome.OK, 200, False),
    ],
)
def test_only_what_was_refused_or_not_reached_is_sent_again(
    outcome: Outcome, status: int | None, again: bool
) -> None:
    assert retriable(outcome, status) is again


class SteppedClock:
    def __init__(self) -> None:
        self.now = 100.0

    def current_time(self) -> float:
        return self.now


class Detector:
    def is_throttling_error(self, throttled: bool) -> bool:
        return throttled


@given(st.lists(st.tuples(st.floats(0.001, 1.5), st.booleans()), max_size=60))
def test_the_adaptive_limit_follows_the_sdks_own(answers: list[tuple[float, bool]]) -> None:
    clock = SteppedClock()
    bucket = SdkBucket(max_rate=1, clock=clock)
    sdk = ClientRateLimiter(
        CubicCalculator(0, clock.now), RateClocker(clock), bucket, Detector(), clock
    )
    ours, enabled = AdaptiveLimit(clock.now), False
    for gap, throttled in answers:
        clock.now += gap
        sdk.on_receiving_response(throttled=throttled)
        ours.answered(clock.now, throttled)
        enabled = enabled or throttled
        assert (ours.rate is not None) is enabled
        if ours.rate is not None:
            assert ours.rate == pytest.approx(bucket.max_rate, rel=1e-9)


def test_nothing_is_held_back_before_the_first_throttle() -> None:
    limit = AdaptiveLimit(0.0)
    assert limit.rate is None
    assert [limit.wait_s(0.0) for _ in range(100)] == [0.0] * 100


def test_throttles_slow_the_client_down_and_successes_speed_it_up_again() -> None:
    limit, now = AdaptiveLimit(0.0), 0.0
    for _ in range(300):
        now += 0.01
        limit.answered(now, False)
    limit.answered(now + 0.01, True)
    slowed = limit.rate
    assert slowed is not None
    assert slowed == pytest.approx(70, rel=0.15)
    for _ in range(600):
        now += 0.01
        limit.answered(now, False)
    assert limit.rate is not None
    assert limit.rate > 1.3 * slowed


def test_a_bucket_refuses_who_would_wait_too_long_and_takes_nothing_of_them() -> None:
    bucket = SendBucket(1.0, 0.0)
    assert [bucket.take(0.0, 3.0) for _ in range(5)] == [1.0, 2.0, 3.0, None, None]
    assert bucket.take(1.0, 3.0) == 3.0


@given(rate=st.floats(1.0, 500), takes=st.lists(st.floats(0, 0.2), min_size=1, max_size=100))
def test_a_bucket_never_gives_more_than_its_rate_and_one_second_ahead(
    rate: float, takes: list[float]
) -> None:
    bucket, now = SendBucket(rate, 0.0), 0.0
    sent = []
    for gap in takes:
        now += gap
        wait_s = bucket.take(now)
        assert wait_s is not None
        sent.append(now + wait_s)
    assert sent == sorted(sent)
    for index, at in enumerate(sent):
        assert index + 1 <= rate * at + 1e-6  # it starts empty
        for later, then in enumerate(sent[index:], index):
            assert later - index <= rate * (then - at) + max(1.0, rate) + 1e-6

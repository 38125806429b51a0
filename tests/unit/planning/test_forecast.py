"""What a traffic does to a function, and what would change it."""

from dataclasses import replace

import numpy as np
import pytest

from tuner.billing.prices import prices
from tuner.fleet import AccountLimits
from tuner.fleet.simulate import Allowed
from tuner.planning.forecast import forecast_traffic
from tuner.planning.production import Arriving, Subject
from tuner.planning.remedies import Remedy, Tried, remedies

X86 = prices("us-east-1", "x86_64")
WARM_MS = np.random.default_rng(3).gamma(4.0, 50.0, 200)
SUBJECT = Subject(512, WARM_MS, np.array([400.0, 600.0]), WARM_MS * 1.5, Allowed(), X86)


def rate(per_s: float, span_s: float = 600.0) -> Arriving:
    return Arriving(np.full(300, per_s), span_s / 300)


def tried(subject: Subject, arriving: Arriving, **others: Subject) -> dict[str, Remedy]:
    outcome = forecast_traffic(subject, arriving, 1)
    known = {each.memory_mb: each for each in others.values()}
    found = remedies(Tried("orders", subject, arriving, 1, outcome), known)
    return {each.name: each for each in found}


def test_every_call_is_served_or_throttled_and_counted_over_time() -> None:
    few = replace(SUBJECT, allowed=Allowed(AccountLimits(20)))
    found = forecast_traffic(few, rate(150.0), 1)
    assert found.calls == found.served + sum(found.throttles.values())
    assert found.throttles.keys() == {"account concurrency"}
    assert sum(moment.calls for moment in found.timeline) == found.calls
    assert sum(moment.cold for moment in found.timeline) == found.cold
    assert found.concurrency["max"] == found.sandboxes_max == 20


def test_callers_wait_for_the_duration_and_rarely_for_init() -> None:
    found = forecast_traffic(SUBJECT, rate(200.0), 1)
    assert found.placed
    assert found.wait_ms["p50"] == pytest.approx(np.quantile(WARM_MS, 0.5), rel=0.02)
    assert found.wait_ms["p99.9"] > 600.0
    assert found.concurrency["mean"] == pytest.approx(200.0 * WARM_MS.mean() / 1000.0, rel=0.02)


def test_the_bill_is_that_of_each_call_by_the_prices() -> None:
    found = forecast_traffic(replace(SUBJECT, allowed=Allowed(provisioned=30)), rate(100.0), 1)
    bill, second = found.bill, 0.5 * X86.gb_second_usd
    assert bill.requests_usd == pytest.approx(found.served * X86.request_usd)
    mean_s = (WARM_MS.mean() + 0.5) / 1000.0
    assert bill.duration_usd == pytest.approx(
        second * (found.warm + 1.5 * found.cold) * mean_s, rel=0.01
    )
    assert bill.init_usd == pytest.approx(second * found.cold * 0.5, rel=0.01)
    capacity, ready = X86.provisioned_capacity_gb_second_usd, X86.provisioned_duration_gb_second_usd
    assert capacity and ready
    kept = 30 * 0.5 * 600.0 * capacity + found.provisioned * mean_s * 0.5 * ready
    assert bill.provisioned_usd == pytest.approx(kept, rel=0.01)


@pytest.mark.parametrize("account", [1000, 60])
def test_a_fluid_says_what_placing_each_call_says(account: int) -> None:
    subject = replace(SUBJECT, allowed=Allowed(AccountLimits(account)))
    arriving = rate(400.0, 1200.0).crowded(3.0, 200.0)
    exact = forecast_traffic(subject, arriving, 1)
    fluid = forecast_traffic(subject, arriving, 1, most_placed=0)
    assert (exact.placed, fluid.placed) == (True, False)
    assert fluid.calls == pytest.approx(exact.calls, rel=0.01)
    assert fluid.cold == pytest.approx(exact.cold, rel=0.08)
    assert fluid.throttled_share == pytest.approx(exact.throttled_share, rel=0.03, abs=1e-4)
    assert fluid.bill.total_usd == pytest.approx(exact.bill.total_usd, rel=0.01)
    for name in ("mean", "p50", "p95", "p99"):
        assert fluid.concurrency[name] == pytest.approx(exact.concurrency[name], rel=0.03, abs=2.0)
    for name in ("p50", "p99"):
        assert fluid.wait_ms[name] == pytest.approx(exact.wait_ms[name], rel=0.08)


def test_a_flash_crowd_comes_at_the_highest_rate_and_the_rest_stays() -> None:
    day = Arriving(np.array([10.0, 20.0, 40.0, 10.0]), 60.0)
    assert day.crowded(10.0, 60.0).per_s.tolist() == [10.0, 20.0, 400.0, 10.0]
    assert day.times(10.0).per_s.tolist() == [100.0, 200.0, 400.0, 100.0]
    assert day.cut().span_s == day.span_s
    assert day.cut().calls == pytest.approx(day.calls)


def test_a_traffic_begins_with_the_sandboxes_of_the_minutes_before() -> None:
    found = forecast_traffic(SUBJECT, rate(200.0), 1)
    assert found.cold < 40
    assert found.timeline[0].in_flight == pytest.approx(40.0, rel=0.2)
    assert found.calls == pytest.approx(200.0 * 600.0, rel=0.02)
    many = forecast_traffic(SUBJECT, rate(4000.0, 60.0), 1, most_placed=0)
    assert many.throttles == {}


@pytest.mark.parametrize("account", [1000, 10**6])
def test_a_traffic_beyond_every_account_is_throttled_in_little_time(account: int) -> None:
    allowed = Allowed(AccountLimits(account))
    found = forecast_traffic(replace(SUBJECT, allowed=allowed), rate(1e9), 1)
    assert found.throttled_share > 0.98


def test_nothing_that_comes_or_may_run_is_no_number() -> None:
    assert forecast_traffic(SUBJECT, rate(1e-9), 1).wait_ms == {}
    none = replace(SUBJECT, allowed=Allowed(reserved=0))
    found = forecast_traffic(none, rate(10.0), 1)
    assert (found.throttled_share, found.wait_ms, found.bill.total_usd) == (1.0, {}, 0.0)


def test_calls_that_are_known_are_placed_when_they_came() -> None:
    at_s = np.array([0.0, 1000.0, 1001.0])
    found = forecast_traffic(SUBJECT, Arriving(np.zeros(300), 5.0, at_s), 1)
    assert (found.cold, found.warm) == (2, 1)


def test_a_limit_that_throttles_is_asked_for_in_words_that_can_be_sent() -> None:
    few = replace(SUBJECT, allowed=Allowed(AccountLimits(50)))
    higher = tried(few, rate(400.0))["higher account limit"]
    assert higher.outcome.throttled_share < 0.001
    for part in ("L-B99A9384", "us-east-1", "New value: 200", "now 50", "orders", "throttled"):
        assert part in higher.request


def test_few_calls_tell_no_percentile_that_lies_beyond_them_all() -> None:
    few = replace(SUBJECT, warm_ms=WARM_MS[:20], calls=20)
    assert forecast_traffic(few, rate(100.0), 1).wait_ms.keys() == {"p50", "p90", "p95"}
    assert forecast_traffic(few, rate(100.0), 1, most_placed=0).wait_ms.keys() == {
        "p50", "p90", "p95",
    }  # fmt: skip
    assert not replace(few, calls=19).tells(0.95)
    assert replace(few, calls=100).tells(0.99)


def test_a_limit_that_is_nearly_reached_can_be_raised_before_it_throttles() -> None:
    found = forecast_traffic(SUBJECT, rate(100.0), 1)
    most = round(found.concurrency["max"])
    for account, near in (
        (round(most * 1.15), True),
        (round(most / 0.8) - 1, True),
        (most * 2, False),
    ):
        limited = replace(SUBJECT, allowed=Allowed(AccountLimits(account)))
        remedy = tried(limited, rate(100.0)).get("higher account limit")
        assert (remedy is not None) == near
        if remedy is not None:
            assert remedy.count is not None
            assert remedy.count > account
            assert "of the present limit" in remedy.request


def test_remedies_are_tried_and_only_where_they_make_sense() -> None:
    larger = replace(SUBJECT, memory_mb=1024, warm_ms=WARM_MS / 2.0, first_ms=WARM_MS)
    found = tried(SUBJECT, rate(200.0), larger=larger)
    assert found["provisioned concurrency"].outcome.cold_share < 0.001
    assert found["reserved concurrency"].outcome.sandboxes_max < 60
    assert found["1,024 MB"].outcome.concurrency["mean"] == pytest.approx(20.0, rel=0.05)
    assert "higher account limit" not in found
    reserved = replace(SUBJECT, allowed=Allowed(reserved=10))
    assert tried(reserved, rate(200.0))["no reservation"].outcome.throttled_share < 0.001

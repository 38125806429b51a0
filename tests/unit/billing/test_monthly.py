"""A month's bill: tiers, free tier, plans, and when provisioned concurrency pays."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.billing.monthly import (
    BillTerms,
    MonthTraffic,
    PricePlan,
    break_even_utilisation,
    month_cost,
    tiered_usd,
    worthwhile_provisioned,
)
from tuner.billing.prices import prices
from tuner.errors import UsageError
from tuner.units import SECONDS_PER_MONTH

X86 = prices("us-east-1", "x86_64")
ARM = prices("us-east-1", "arm64")
PARIS = prices("eu-west-3", "x86_64")


def test_three_million_calls_of_120_ms_at_1536_mb_cost_what_aws_computes() -> None:
    # 540,000 GB-s less 400,000 free, 3 million requests less 1 million (AWS Lambda pricing).
    month = month_cost(MonthTraffic(3e6, 120.0), BillTerms(1536, free_tier=True), X86)
    assert month.gb_seconds == pytest.approx(540_000)
    assert month.duration_usd == pytest.approx(2.33, abs=0.005)
    assert month.requests_usd == pytest.approx(0.40)
    assert month.total_usd == pytest.approx(2.73, abs=0.01)


def test_small_traffic_is_free_within_the_free_tier_only() -> None:
    traffic = MonthTraffic(1000, 100.0)
    assert month_cost(traffic, BillTerms(128, free_tier=True), X86).total_usd == 0.0
    assert month_cost(traffic, BillTerms(128), X86).total_usd > 0.0


def test_cold_starts_cost_their_init() -> None:
    warm = month_cost(MonthTraffic(1e6, 10.0), BillTerms(1024), X86)
    cold = month_cost(MonthTraffic(1e6, 10.0, 510.0, 0.02), BillTerms(1024), X86)
    assert cold.gb_seconds == pytest.approx(warm.gb_seconds * 2)


def test_each_tier_is_charged_for_its_own_part() -> None:
    assert tiered_usd(1e9, X86) == pytest.approx(16_666.7)
    assert tiered_usd(16e9, X86) == pytest.approx(100_000.2 + 135_000 + 13_333.4)
    assert tiered_usd(8e9, ARM) == pytest.approx(100_000.5 + 6_000.05)


def test_a_region_without_known_tiers_says_so_at_such_volumes() -> None:
    month = month_cost(MonthTraffic(1e11, 100.0), BillTerms(1024), PARIS)
    assert month.duration_usd == pytest.approx(1e10 * 0.0000166667)
    assert [item.code for item in month.advice] == ["price-tiers"]


def test_savings_plans_take_an_eighth_to_a_sixth_off_duration() -> None:
    traffic, terms = MonthTraffic(1e8, 100.0), BillTerms(1024)
    full = month_cost(traffic, terms, X86)
    for plan, saving in (
        (PricePlan.SAVINGS_NO_UPFRONT, 0.12),
        (PricePlan.SAVINGS_ALL_UPFRONT, 0.17),
    ):
        month = month_cost(traffic, replace(terms, plan=plan), X86)
        assert 1 - month.duration_usd / full.duration_usd == pytest.approx(saving, abs=0.005)
        assert month.requests_usd == full.requests_usd


def test_an_unknown_savings_price_is_said_and_on_demand_used() -> None:
    terms = BillTerms(1024, plan=PricePlan.SAVINGS_NO_UPFRONT)
    month = month_cost(MonthTraffic(1e6, 100.0), terms, PARIS)
    assert [item.code for item in month.advice] == ["price-savings"]
    assert (
        month.duration_usd
        == month_cost(MonthTraffic(1e6, 100.0), BillTerms(1024), PARIS).duration_usd
    )


def test_storage_above_512_mb_is_billed_while_calls_run() -> None:
    month = month_cost(MonthTraffic(1e6, 1000.0), BillTerms(1024, ephemeral_mb=1536), X86)
    assert month.ephemeral_usd == pytest.approx(1e6 * 3.09e-8)


@pytest.mark.parametrize("used", [X86, ARM])
def test_provisioned_concurrency_breaks_even_at_sixty_percent(used: object) -> None:
    assert break_even_utilisation(used) == pytest.approx(0.60, abs=0.001)  # type: ignore[arg-type]


def test_one_idle_provisioned_gigabyte_costs_its_capacity_for_the_month() -> None:
    month = month_cost(MonthTraffic(0, 100.0), BillTerms(1024, provisioned=1), X86)
    assert month.total_usd == pytest.approx(0.0000041667 * SECONDS_PER_MONTH)
    brief = month_cost(
        MonthTraffic(0, 100.0), BillTerms(1024, provisioned=2, provisioned_s=301), X86
    )
    assert brief.total_usd == pytest.approx(0.0000041667 * 2 * 600)


def test_calls_beyond_the_provisioned_run_on_demand() -> None:
    # Load of one erlang on one sandbox: half of the calls spill.
    calls = SECONDS_PER_MONTH * 10.0
    month = month_cost(MonthTraffic(calls, 100.0, 400.0, 0.5), BillTerms(1024, provisioned=1), X86)
    assert month.spilled == pytest.approx(0.5)
    served, spilled = calls * 0.5 * 0.1, calls * 0.5 * 0.25
    assert month.gb_seconds == pytest.approx(served + spilled)
    assert month.duration_usd == pytest.approx(spilled * 0.0000166667)
    assert month.provisioned_usd == pytest.approx(
        SECONDS_PER_MONTH * 0.0000041667 + served * 0.0000097222
    )


def test_provisioned_concurrency_without_a_known_price_is_refused() -> None:
    with pytest.raises(UsageError, match="no known price"):
        month_cost(
            MonthTraffic(1e6, 100.0), BillTerms(1024, provisioned=1), prices("eu-west-3", "arm64")
        )


@pytest.mark.parametrize("per_second", [0.1, 1.0, 5.0, 30.0, 200.0])
def test_the_worthwhile_number_of_provisioned_sandboxes_is_the_cheapest(per_second: float) -> None:
    traffic = MonthTraffic(per_second * SECONDS_PER_MONTH, 200.0)
    best = worthwhile_provisioned(traffic, X86)
    cost = {
        n: month_cost(traffic, BillTerms(1024, provisioned=n), X86).total_usd for n in range(60)
    }
    assert best == min(cost, key=lambda n: (round(cost[n], 6), n))


@pytest.mark.parametrize("dearer", [1.0001, 2.0])
def test_no_sandbox_pays_whose_calls_cost_more_than_on_demand(dearer: float) -> None:
    odd = replace(X86, provisioned_duration_gb_second_usd=X86.gb_second_usd * dearer)
    assert worthwhile_provisioned(MonthTraffic(SECONDS_PER_MONTH, 200.0), odd) == 0


@given(st.floats(0, 1e10), st.floats(0, 1e10))
def test_more_duration_never_costs_less(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert tiered_usd(less, X86) <= tiered_usd(more, X86)

"""What starting otherwise costs, and from when provisioned sandboxes pay."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.billing.cost import (
    break_even,
    cached_per_s,
    kept_usd,
    provisioned_call_usd,
    provisioned_per_s,
    restore_usd,
)
from tuner.billing.prices import prices

X86 = prices("us-east-1", "x86_64")
PARIS = prices("eu-west-3", "x86_64")


def test_five_sandboxes_of_one_gigabyte_cost_7_5_cents_an_hour() -> None:
    # 5 x 3,600 GB-s at $0.0000041667 (AWS Price List of 2026-09-19, us-east-1).
    second = provisioned_per_s(5, 1024, X86)
    assert second is not None
    assert second * 3600 == pytest.approx(0.0750006)


def test_capacity_is_billed_in_steps_of_five_minutes_and_one_at_the_least() -> None:
    each = 1024 / 1024 * 0.0000041667 * 300
    for paid_s, steps in ((None, 1), (1.0, 1), (300.0, 1), (300.1, 2), (900.0, 3)):
        assert kept_usd(1, 1024, paid_s, X86, "python3.13") == pytest.approx(steps * each)


def test_a_snapshot_of_512_mb_kept_a_month_costs_about_two_dollars() -> None:
    # A real bill of about $2.00 for 0.5 GB over 2.63 million seconds.
    second = cached_per_s(512, X86, "python3.13")
    assert second is not None
    assert second * 2.63e6 == pytest.approx(1.98, abs=0.01)
    assert kept_usd(0, 512, None, X86, "python3.13") == pytest.approx(second * 10_800)


def test_java_pays_neither_for_snapshots_nor_for_restores() -> None:
    assert cached_per_s(512, X86, "java21") == 0.0
    assert restore_usd(512, X86, "java21") == 0.0
    assert cached_per_s(512, PARIS, "java21") == 0.0


def test_what_a_region_does_not_tell_is_not_known() -> None:
    assert cached_per_s(512, PARIS, "python3.13") is None
    assert restore_usd(512, PARIS, "dotnet8") is None
    assert kept_usd(0, 512, None, PARIS, "dotnet8") is None
    unknown = replace(
        X86, provisioned_capacity_gb_second_usd=None, provisioned_duration_gb_second_usd=None
    )
    assert provisioned_per_s(1, 512, unknown) is None
    assert kept_usd(1, 512, 10.0, unknown, None) is None
    assert provisioned_call_usd(100.0, 512, unknown) is None


MONEY = st.floats(1e-9, 1e-3)


@given(kept=MONEY, call=MONEY, provisioned=MONEY, cold=MONEY, most=st.floats(0.1, 1000))
def test_at_the_break_even_both_cost_the_same(
    kept: float, call: float, provisioned: float, cold: float, most: float
) -> None:
    found = break_even(kept, call, provisioned, cold, most)
    if found.per_second is not None:
        rate = found.per_second
        assert rate <= most
        assert kept + rate * provisioned == pytest.approx(rate * call)
    else:
        assert kept + most * provisioned > most * call * 0.999999
    if found.cold_share:
        assert 0.0 < found.cold_share <= 1.0
        assert kept + provisioned == pytest.approx(call + found.cold_share * cold)
    elif found.cold_share == 0.0:
        assert kept + provisioned <= call * 1.000001
    elif most >= 1.0:
        assert kept + provisioned > (call + cold) * 0.999999


def test_a_single_provisioned_sandbox_pays_when_it_is_busy_enough() -> None:
    # 4.1667 / (16.6667 - 9.7222) = 60 % busy, so 6 calls of 100 ms a second.
    second, call = provisioned_per_s(1, 1024, X86), provisioned_call_usd(100.0, 1024, X86)
    assert second is not None
    assert call is not None
    found = break_even(second, 0.1 * X86.gb_second_usd + X86.request_usd, call, None, 10.0)
    assert found.per_second == pytest.approx(6.0, abs=0.01)
    assert found.cold_share is None

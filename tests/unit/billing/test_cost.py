"""Costs follow AWS's own worked examples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.billing.cost import (
    billed_ms,
    cached_per_s,
    cost_usd,
    kept_usd,
    logs_usd,
    restore_usd,
)
from tuner.billing.prices import prices

X86 = prices("us-east-1", "x86_64")


@pytest.mark.parametrize(
    ("duration", "init", "billed"),
    [
        (133.61, 80.00, 214),  # the three examples of AWS's documentation
        (3016.78, 84.00, 3101),
        (3004.92, 111.23, 3117),
        (1233.96, 463.512, 1698),  # a platform.report of 2026-10-08
        (127.10, 26, 154),  # SnapStart: with the billed restore
        (17.493, 0, 18),
        (0.85, 0, 1),
        (0.0, 0, 1),
        (100.1, 99.9, 200),
        (900_000.0, 0, 900_000),
    ],
)
def test_billed_duration_is_the_sum_rounded_up(duration: float, init: float, billed: int) -> None:
    assert billed_ms(duration, init) == billed


def test_arrays_are_billed_element_by_element() -> None:
    result = billed_ms(np.array([1.2, 2.0, np.nan]), np.array([0.0, 0.5, 0.0]))
    np.testing.assert_array_equal(result, [2.0, 3.0, np.nan])


def test_a_second_at_one_gigabyte_costs_the_price_and_the_fee() -> None:
    assert cost_usd(1000.0, 1024, X86) == pytest.approx(0.0000166667 + 0.0000002)
    assert 1e6 * cost_usd(1000.0, 1024, X86) == pytest.approx(16.6667 + 0.20)


def test_sizes_and_durations_broadcast() -> None:
    memory = np.array([128, 256])
    costs = cost_usd(np.array([[100.0], [50.0]]), memory, X86)
    assert costs.shape == (2, 2)
    assert costs[1, 1] == pytest.approx(costs[0, 0])


def test_only_storage_above_512_mb_costs_extra() -> None:
    plain = cost_usd(1000.0, 1024, X86)
    assert cost_usd(1000.0, 1024, X86, ephemeral_mb=512) == plain
    extra = cost_usd(1000.0, 1024, X86, ephemeral_mb=512 + 1024) - plain
    assert extra == pytest.approx(3.09e-8)


def test_half_a_gigabyte_of_snapshot_costs_two_dollars_a_month() -> None:
    second = cached_per_s(512, X86, "python3.13")
    assert second is not None and 2.63e6 * second == pytest.approx(1.98, abs=0.005)
    assert kept_usd(0, 1024, 60.0, X86, None) == pytest.approx(3 * 3600 * 1.5046e-6)
    assert restore_usd(1024, X86, None) == pytest.approx(0.0001397998)
    assert cached_per_s(512, prices("eu-west-1", "x86_64"), None) is None


def test_logs_cost_half_a_dollar_per_gigabyte_where_known() -> None:
    assert logs_usd(10.0, X86) == 5.0
    assert logs_usd(10.0, prices("eu-west-1", "x86_64")) is None


@given(st.decimals(0, 900_000, places=2), st.decimals(0, 10_000, places=2))
def test_billing_agrees_with_exact_decimal_arithmetic(duration: object, init: object) -> None:
    exact = max(1, math.ceil(duration + init))  # type: ignore[operator]
    assert billed_ms(float(duration), float(init)) == exact  # type: ignore[arg-type]


@given(st.integers(1, 900_000), st.integers(128, 10_239), st.sampled_from(["x86_64", "arm64"]))
def test_more_time_or_memory_never_costs_less(billed: int, memory: int, arch: str) -> None:
    used = prices("eu-west-1", arch)
    cost = cost_usd(billed, memory, used)
    assert cost_usd(billed + 1, memory, used) > cost
    assert cost_usd(billed, memory + 1, used) > cost
    assert cost > used.request_usd

"""Traffic as a rate, as calls of each minute, or as the moments of the calls."""

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.billing.traffic import cold_share, mean_cold_share, read_demand, steady_demand
from tuner.errors import UsageError


def test_a_rate_is_the_same_all_month() -> None:
    demand = steady_demand("20rps")
    assert demand.month_calls == pytest.approx(20 * 730 * 3600)
    assert demand.cold_share(0.1) == cold_share(20.0, 0.1)
    assert demand.text == "20/s"


@pytest.mark.parametrize(
    "text",
    [
        "per_minute\n120\n60\n",
        "minute,Per_Minute \n1,120\n2,60\n",
        "\ufeffper_minute\r\n120\r\n60\r\n",
        '{"per_minute": [120, "60"]}',
    ],
)
def test_calls_of_each_minute_are_read_from_csv_and_json(text: str) -> None:
    demand = read_demand(text, "t.csv")
    assert demand.rate_per_s == pytest.approx(1.5)
    assert demand.slices_per_s == pytest.approx((1.5,))


def test_a_changing_rate_is_cut_into_hours_for_its_cold_share() -> None:
    minutes = [600.0] * 180 + [0.0] * 60
    demand = read_demand(json.dumps({"per_minute": minutes}), "t.json")
    assert demand.slices_per_s == pytest.approx((10.0, 10.0, 10.0, 0.0))
    assert demand.rate_per_s == pytest.approx(7.5)
    assert demand.cold_share(0.1) == mean_cold_share(demand.slices_per_s, 0.1)


@pytest.mark.parametrize(
    "moments",
    [
        ["2026-01-31T09:00:00Z", "2026-01-31T09:00:20+00:00", "2026-01-31T09:00:10"],
        [1769850000, 1769850020.0, "1769850010"],
        [1769850000000, 1769850010000, 1769850020000],
    ],
)
def test_moments_are_read_as_iso_seconds_or_milliseconds_in_any_order(
    moments: list[object],
) -> None:
    as_csv = "timestamp,path\n" + "".join(f"{moment},/\n" for moment in moments)
    for text in (as_csv, json.dumps({"timestamp": moments})):
        demand = read_demand(text, "t")
        assert demand.arrivals_s == pytest.approx((0.0, 10.0, 20.0))
        assert demand.rate_per_s == pytest.approx(0.1)


def test_calls_that_come_by_the_clock_are_cold_or_warm_as_the_clock_says() -> None:
    """Every ten minutes is always too late for a sandbox, every five never; chance differs."""
    late = read_demand(json.dumps({"timestamp": [600 * n for n in range(50)]}), "t")
    soon = read_demand(json.dumps({"timestamp": [300 * n for n in range(50)]}), "t")
    assert (late.cold_share(0.1), soon.cold_share(0.1)) == (1.0, 0.0)
    assert 0.1 < cold_share(soon.rate_per_s, 0.1) < cold_share(late.rate_per_s, 0.1) < 0.9


def test_moments_at_random_give_the_share_of_their_rate() -> None:
    rng, now, moments = random.Random(3), 0.0, []
    for _ in range(40_000):
        now += rng.expovariate(0.02)
        moments.append(now)
    demand = read_demand(json.dumps({"timestamp": moments}), "t")
    assert demand.cold_share(1.0) == pytest.approx(cold_share(0.02, 1.0), rel=0.15)


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("", "t.csv", "neither"),
        ("rps\n5\n", "t.csv", "neither"),
        ("per_minute\n", "t.csv", "no calls"),
        ("per_minute\n0\n", "t.csv", "no calls"),
        ("per_minute\n5\nmany\n", "t.csv, line 3", "'many'"),
        ("per_minute\n-1\n", "t.csv, line 2", "'-1'"),
        ("per_minute\nnan\n", "t.csv, line 2", "'nan'"),
        ("a,per_minute\n5\n", "t.csv, line 2", "an empty value"),
        ("timestamp\nyesterday\n", "t.csv, line 2", "'yesterday'"),
        ("timestamp\n5\n5\n", "t.csv", "two or more moments"),
        ("timestamp\n5\n", "t.csv", "two or more moments"),
        ("timestamp\n", "t.csv", "no calls"),
        ('{"per_minute": 5}', "t.csv", "neither"),
        ('{"per_minute": [true]}', "t.csv, per_minute 1", "True"),
        ('{"timestamp": [1, []]}', "t.csv, timestamp 2", "an empty value"),
        ("[1, 2]", "t.csv", "not a JSON object"),
        ("{", "t.csv", "not JSON"),
    ],
)
def test_a_file_that_is_no_traffic_is_refused_with_the_place(
    text: str, place: str, reason: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read_demand(text, "t.csv")
    assert caught.value.thing == place
    assert reason in caught.value.reason
    assert caught.value.fix


VALUES = st.floats() | st.integers() | st.text(max_size=5) | st.booleans() | st.none()


@given(
    st.text(max_size=60)
    | st.text('per_minutimsa\n\r",0123456789.-T:Z{}[]', max_size=60)
    | st.builds(
        lambda name, rest: f"{name}\n{rest}",
        st.sampled_from(["per_minute", "timestamp"]),
        st.text('0123456789.-+eTZ:\n\r",nan ', max_size=60),
    )
    | st.dictionaries(
        st.sampled_from(["per_minute", "timestamp", "x"]), st.lists(VALUES, max_size=5)
    ).map(json.dumps)
)
def test_any_text_is_a_traffic_or_a_usage_error(text: str) -> None:
    try:
        demand = read_demand(text, "t")
    except UsageError:
        return
    assert math.isfinite(demand.month_calls)
    assert demand.month_calls > 0
    assert 0.0 <= demand.cold_share(0.5) <= 1.0


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=300).filter(any))
def test_slices_hold_all_calls_of_the_minutes(minutes: list[int]) -> None:
    text = "per_minute\n" + "\n".join(map(str, minutes))
    demand = read_demand(text, "t")
    assert demand.rate_per_s * 60 * len(minutes) == pytest.approx(sum(minutes))
    assert min(minutes) / 60 <= min(demand.slices_per_s)
    assert max(demand.slices_per_s) <= max(minutes) / 60 + 1e-9

"""What a forecast says is held against its own document: counts, shares, money and waits."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from support.examples import examples
from support.told import unknown
from tuner.billing.prices import prices
from tuner.fleet import AccountLimits
from tuner.fleet.simulate import Allowed
from tuner.planning.forecast import forecast_traffic
from tuner.planning.production import Arriving, Subject
from tuner.planning.remedies import Tried, limit_share, remedies
from tuner.report.forecast_document import TrafficForecast, forecast_document
from tuner.report.forecast_view import forecast_view
from tuner.report.terminal import print_view
from tuner.units import format_share, format_usd

X86 = prices("us-east-1", "x86_64")
METERS = ("requests", "duration", "init", "provisioned", "logs")


def some_forecast(seed: int, *, fluid: bool = False) -> TrafficForecast:
    """A function and a traffic of which only the seed knows what they are."""
    rng = np.random.default_rng(seed)
    warm = rng.gamma(4.0, 10.0 ** rng.uniform(0.0, 2.0), int(rng.choice([5, 40, 2000])))
    allowed = Allowed(
        AccountLimits(int(rng.choice([10, 100, 1000]))),
        reserved=None if rng.random() < 0.7 else 5,
        provisioned=int(rng.choice([0, 0, 3])),
    )
    inits = np.array([400.0, 600.0])
    subject = Subject(512, warm, inits, warm * 1.5, allowed, X86, calls=len(warm))
    arriving = Arriving(10.0 ** rng.uniform(-1.0, 1.7) * rng.uniform(0.2, 1.0, 30), 4.0)
    most = 0 if fluid else 100_000
    outcome = forecast_traffic(subject, arriving, seed, most)
    tried = Tried("orders", subject, arriving, seed, outcome)
    other = replace(subject, memory_mb=1024, warm_ms=warm * 0.6)
    found = tuple(remedies(tried, {1024: other}))
    return TrafficForecast("orders", "a test", "about so much", subject, seed, outcome, found)


def check(forecast: TrafficForecast) -> None:
    told, view = forecast_document(forecast), forecast_view(forecast)
    file = io.StringIO()
    print_view(view, Console(file=file, width=300))
    seen, said, bill = file.getvalue(), view.answer.sentence, told["bill"]
    # Calls, shares and money of the answer.
    served = told["warm"] + told["cold"] + told["provisioned_calls"]
    assert told["calls"] == pytest.approx(served + sum(told["throttles"].values()), rel=1e-3)
    assert ("none throttled" in said) == (not told["throttles"])
    assert f"{format_share(told['cold_share'])} cold starts" in said
    assert f"{format_usd(bill['total_usd'])} for " in said
    # The bill adds up, and its month is the same in the table and above it.
    meters = [bill[f"{each}_usd"] for each in METERS]
    assert bill["total_usd"] == pytest.approx(sum(each or 0.0 for each in meters))
    tables = {table.caption: table for section in view.sections for table in section.tables}
    rows = {row.head: row.cells for row in tables["The bill by meter"].rows}
    assert rows["Total"][1].value == format_usd(bill["month_usd"])
    [month] = [fact.value for fact in view.answer.facts if fact.label == "Per month"]
    assert month == rows["Total"][1].value
    # Every other number.
    times = bill["month_usd"] / bill["total_usd"] if bill["total_usd"] else 0.0
    months = [each * times for each in meters if each]
    needed = [math.ceil(1.0 / (1.0 - share) - 1e-9) for share in (0.9, 0.95, 0.99, 0.999)]
    del told["timeline"]  # which only the charts show
    shares = [count / told["calls"] for count in told["throttles"].values()]
    known = [told, months, needed, served, shares, near(forecast)]
    assert not (left := unknown(seen, known)), (left, seen)


def near(forecast: TrafficForecast) -> float:
    """The part of the limit that the peak takes."""
    return limit_share(forecast.subject, forecast.outcome)


@pytest.mark.parametrize("fluid", [False, True])
@examples(5)
@given(st.integers(0, 10_000))
def test_every_number_of_a_forecast_is_in_its_document(fluid: bool, seed: int) -> None:
    check(some_forecast(seed, fluid=fluid))

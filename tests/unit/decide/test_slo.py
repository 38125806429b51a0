"""Objectives as users write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_run, a_sample
from tuner.billing.prices import prices
from tuner.decide.conclude import Evidence, conclude
from tuner.decide.decide import Question
from tuner.decide.goal import Goal, SloScope, parse_slo
from tuner.decide.month import Priced
from tuner.errors import UsageError
from tuner.units import MemoryRange


@pytest.mark.parametrize(
    ("text", "scope", "quantile", "limit"),
    [
        ("p95<300ms", SloScope.DURATION, 0.95, 300.0),
        ("p99.9 <= 1.5s", SloScope.DURATION, 0.999, 1500.0),
        ("mean<20", SloScope.DURATION, None, 20.0),
        ("max<1m", SloScope.DURATION, 1.0, 60_000.0),
        ("client_p50<80ms", SloScope.CLIENT, 0.5, 80.0),
        ("COLD_P99<2s", SloScope.COLD, 0.99, 2000.0),
        ("cost<5usd/million", SloScope.COST, None, 5.0),
        ("cost<$0.5", SloScope.COST, None, 0.5),
        ("throttles<1%", SloScope.THROTTLES, None, 0.01),
        ("errors<0.001", SloScope.ERRORS, None, 0.001),
    ],
)
def test_objectives_are_read(
    text: str, scope: SloScope, quantile: float | None, limit: float
) -> None:
    slo = parse_slo(f" {text} ")
    assert (slo.scope, slo.text) == (scope, text)
    assert slo.quantile == (None if quantile is None else pytest.approx(quantile))
    assert slo.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not an objective"),
        ("p95>300ms", "lower limit"),
        ("p0<3ms", "no such percentile"),
        ("p95<0ms", "needs a limit above zero"),
        ("p95<-3ms", "not an objective"),
        ("p95<3 parsec", "not an objective"),
        ("p100<3ms", "not an objective"),
        ("throttles<200%", "above 100 %"),
        ("cost<cheap", "not an objective"),
        ("cold_cost<5", "not an objective"),
    ],
)
def test_what_is_no_objective_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        parse_slo(text)
    assert "p95<300ms" in caught.value.fix


@given(st.text(max_size=60))
def test_any_text_is_an_objective_or_a_usage_error(text: str) -> None:
    try:
        slo = parse_slo(text)
    except UsageError as error:
        assert len(str(error).splitlines()) <= 3
    else:
        assert slo.limit > 0


@given(
    st.sampled_from(["", "client_", "cold_"]),
    st.integers(1, 99),
    st.floats(0.001, 1e6).map(lambda x: f"{x:.4f}"),
    st.sampled_from(["ms", "s", "us"]),
)
def test_every_percentile_with_a_limit_is_read(prefix: str, p: int, x: str, unit: str) -> None:
    slo = parse_slo(f"{prefix}p{p}<{x}{unit}")
    assert slo.quantile == pytest.approx(p / 100)
    assert slo.limit == pytest.approx(float(x) * {"ms": 1.0, "s": 1e3, "us": 1e-3}[unit])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p99.99<1s", "p99.99<1s is judged by p99.9"),
        ("max<1s", "max<1s is judged by p99.9"),
        ("p99.9<1s", None),
        ("p97<1s", None),
        ("cost<5usd/million", None),
    ],
)
def test_what_a_curve_cannot_tell_is_said_to_be_judged_by_less(text: str, said: str | None) -> None:
    rates = prices("us-east-1", "x86_64")
    samples = [a_sample(size, call=n, ran_ms=20.0) for n, size in enumerate([512, 1024] * 5)]
    goal = Goal(slos=(parse_slo(text),))
    question = Question(goal, rates, MemoryRange(sizes_mb=(512, 1024)))
    warnings = conclude(Evidence(a_run(), samples, Priced(rates)), question).warnings
    found = [each.text for each in warnings if each.code == "percentile-beyond"]
    assert bool(found) is (said is not None)
    assert said is None or said in found[0]

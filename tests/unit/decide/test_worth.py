"""What is worth doing about a function in production, on figures that are known."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.billing.prices import prices
from tuner.decide.account import Queries, Survey, ranked, sentences
from tuner.decide.worth import Assessed, assess
from tuner.recording.production import Counted, Deployed, Logged, Use

MONTH_S = 365.0 / 12.0 * 86_400.0
X86, ARM = prices("us-east-1", "x86_64"), prices("us-east-1", "arm64")
TODAY = date(2026, 11, 1)
FUNCTION = Deployed("orders", "arn:orders", 1024, 30.0, "python3.13", "x86_64")
LOGGED = Logged(1024, 1_000_000, 10_000, 205e6, 5e6, 190.0, 400.0, 900.0, 300.0)


def judged(use: Use, span_s: float = MONTH_S) -> Assessed:
    arm = ARM if use.function.arch == "x86_64" else None
    return assess(use, span_s, X86, arm, TODAY)


def codes(use: Use) -> set[str]:
    return {each.code for each in judged(use).found}


def test_a_month_costs_what_its_reports_were_billed() -> None:
    found = judged(Use(FUNCTION, logged=(LOGGED,)))
    assert found.cost_usd == pytest.approx(205e3 * X86.gb_second_usd + 1e6 * X86.request_usd)
    assert found.with_init


def test_half_a_month_is_billed_twice() -> None:
    whole, half = (judged(Use(FUNCTION, logged=(LOGGED,)), s) for s in (MONTH_S, MONTH_S / 2))
    assert half.cost_usd == pytest.approx(2.0 * (whole.cost_usd or 0.0))


def test_more_calls_counted_than_logged_cost_as_the_logged_ones() -> None:
    part = Use(FUNCTION, Counted(2_000_000.0), (LOGGED,))
    whole = Use(FUNCTION, logged=(LOGGED,))
    assert judged(part).cost_usd == pytest.approx(2.0 * (judged(whole).cost_usd or 0.0))


def test_metrics_alone_give_a_bill_without_init() -> None:
    found = judged(Use(FUNCTION, Counted(1e6, duration_ms=200e6)))
    assert found.cost_usd == pytest.approx(200e3 * X86.gb_second_usd + 1e6 * X86.request_usd)
    assert not found.with_init and found.init_share is None


def test_memory_in_use_bounds_what_a_smaller_size_saves() -> None:
    free, full = (
        judged(Use(FUNCTION, logged=(replace(LOGGED, used_mb=used),))).prospect
        for used in (60.0, 800.0)
    )
    assert free is not None and full is not None
    assert free.expected_usd > full.expected_usd > 0.0
    assert full.least_mb == 942  # 800 / 0.85, rounded up


def test_a_function_that_is_hardly_called_is_not_worth_a_sweep() -> None:
    few = Logged(1024, 20, 20, 20 * 700.0, 20 * 500.0, 190.0, 400.0, 900.0, 70.0)
    found = judged(Use(FUNCTION, logged=(few,)))
    assert found.prospect is not None and found.prospect.pays < 0.5
    assert "size" not in {each.code for each in found.found}


def test_another_size_of_its_history_is_told_with_both_costs() -> None:
    smaller = Logged(512, 1_000, 0, 250e3, 0.0, 250.0, 400.0, 500.0, 300.0)
    use = Use(FUNCTION, logged=(smaller, LOGGED))
    told = next(each for each in judged(use).found if each.code == "history")
    assert "At 512 MB" in told.text and "at 1,024 MB" in told.text
    few = Use(FUNCTION, logged=(replace(smaller, calls=10, billed_ms=2500.0), LOGGED))
    assert "history" not in codes(few)


@pytest.mark.parametrize(
    ("use", "code"),
    [
        (Use(FUNCTION, logged=(replace(LOGGED, used_mb=1000.0),)), "memory"),
        (Use(FUNCTION, Counted(1e4, max_ms=29_000.0)), "timeout"),
        (Use(FUNCTION, Counted(1e4, throttles=500.0)), "throttles"),
        (Use(FUNCTION, Counted(1e4, errors=500.0)), "errors"),
        (Use(replace(FUNCTION, runtime="python3.9")), "runtime"),
    ],
)
def test_each_danger_is_found_and_comes_first(use: Use, code: str) -> None:
    found = judged(use)
    assert found.found[0].code == code and found.found[0].danger


def test_no_size_that_lambda_refuses_is_advised() -> None:
    full = replace(LOGGED, memory_mb=10_240, used_mb=9_500.0)
    (told, *_) = judged(Use(replace(FUNCTION, memory_mb=10_240), logged=(full,))).found
    assert told.code == "memory" and "Lambda has 10,240 MB at most" in told.text


def test_a_quiet_function_has_no_danger() -> None:
    counted = Counted(1e6, 0.0, 0.0, 200e6, 190.0, 400.0, 900.0, 3.0, 1e6)
    assert not judged(Use(FUNCTION, counted, (LOGGED,))).dangers


def test_arm64_is_offered_to_x86_alone_and_by_its_price() -> None:
    use = Use(FUNCTION, logged=(LOGGED,))
    told = next(each for each in judged(use).found if each.code == "arm64")
    share = 1.0 - ARM.gb_second_usd / X86.gb_second_usd
    assert told.saves_usd_per_month == pytest.approx(205e3 * X86.gb_second_usd * share)
    assert "arm64" not in codes(replace(use, function=replace(FUNCTION, arch="arm64")))


def test_managed_instances_have_no_bill_by_the_call() -> None:
    unfit = replace(FUNCTION, unfit="runs on managed instances")
    found = judged(Use(unfit, logged=(LOGGED,)))
    assert found.cost_usd is None and found.prospect is None


amounts = st.floats(0.0, 1e12)


@given(
    memory=st.integers(128, 10_240),
    counted=st.none() | st.builds(Counted, amounts, amounts, amounts, amounts, amounts),
    calls=st.integers(1, 10**9),
    billed=amounts,
    init=st.floats(0.0, 1.0),
    used=st.none() | st.floats(1.0, 10_240.0),
    before=st.none() | st.floats(0.0, 1.0),
)
def test_no_figure_is_impossible(
    memory: int,
    counted: Counted | None,
    calls: int,
    billed: float,
    init: float,
    used: float | None,
    before: float | None,
) -> None:
    logged = [Logged(memory, calls, calls, billed, init * billed, 1.0, 2.0, 3.0, used)]
    if before is not None:  # it ran at another size, at so much of the duration
        other = Logged(128, calls, 0, before * billed, 0.0, 1.0, 2.0, 3.0, used)
        logged += [other] if memory != 128 else []
    found = judged(Use(replace(FUNCTION, memory_mb=memory), counted, tuple(logged)))
    assert found.saves_usd <= (found.cost_usd or 0.0) * 1.0000001
    if found.prospect is not None:
        prospect = found.prospect
        assert 0.0 <= prospect.low_usd <= prospect.high_usd <= (found.cost_usd or 0.0)
        assert 0.0 <= prospect.pays <= 1.0 and prospect.price_usd > 0.0


def test_three_sentences_name_money_and_risk() -> None:
    dear = judged(Use(FUNCTION, logged=(LOGGED,)))
    risky = judged(Use(replace(FUNCTION, name="mails"), Counted(1e4, throttles=500.0)))
    survey = Survey("us-east-1", (0.0, MONTH_S), ranked((risky, dear)), Queries())
    assert [each.name for each in survey.functions] == ["orders", "mails"]
    cost, worth, risk = sentences(survey)
    assert cost.startswith("2 functions, 2 of them called, cost $3.")
    assert "with orders" in worth
    assert "throttled (1)" in risk and "mails" in risk

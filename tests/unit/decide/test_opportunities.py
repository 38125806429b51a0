"""What is worth doing beside the size, from sweeps whose calls are written down."""

from typing import Any

import pytest

from support.factories import a_function, a_run, a_sample
from tuner.billing.prices import prices
from tuner.billing.traffic import steady_demand
from tuner.decide.conclude import Evidence, conclude
from tuner.decide.decide import Question
from tuner.decide.goal import Goal
from tuner.decide.month import Priced
from tuner.decide.result import Opportunity
from tuner.records import Purpose
from tuner.units import MemoryRange, format_share

X86, ARM = prices("us-east-1", "x86_64"), prices("us-east-1", "arm64")
SIZES = (128, 512)


def found(
    *, ran_ms: float = 20.0, init_ms: float = 300.0, goal: Goal | None = None, **facts: Any
) -> dict[str, Opportunity]:
    """A function that waits ``ran_ms`` at each size, by code."""
    used, cold_mb = facts.pop("used_mb", 40.0), facts.pop("cold_mb", 128)
    warm = [
        a_sample(size, call=n, ran_ms=ran_ms + n % 3 / 10, max_memory_mb=used)
        for n in range(12)
        for size in SIZES
    ]
    cold = [
        a_sample(cold_mb, call=50 + n, ran_ms=ran_ms, init_ms=init_ms, purpose=Purpose.COLD)
        for n in range(4)
    ]
    question = Question(goal or Goal(), X86, MemoryRange(sizes_mb=SIZES))
    known = a_function(**{"memory_mb": 128, "timeout_s": 3.0, **facts})
    evidence = Evidence(a_run(facts=known), [*warm, *cold], Priced(X86, ARM))
    return {each.code: each for each in conclude(evidence, question).opportunities}


def test_init_has_its_part_of_the_bill_at_the_share_that_is_given() -> None:
    goal = Goal(cold_share=0.02, cold_share_from="given", demand=steady_demand("20rps"))
    init = found(goal=goal)["init"]
    per_million = 0.02 * 0.3 / 8 * X86.gb_second_usd * 1e6
    assert init.saves_usd_per_million == pytest.approx(per_million, rel=0.01)
    assert init.saves_usd_per_million is not None
    month = init.saves_usd_per_million * 20 * 730 * 3600 / 1e6
    assert init.saves_usd_per_month == pytest.approx(month)
    bill = (0.0206 + 0.02 * 0.3) / 8 * X86.gb_second_usd * 1e6 + 0.2
    assert init.share_of_bill == pytest.approx(per_million / bill, rel=0.03)
    assert "it is" in init.text
    assert "what p99 waits" in init.text
    assert "given" in init.basis


def test_init_is_the_same_part_of_the_bill_its_interval_and_its_opportunity() -> None:
    """INIT takes longer at the pick than elsewhere, and now and then much longer."""
    inits = {128: (8000.0, 9000.0, 13000.0, 12000.0, 9500.0), 512: (5600.0, 6400.0) * 2}
    samples = [
        a_sample(size, call=n, ran_ms=160.0 * 128 / size + n % 3)
        for n in range(12)
        for size in SIZES
    ]
    samples += [
        a_sample(size, call=50 + n, ran_ms=170.0, init_ms=ms, purpose=Purpose.COLD)
        for size, each in inits.items()
        for n, ms in enumerate(each)
    ]
    goal = Goal(cold_share=0.02, cold_share_from="given", demand=steady_demand("20rps"))
    question = Question(goal, X86, MemoryRange(sizes_mb=SIZES))
    sweep = conclude(Evidence(a_run(), samples, Priced(X86, ARM)), question)
    pick, month = sweep.recommendation, sweep.monthly
    assert pick is not None
    assert month is not None
    [init] = [each for each in sweep.opportunities if each.code == "init"]
    bill = month.sizes[0]
    assert (bill.memory_mb, pick.memory_mb) == (128, 128)
    assert bill.init_usd is not None
    assert init.saves_usd_per_month == pytest.approx(bill.init_usd)
    assert init.share_of_bill == pytest.approx(bill.init_usd / bill.total_usd)
    cost = pick.cost_usd_per_million
    assert cost is not None
    assert cost.low is not None
    assert cost.high is not None
    assert cost.low < 0.97 * cost.mean < 1.03 * cost.mean < cost.high


def test_a_share_of_cold_starts_that_is_not_known_is_said_to_be_assumed() -> None:
    init = found(init_ms=840.0, ran_ms=1.0)["init"]
    assert "would be what p99 waits" in init.text
    assert "1 % cold starts are assumed" in init.basis
    assert init.saves_usd_per_month is None
    assert init.saves_ms == pytest.approx(840.0, rel=0.01)
    assert init.share_of_bill is not None
    part = format_share(init.share_of_bill)
    assert init.brief == (
        f"INIT takes 840 ms of a cold start, {part} of the bill and what p99 waits at an assumed "
        "1 % of cold starts"
    )


def test_all_figures_of_a_cold_start_are_of_one_size_which_is_named() -> None:
    here = found(init_ms=840.0)["init"].text
    assert here.startswith(
        "At 128 MB INIT takes 840 ms; with it a call takes 860 ms, 42.8x its median warm call of "
        "20 ms. At 1 % cold starts"
    )
    there = found(init_ms=840.0, cold_mb=512)["init"].text
    assert there.startswith("At 512 MB INIT takes 840 ms; ")
    assert "128 MB has no cold start of its own." in there


def test_a_small_package_is_not_said_to_be_worth_making_smaller() -> None:
    small = found(init_ms=840.0, code_bytes=40_000)["package"].text
    assert "MB" not in small
    assert "smaller" not in small


def test_an_init_that_nobody_notices_is_no_opportunity() -> None:
    assert not {"init", "package", "snapstart"} & found(init_ms=30.0, ran_ms=200.0).keys()


def test_init_beyond_that_of_an_empty_function_is_the_packages() -> None:
    package = found(init_ms=840.0, code_bytes=48_000_000)["package"]
    assert package.saves_ms == pytest.approx(840.0 - 85.0)
    assert "48.0 MB" in package.text
    assert "package" not in found(init_ms=840.0, runtime=None)


def test_snapshots_are_offered_where_the_runtime_has_them_and_is_without() -> None:
    assert found(init_ms=840.0)["snapstart"].saves_ms == pytest.approx(840.0)
    for no in ({"runtime": "nodejs22.x"}, {"package": "image"}, {"snap_start": True}):
        assert "snapstart" not in found(init_ms=840.0, **no)


def test_what_keeping_a_snapshot_costs_is_taken_from_what_it_saves() -> None:
    goal = Goal(cold_share=0.001, cold_share_from="given", demand=steady_demand("1/min"))
    python = found(init_ms=840.0, goal=goal)["snapstart"].saves_usd_per_month
    java = found(init_ms=840.0, goal=goal, runtime="java21")["snapstart"].saves_usd_per_month
    assert python is not None
    assert python < 0.0
    assert java is not None
    assert java > 0.0


def test_provisioned_sandboxes_are_offered_where_they_pay() -> None:
    assert "provisioned" not in found(goal=Goal(demand=steady_demand("1rps")))
    busy = found(ran_ms=200.0, goal=Goal(demand=steady_demand("100rps")))["provisioned"]
    assert busy.saves_usd_per_month is not None
    assert busy.saves_usd_per_month > 0.0


def test_the_other_architecture_is_priced_where_that_makes_a_difference() -> None:
    arm = found(ran_ms=2000.0)["arm64"]
    saved = 2.0005 / 8 * (X86.gb_second_usd - ARM.gb_second_usd) * 1e6
    assert arm.saves_usd_per_million == pytest.approx(saved, rel=0.01)
    assert "--architectures both" in arm.text
    assert "arm64" not in found(ran_ms=1.0)


def test_memory_that_is_nearly_used_up_is_a_danger_and_comes_first() -> None:
    full = found(used_mb=120.0)
    assert full["memory"].danger
    assert next(iter(full)) == "memory"
    assert "memory" not in found()


@pytest.mark.parametrize(
    ("timeout_s", "danger"), [(0.03, True), (3.0, None), (900.0, False)], ids=str
)
def test_a_timeout_may_be_too_near_or_far_beyond_need(
    timeout_s: float, danger: bool | None
) -> None:
    told = found(timeout_s=timeout_s).get("timeout")
    assert (told and told.danger) == danger


def test_logs_are_told_where_they_cost_as_much_as_the_function() -> None:
    assert found(ran_ms=1.0)["logs"].saves_usd_per_million == pytest.approx(0.2)
    assert "logs" not in found(ran_ms=1.0, log_format="JSON", system_log_level="WARN")
    assert "logs" not in found(ran_ms=2000.0)

"""A month's bills follow from the curve, the traffic and the prices, item by item."""

from dataclasses import replace

import numpy as np
import pytest

from support.factories import a_run, a_sample
from tuner.billing.prices import prices
from tuner.billing.traffic import steady_demand
from tuner.decide.choice import choose
from tuner.decide.conclude import Evidence, conclude
from tuner.decide.decide import Question
from tuner.decide.goal import Goal
from tuner.decide.month import Priced, monthly
from tuner.decide.outlook import Basis
from tuner.decide.result import Monthly
from tuner.model.fit import fit
from tuner.model.observations import Observations, from_samples
from tuner.records import Advice, Purpose, Sample
from tuner.units import MemoryRange

X86, ARM = prices("us-east-1", "x86_64"), prices("us-east-1", "arm64")
SIZES = (128, 256, 512, 1024)
CALLS = 20 * 730 * 3600


def sample(number: int, memory_mb: int, duration_ms: float, init_ms: float | None = None) -> Sample:
    purpose = Purpose.WARM if init_ms is None else Purpose.COLD
    return a_sample(memory_mb, call=number, purpose=purpose, ran_ms=duration_ms, init_ms=init_ms)


def seen(*, cold: bool = True) -> Observations:
    return from_samples(seen_samples(cold=cold))


def seen_samples(*, cold: bool = True) -> list[Sample]:
    """A wait of 100 ms at every size, and cold starts of 300 ms INIT."""
    samples = [sample(i, size, 99.5 + i % 3 / 2) for i in range(8) for size in SIZES]
    if cold:
        samples += [sample(100 + i, size, 100.0, 300.0) for i in range(3) for size in (128, 1024)]
    return samples


def month_of(goal: Goal, observations: Observations, **priced: object) -> tuple[Monthly, list[str]]:
    basis = Basis(fit(observations, seed=1, range_mb=(128, 1024)), observations, goal, X86)
    pick = choose(basis, np.array(SIZES, dtype=np.int64))
    advice: tuple[Advice, ...]
    found, advice = monthly(basis, pick, Priced(**{"own": X86, **priced}))
    return found, [item.code for item in advice]


GOAL = Goal(demand=steady_demand("20rps"), cold_share=0.01, cold_share_from="given", current_mb=512)


def test_requests_duration_and_init_are_charged_apart_and_add_up() -> None:
    found, advice = month_of(GOAL, seen(), other=ARM)
    first = found.sizes[0]
    assert (first.memory_mb, first.role) == (128, "recommended")
    assert found.calls == CALLS
    assert first.requests_usd == pytest.approx(CALLS * X86.request_usd)
    gb_seconds = CALLS * 0.1005 / 8
    assert first.duration_usd == pytest.approx(gb_seconds * X86.gb_second_usd, rel=0.02)
    assert first.init_usd == pytest.approx(CALLS * 0.01 * 0.3 / 8 * X86.gb_second_usd, rel=0.02)
    items = first.requests_usd + first.duration_usd + first.init_usd
    assert first.total_usd == pytest.approx(items)
    assert first.ephemeral_usd == 0.0
    assert advice == []


@pytest.mark.parametrize("first_ms", [40.0, 100.0, 900.0])
def test_no_item_is_negative_or_above_the_whole_however_long_first_calls_are(
    first_ms: float,
) -> None:
    samples = [sample(i, size, 100.0 + i % 3) for i in range(8) for size in SIZES]
    samples += [sample(100 + i, size, first_ms, 30.0) for i in range(3) for size in (128, 1024)]
    found, _ = month_of(replace(GOAL, cold_share=0.5), from_samples(samples))
    for size in found.sizes:
        items = (size.requests_usd, size.duration_usd, size.init_usd or 0.0)
        assert all(0.0 <= item <= size.total_usd for item in items)
        assert sum(items) == pytest.approx(size.total_usd, rel=1e-12)
        gb = size.memory_mb / 1024.0
        init = CALLS * 0.5 * 0.03 * gb * X86.gb_second_usd
        assert size.init_usd == pytest.approx(init, rel=0.05)


def test_init_that_a_recording_has_for_free_is_billed_as_it_is_today() -> None:
    old = [replace(s, billed_ms=100.0) if s.cold else s for s in seen_samples()]
    free, today = month_of(GOAL, from_samples(old))[0], month_of(GOAL, seen())[0]
    for before, after in zip(free.sizes, today.sizes, strict=True):
        assert before.total_usd == pytest.approx(after.total_usd, rel=1e-9)
        assert before.init_usd == pytest.approx(after.init_usd, rel=1e-9)


@pytest.mark.parametrize("ms", [1.2, 99.5])
def test_a_month_costs_what_its_calls_cost_as_measured(ms: float) -> None:
    samples = [sample(i, size, ms + i % 3 / 10) for i in range(8) for size in SIZES]
    samples += [sample(100 + i, 128, ms, 300.0) for i in range(3)]
    observations = from_samples(samples)
    found, _ = month_of(GOAL, observations)
    basis = Basis(fit(observations, seed=1, range_mb=(128, 1024)), observations, GOAL, X86)
    for size in found.sizes:
        per_million, _ = basis.seen(size.memory_mb) or (0.0, 0.0)
        assert size.total_usd == pytest.approx(per_million * CALLS / 1e6, rel=1e-9)


def test_the_current_size_and_the_runners_up_are_billed_once_each() -> None:
    found, _ = month_of(GOAL, seen())
    roles = {size.memory_mb: size.role for size in found.sizes}
    assert (roles[128], roles[512]) == ("recommended", "current")
    assert len(roles) == len(found.sizes)
    assert set(roles.values()) == {"recommended", "current", "runner-up"}
    same, _ = month_of(replace(GOAL, current_mb=128), seen())
    assert same.sizes[0].role == "recommended"


def test_free_tier_plans_and_the_other_architecture_stand_beside_the_total() -> None:
    found, _ = month_of(GOAL, seen(), other=ARM)
    size = found.sizes[0]
    free = 400_000 * X86.gb_second_usd + 1e6 * X86.request_usd
    assert size.total_usd - (size.free_tier_usd or 0.0) == pytest.approx(free)
    used = size.duration_usd + (size.init_usd or 0.0)
    saved = (1 - 0.0000147 / X86.gb_second_usd) * used
    assert size.total_usd - (size.savings_no_upfront_usd or 0.0) == pytest.approx(saved)
    assert (size.savings_all_upfront_usd or 0.0) < (size.savings_no_upfront_usd or 0.0)
    assert (found.arch, found.other_arch) == ("x86_64", "arm64")
    arm = used * ARM.gb_second_usd / X86.gb_second_usd + size.requests_usd
    assert size.other_arch_usd == pytest.approx(arm)


def test_prices_that_are_not_known_give_none_and_never_another_price() -> None:
    bare = replace(
        X86,
        savings_no_upfront_gb_second_usd=None,
        savings_all_upfront_gb_second_usd=None,
        provisioned_capacity_gb_second_usd=None,
        ephemeral_gb_second_usd=None,
        free_tier=None,
    )
    found, _ = month_of(replace(GOAL, ephemeral_mb=1024), seen(), own=bare)
    size = found.sizes[0]
    unknown = (size.savings_no_upfront_usd, size.savings_all_upfront_usd, size.ephemeral_usd)
    assert unknown == (None, None, None)
    assert (size.free_tier_usd, size.other_arch_usd, found.provisioned) == (None, None, None)


def test_storage_above_512_mb_is_charged_by_the_second() -> None:
    found, _ = month_of(replace(GOAL, ephemeral_mb=1536), seen())
    seconds = CALLS * (0.1005 + 0.01 * 0.3)
    assert found.sizes[0].ephemeral_usd == pytest.approx(seconds * 3.09e-8, rel=0.02)


def test_without_a_measured_cold_start_init_is_unknown_and_said_to_be() -> None:
    found, advice = month_of(GOAL, seen(cold=False))
    assert found.sizes[0].init_usd is None
    assert advice == ["month-init"]


def test_provisioned_concurrency_pays_from_its_break_even_on() -> None:
    much, _ = month_of(GOAL, seen())
    offer = much.provisioned
    assert offer is not None
    assert offer.break_even == pytest.approx(0.6, abs=0.001)
    assert offer.busy == pytest.approx(2.01 / 3.01, abs=0.01)
    assert offer.pays_from_per_second == pytest.approx(1.5 / 0.1005, rel=0.02)
    assert offer.sandboxes == 1
    assert (offer.total_usd or 0.0) < much.sizes[0].total_usd
    little, _ = month_of(replace(GOAL, demand=steady_demand("14rps")), seen())
    assert little.provisioned is not None
    assert (little.provisioned.sandboxes, little.provisioned.total_usd) == (0, None)


def test_a_traffic_beyond_all_accounts_is_billed_but_not_provisioned() -> None:
    found, _ = month_of(replace(GOAL, demand=steady_demand("10Mrps")), seen())
    assert found.provisioned is None
    assert found.sizes[0].duration_usd < found.calls * 0.1005 / 8 * X86.gb_second_usd


def test_a_given_share_stays_and_one_of_the_traffic_follows_the_duration() -> None:
    assert GOAL.served(5.0) is GOAL
    rough = Goal(demand=steady_demand("1rps"))
    short, long = rough.served(0.01), rough.served(5.0)
    assert 0.0 < short.cold_share < long.cold_share
    assert "5.00 s" in long.cold_share_from
    assert Goal().served(1.0).cold_share == 0.0


def test_the_table_bills_cold_starts_as_the_answer_and_the_month_do() -> None:
    old = [replace(s, billed_ms=100.0) if s.cold else s for s in seen_samples()]
    goal = replace(GOAL, cold_share=0.3)
    question = Question(goal, X86, MemoryRange(SIZES), seed=1)
    sweep = conclude(Evidence(a_run("01J"), old, Priced(X86)), question)
    pick, month = sweep.recommendation, sweep.monthly
    assert pick is not None and pick.cost_usd_per_million is not None and month is not None
    rows = {r.memory_mb: r.cost_usd_per_million.mean for r in sweep.sizes if r.cost_usd_per_million}
    assert pick.cost_usd_per_million.mean == pytest.approx(rows[pick.memory_mb])
    for size in month.sizes:
        assert size.total_usd / month.calls * 1e6 == pytest.approx(rows[size.memory_mb])

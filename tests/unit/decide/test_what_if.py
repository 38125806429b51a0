"""What would be chosen at another traffic begins with what was chosen."""

import pytest

from support.factories import a_function, a_run, a_sample
from tuner.billing.prices import prices
from tuner.decide.conclude import Evidence, conclude
from tuner.decide.decide import Question
from tuner.decide.goal import Goal, Strategy
from tuner.decide.month import Priced
from tuner.decide.result import Sweep
from tuner.decide.what_if import chosen, usd_per_million
from tuner.records import Purpose, Sample
from tuner.units import MemoryRange

X86 = prices("us-east-1", "x86_64")
SIZES = (128, 256, 512, 1024, 1769)


def samples() -> list[Sample]:
    """Work that gets cheaper with memory, and INIT of 500 ms at every size."""
    found = []
    for size in SIZES:
        ms = 5.0 + 40.0 * max(1.0, 1769 / size) ** 1.3
        found += [a_sample(size, call=n, ran_ms=ms * (1 + n % 5 / 100)) for n in range(12)]
        cold = {"purpose": Purpose.COLD, "init_ms": 500.0}
        found += [a_sample(size, call=50 + n, ran_ms=ms, **cold) for n in range(2)]
    return found


def concluded(strategy: Strategy, cold_share: float = 0.01) -> Sweep:
    goal = Goal(strategy, cold_share=cold_share, cold_share_from="given", current_mb=128)
    question = Question(goal, X86, MemoryRange(sizes_mb=SIZES), seed=1)
    run = a_run("01J", facts=a_function(memory_mb=128))
    return conclude(Evidence(run, samples(), Priced(X86)), question)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_at_the_measured_setting_it_is_the_answer_itself(strategy: Strategy) -> None:
    sweep = concluded(strategy)
    terms, pick = sweep.what_if, sweep.recommendation
    assert terms is not None and pick is not None
    found = chosen(terms, terms.cold_share)
    assert found.pop("recommended") == pick.memory_mb
    assert found == {choice.name: choice.memory_mb for choice in pick.choices}
    costs = usd_per_million(terms, terms.cold_share)
    for row in sweep.sizes:
        assert costs[row.memory_mb] == pytest.approx(row.cost_usd_per_million.mean, rel=1e-9)


def test_many_cold_starts_make_small_sizes_cheaper() -> None:
    terms = concluded(Strategy.COST).what_if
    assert terms is not None
    assert chosen(terms, 1.0)["cheapest"] < chosen(terms, 0.0)["cheapest"]

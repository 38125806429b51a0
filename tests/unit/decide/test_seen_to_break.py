"""No size whose own calls break an objective is taken while another one keeps it."""

import numpy as np
import pytest

from support.factories import a_sample
from tuner.billing.prices import prices
from tuner.decide.decide import Decider, Question
from tuner.decide.goal import Goal, parse_slo
from tuner.records import Sample
from tuner.units import MemoryRange

SIZES = (512, 768, 1769)


def heavy(medians: dict[int, float], seed: int) -> list[Sample]:
    """Ten calls of each size that scatter widely."""
    rng, found = np.random.default_rng(seed), list[Sample]()
    for size, median in medians.items():
        for ms in median * np.exp(0.6 * rng.standard_normal(10)):
            found.append(a_sample(size, call=len(found), ran_ms=float(ms)))
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("text", ["p50<600ms", "mean<700ms", "cost<20usd/million"])
def test_the_pick_keeps_in_its_row_what_most_of_its_calls_can_tell(seed: int, text: str) -> None:
    samples = heavy({512: 1500.0, 768: 930.0, 1769: 321.0}, seed)
    slo = parse_slo(text)
    goal = Goal(slos=(slo,))
    question = Question(
        goal, prices("us-east-1", "x86_64"), MemoryRange(sizes_mb=SIZES), SIZES, grid_samples=10
    )
    found = Decider(question).answer(samples)
    pick, basis = found.recommendation, found.basis
    assert pick is not None and basis is not None
    if not pick.meets_slo:
        return  # and it is said
    own = np.array([s.duration_ms for s in samples if s.memory_mb == pick.memory_mb])
    seen = {"p50": np.quantile(own, 0.5), "mean": own.mean(), "cost": basis.seen(pick.memory_mb)[0]}
    value = next(value for name, value in seen.items() if text.startswith(name))
    kept = [
        size
        for size in SIZES
        if size != pick.memory_mb and _kept(basis.seen(size), samples, size, text, slo.limit)
    ]
    assert value <= slo.limit or not kept


def _kept(
    seen: tuple[float, float] | None, samples: list[Sample], size: int, text: str, limit: float
) -> bool:
    own = np.array([s.duration_ms for s in samples if s.memory_mb == size])
    values = {"p50": np.quantile(own, 0.5), "mean": own.mean(), "cost": seen[0] if seen else np.inf}
    return bool(next(v for name, v in values.items() if text.startswith(name)) <= limit)


@pytest.mark.parametrize("seed", range(4))
def test_many_calls_beyond_a_quantile_leave_no_likely_objective(seed: int) -> None:
    rng, samples = np.random.default_rng(seed), list[Sample]()
    for size, count in ((512, 20), (768, 80), (1769, 20)):
        slow = np.arange(count) % 10 == 0 if size == 768 else np.zeros(count, dtype=bool)
        for ms in np.where(slow, 34.0, 15.0 + 4000.0 / size) + rng.normal(0.0, 0.3, count):
            samples.append(a_sample(size, call=len(samples), ran_ms=float(ms)))
    goal = Goal(slos=(parse_slo("p95<32ms"),))
    question = Question(
        goal, prices("us-east-1", "x86_64"), MemoryRange(sizes_mb=(768,)), (768,), grid_samples=10
    )
    pick = Decider(question).answer(samples).recommendation
    assert pick is not None and pick.memory_mb == 768
    assert pick.meets_slo is False
    assert pick.meets_probability is not None and pick.meets_probability < 0.1

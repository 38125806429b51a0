"""No answer without calls of its own: the pick, its rival and the current size are confirmed."""

from dataclasses import replace

import numpy as np
import pytest

from support.factories import a_sample
from tuner.billing.prices import prices
from tuner.decide.confirm import Confirmation
from tuner.decide.decide import Decider, Question
from tuner.decide.goal import Goal
from tuner.decide.outlook import VERIFIED
from tuner.planning.ask import Ask, Done, SoFar
from tuner.planning.budget import NO_LIMIT, Budget, Spent
from tuner.records import Outcome, Sample, Setting
from tuner.units import MemoryRange

RATES = prices("us-east-1", "x86_64")
SIZES = (128, 256, 512, 1024)
QUESTION = Question(Goal(current_mb=1024), RATES, MemoryRange(sizes_mb=SIZES), seed=1)
#: Mean durations (ms): 512 MB is the cheapest.
TIMES = {128: 900.0, 256: 430.0, 512: 200.0, 1024: 170.0}


def calls(memory_mb: int, count: int, first: int, seed: int = 0) -> list[Sample]:
    rng = np.random.default_rng((seed, memory_mb, first))
    times = TIMES[memory_mb] * np.exp(0.02 * rng.standard_normal(count))
    return [a_sample(memory_mb, call=first + i, ran_ms=float(ms)) for i, ms in enumerate(times)]


def explored(each: int = 3, seed: int = 0) -> list[Sample]:
    found: list[Sample] = []
    for size in SIZES:
        found += calls(size, each, len(found), seed)
    return found


def confirmed(question: Question, samples: list[Sample], limit: Budget = NO_LIMIT) -> list[Sample]:
    planner = Confirmation({"x86_64": question}, limit)
    while isinstance(ask := planner.next(SoFar(samples, Spent(len(samples)))), Ask):
        for setting, count in ask.counts.items():
            samples = [*samples, *calls(setting.memory_mb, count, len(samples))]
    return samples


@pytest.mark.parametrize("seed", range(5))
def test_the_pick_and_the_current_size_get_ten_calls_of_their_own(seed: int) -> None:
    samples = confirmed(QUESTION, explored(seed=seed))
    pick = Decider(QUESTION).answer(samples).recommendation
    assert pick is not None
    assert pick.verified_calls >= VERIFIED
    assert sum(s.memory_mb == 1024 for s in samples) >= VERIFIED
    assert pick.memory_mb == 512


def test_the_rival_is_called_beside_the_pick() -> None:
    ask = Confirmation({"x86_64": QUESTION}, NO_LIMIT).next(SoFar(explored()))
    assert isinstance(ask, Ask)
    assert Setting(512) in ask.counts
    assert len(ask.counts) >= 2
    assert set(ask.counts.values()) == {5}


def test_nothing_is_called_again_once_the_answer_stands() -> None:
    done = Confirmation({"x86_64": QUESTION}, NO_LIMIT).next(SoFar(explored(each=10)))
    assert isinstance(done, Done)
    assert done.settled


def test_a_limit_on_invocations_is_kept() -> None:
    samples = confirmed(QUESTION, explored(), Budget(invocations=15))
    assert len(samples) == 15


def test_a_grid_is_left_as_it_was_asked_for() -> None:
    grid = replace(QUESTION, grid_samples=3)
    assert isinstance(Confirmation({"x86_64": grid}, NO_LIMIT).next(SoFar(explored())), Done)


def test_a_size_that_never_works_is_not_called_for_ever() -> None:
    def failing(setting: Setting, count: int, first: int) -> list[Sample]:
        if setting.memory_mb != 1024:
            return calls(setting.memory_mb, count, first)
        bad = Outcome.FUNCTION_ERROR
        return [a_sample(1024, call=first + i, outcome=bad, ran_ms=None) for i in range(count)]

    samples = [s for s in explored() if s.memory_mb != 1024]
    planner = Confirmation({"x86_64": QUESTION}, NO_LIMIT)
    while isinstance(ask := planner.next(SoFar(samples)), Ask):
        for setting, count in ask.counts.items():
            samples = [*samples, *failing(setting, count, len(samples))]
    assert sum(s.memory_mb == 1024 for s in samples) <= 2 * VERIFIED


def test_a_size_that_was_never_called_is_not_recommended() -> None:
    wide = replace(QUESTION, goal=Goal(), wish=MemoryRange(range_mb=(128, 1536)))
    pick = Decider(wide).answer(explored()).recommendation
    assert pick is not None
    assert pick.memory_mb in SIZES


@pytest.mark.parametrize("seed", range(8))
def test_no_measured_size_is_cheaper_and_faster_than_the_pick(seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples: list[Sample] = []
    for size in SIZES:
        times = rng.uniform(50, 400) * np.exp(0.3 * rng.standard_normal(12))
        samples += [
            a_sample(size, call=len(samples) + i, ran_ms=float(t)) for i, t in enumerate(times)
        ]
    pick = Decider(replace(QUESTION, goal=Goal())).answer(samples).recommendation
    assert pick is not None
    own = next(c for c in pick.choices if c.name == "cheapest")
    for other in pick.runners_up:
        assert other.cost_usd_per_million is not None
        assert other.duration_ms is not None
        worse = other.cost_usd_per_million > own.cost_usd_per_million
        assert worse or other.duration_ms > own.duration_ms


def test_the_headline_is_the_mean_of_the_size_as_measured() -> None:
    samples = explored(each=10)
    pick = Decider(QUESTION).answer(samples).recommendation
    assert pick is not None
    own = [s.billed_ms or float(np.ceil(s.duration_ms or 0)) for s in samples if s.memory_mb == 512]
    usd = 1e6 * (np.mean(own) / 1000 * 0.5 * RATES.gb_second_usd + RATES.request_usd)
    assert pick.cost_usd_per_million is not None
    assert pick.cost_usd_per_million.mean == pytest.approx(usd)
    assert pick.cost_usd_per_million.low < usd < pick.cost_usd_per_million.high


def test_speed_that_costs_next_to_nothing_is_taken() -> None:
    even = {128: 1000.0, 256: 500.0, 512: 250.0, 1024: 126.0}  # 1,024 MB costs 0.8 % more
    samples: list[Sample] = []
    for size, ms in even.items():
        samples += [a_sample(size, call=len(samples) + i, ran_ms=ms) for i in range(10)]
    free = replace(QUESTION, goal=Goal())
    plain = replace(QUESTION, goal=Goal(worth=0.0))
    worth = Decider(free).answer(samples).recommendation
    cheapest = Decider(plain).answer(samples).recommendation
    assert worth is not None
    assert cheapest is not None
    assert worth.memory_mb == 1024
    assert cheapest.memory_mb < 1024


def test_a_size_that_was_not_measured_is_not_compared_with() -> None:
    other = replace(QUESTION, goal=Goal(current_mb=768))
    pick = Decider(other).answer(explored()).recommendation
    assert pick is not None
    assert pick.versus_current is not None
    assert pick.versus_current.cost_change is None


def test_every_size_that_a_grid_measures_may_be_chosen() -> None:
    even = {128: 900.0, 256: 450.0, 512: 230.0, 1024: 90.0, 1536: 80.0}  # 1,024 MB is the cheapest
    samples: list[Sample] = []
    for size, ms in even.items():
        samples += [a_sample(size, call=len(samples) + i, ran_ms=ms) for i in range(10)]
    wish = MemoryRange(range_mb=(128, 1536))
    grid = replace(QUESTION, goal=Goal(), wish=wish, grid_samples=10)
    pick = Decider(grid).answer(samples).recommendation
    assert pick is not None
    assert pick.memory_mb == 1024


@pytest.mark.parametrize("seed", range(4))
def test_the_choices_are_what_the_table_shows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples: list[Sample] = []
    means: dict[int, float] = {}
    for size in SIZES:
        times = rng.uniform(50, 400) * np.exp(0.2 * rng.standard_normal(12))
        means[size] = float(times.mean())
        samples += [a_sample(size, call=len(samples) + i, ran_ms=t) for i, t in enumerate(times)]
    pick = Decider(replace(QUESTION, goal=Goal())).answer(samples).recommendation
    assert pick is not None
    choices = {choice.name: choice for choice in pick.choices}
    assert means[choices["fastest"].memory_mb] <= 1.01 * min(means.values())
    cheapest = choices["cheapest"].cost_usd_per_million
    assert all(cheapest <= 1.01 * (other.cost_usd_per_million or 0.0) for other in pick.runners_up)

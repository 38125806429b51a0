"""What is kept of a load: all of it, or a fair choice of its calls once that is too much."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.records import RunRecord, Sample
from tuner.store.queries import PRIME, Choice, everything
from tuner.store.retention import Keeper
from tuner.store.runs import Store

Make = Callable[..., RunRecord]
MakeSample = Callable[..., Sample]


def keep(store: Store, run: RunRecord, samples: list[Sample], seed: int, most: int) -> Keeper:
    """A run with these samples, offered one by one."""
    store.start(run)
    keeper = Keeper(store, run.run, seed, most)
    for sample in samples:
        keeper.keep(sample)
    keeper.flush()
    return keeper


def test_everything_is_kept_up_to_the_limit(
    store: Store, make_run: Make, make_sample: MakeSample
) -> None:
    run, offered = make_run(), [make_sample(call=number) for number in range(1200)]
    keeper = keep(store, run, offered, seed=1, most=1200)
    assert store.samples(run.run) == offered
    assert keeper.advice() == ()


def test_above_the_limit_whole_calls_of_the_whole_load_are_kept(
    store: Store, make_run: Make, make_sample: MakeSample
) -> None:
    run = make_run()
    calls, attempts = 6000, (1, 2, 3)
    offered = [make_sample(call=c, attempt=a) for c in range(calls) for a in attempts]
    keeper = keep(store, run, offered, seed=3, most=1000)
    stored = store.samples(run.run)
    assert 250 <= len(stored) <= 1000
    assert set(Counter(s.call for s in stored).values()) == {3}
    thirds = Counter(sample.call * 3 // calls for sample in stored)
    assert all(thirds[third] > len(stored) / 6 for third in range(3))
    [advice] = keeper.advice()
    assert f"one call in 32, chosen at random over the whole load: {len(stored):,} of 18,000 " in (
        advice.text
    )


def test_other_runs_are_left_alone(store: Store, make_run: Make, make_sample: MakeSample) -> None:
    other = make_run(run="01JDS0000000000000000000BB")
    keep(store, other, [make_sample(call=number) for number in range(50)], 1, 100)
    keep(store, make_run(), [make_sample(call=number) for number in range(500)], 1, 20)
    assert len(store.samples(other.run)) == 50


@given(st.integers(0, 2**32), st.integers(0, 31), st.lists(st.integers(0, PRIME - 1)))
def test_what_is_chosen_after_a_halving_was_chosen_before(
    seed: int, halvings: int, calls: list[int]
) -> None:
    choice = everything(Random(seed))
    assert all(choice.takes(call) for call in calls)
    for _ in range(halvings):
        smaller = choice.halved()
        assert all(choice.takes(call) for call in calls if smaller.takes(call))
        choice = smaller


def test_every_call_is_equally_likely_and_pairs_are_independent() -> None:
    seeds, kept = 4000, Counter[int]()
    together = 0
    for seed in range(seeds):
        choice = everything(Random(seed)).halved().halved()
        taken = [choice.takes(call) for call in range(40)]
        kept.update(call for call, chosen in enumerate(taken) if chosen)
        together += taken[17] and taken[18]
    assert all(kept[call] == pytest.approx(seeds / 4, rel=0.12) for call in range(40))
    assert together == pytest.approx(seeds / 16, rel=0.25)


def test_the_database_chooses_as_python_does(
    store: Store, make_run: Make, make_sample: MakeSample
) -> None:
    run, numbers = make_run(), [*range(300), PRIME - 1, PRIME - 2]
    choice = Choice(PRIME - 1, PRIME - 1, PRIME // 3)
    store.start(run)
    store.add(run.run, [make_sample(call=number) for number in numbers])
    gone = store.thin(run.run, choice)
    stored = [sample.call for sample in store.samples(run.run)]
    assert stored == [number for number in numbers if choice.takes(number)]
    assert gone == len(numbers) - len(stored) > 0

"""Sizes compared under load: which is chosen, what is said of the others, which comes next."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.examples import examples
from support.factories import a_sample
from tuner.billing.prices import prices
from tuner.decide.decide import Conclusion, Decider, Question
from tuner.decide.goal import Goal, Strategy, parse_slo
from tuner.decide.load_plan import MOST, MOST_WITHOUT_SLO, next_under_load
from tuner.decide.load_result import SizeUnderLoad
from tuner.decide.under_load import chosen_under_load, load_doubts, sizes_under_load
from tuner.records import Outcome, Purpose, Sample, Setting
from tuner.store.documents import Ending, LoadFacts, LoadTerms, SizeLoads
from tuner.units import MemoryRange

RATES = prices("us-east-1", "x86_64")
SIZES = (128, 256, 512, 1024, 1536)
ASKED = LoadTerms("steady", "", "poisson", 20.0, None, None, 10.0, "none", 40)
SLO = (parse_slo("client_p99<500ms"), parse_slo("throttles<1%"))
CALLS = 1_000


def question(goal: Goal | None = None, grid: bool = False) -> Question:
    goal = goal or Goal(slos=SLO, current_mb=128)
    if grid:
        return Question(goal, RATES, MemoryRange(sizes_mb=SIZES), grid_samples=8, seed=1)
    return Question(goal, RATES, MemoryRange(range_mb=(128, 1536)), seed=1)


def sample(call: int, memory_mb: int, ms: float, purpose: Purpose, throttled: bool) -> Sample:
    return a_sample(
        memory_mb,
        call=call,
        load="steady" if purpose is Purpose.LOAD else "",
        purpose=purpose,
        outcome=Outcome.THROTTLED if throttled else Outcome.OK,
        due_s=call / 20.0,
        took_s=ms / 1000.0,
        ran_ms=None if throttled else ms,
    )


def alone_ms(memory_mb: int) -> float:
    """A function that computes for 40 ms at a full CPU and waits for 60 ms."""
    return 60.0 + 40.0 * max(1.0, 1769.0 / memory_mb)


def measured() -> list[Sample]:
    rng = np.random.default_rng(3)
    return [
        sample(number, size, alone_ms(size) * float(rng.uniform(0.98, 1.02)), Purpose.WARM, False)
        for number, size in enumerate(sorted(SIZES * 8))
    ]


class Loaded:
    """What sizes did under load, by size: latency in ms, and how many of a thousand throttled."""

    def __init__(
        self, seen: Mapping[int, tuple[float, int]], endings: Mapping[int, Ending] | None = None
    ) -> None:
        each, self.samples = [], list[Sample]()
        for place, (size, (ms, throttled)) in enumerate(seen.items()):
            first = 10_000 + place * CALLS
            ending = (endings or {}).get(size, Ending.WHOLE)
            each.append(
                LoadFacts(
                    Setting(size, load="steady"),
                    first / 20.0,
                    float(CALLS),
                    {},
                    ending,
                    ending.value,
                )
            )
            self.samples += [
                sample(first + n, size, ms, Purpose.LOAD, n < throttled) for n in range(CALLS)
            ]
        self.loads = SizeLoads(ASKED, tuple(each))

    def rows(self, asked: Question) -> tuple[SizeUnderLoad, ...]:
        return sizes_under_load(self.loads, self.samples, asked.goal, RATES)


@cache
def alone(asked: Question) -> Conclusion:
    """The answer of calls that were made alone."""
    return Decider(asked).answer(measured())


def answered(asked: Question, loaded: Loaded) -> Conclusion:
    return chosen_under_load(alone(asked), asked, ASKED, loaded.rows(asked))


def test_a_size_that_misses_an_objective_under_load_is_not_recommended() -> None:
    seen = {128: (2_900.0, 0), 256: (900.0, 0), 512: (420.0, 0), 1024: (210.0, 0)}
    pick = answered(question(), Loaded(seen)).recommendation
    assert pick is not None
    assert (pick.memory_mb, pick.meets_slo) == (512, True)
    assert pick.slo == ("client_p99<500ms", "throttles<1%")
    assert pick.reasons[0].startswith("Of the sizes that met the objectives under load, 512 MB ")
    assert "it meets client_p99<500ms: 420 ms; throttles<1%: 0 %" in pick.reasons[1]
    assert "256 MB misses client_p99<500ms: 900 ms under load." in pick.reasons
    why = {other.memory_mb: other.why_not for other in pick.runners_up}
    assert why[256] == "misses client_p99<500ms: 900 ms under load"
    assert 128 in why


def test_throttles_that_only_a_load_shows_decide_as_well() -> None:
    seen = {512: (300.0, 200), 1024: (210.0, 3)}
    pick = answered(question(), Loaded(seen)).recommendation
    assert pick is not None
    assert (pick.memory_mb, pick.meets_slo) == (1024, True)
    assert any("throttles<1%: 20 %" in reason for reason in pick.reasons)


def test_where_no_size_sustains_the_load_the_closest_is_named_as_such() -> None:
    seen = {512: (2_000.0, 0), 1024: (900.0, 0), 1536: (800.0, 0)}
    pick = answered(question(), Loaded(seen)).recommendation
    assert pick is not None
    assert (pick.memory_mb, pick.meets_slo, pick.confidence) == (1536, False, None)
    assert pick.reasons[0].startswith("No size tested under load")
    assert {other.memory_mb for other in pick.runners_up} == {512, 1024}


def test_an_objective_of_the_curve_counts_among_sizes_that_bore_the_load() -> None:
    goal = Goal(slos=(*SLO, parse_slo("p95<170ms")))
    seen = {512: (420.0, 0), 1024: (210.0, 0)}
    pick = answered(question(goal), Loaded(seen)).recommendation
    assert pick is not None
    assert (pick.memory_mb, pick.meets_slo) == (1024, True)


def test_without_objectives_of_callers_a_load_changes_nothing_but_is_told() -> None:
    asked = question(Goal(Strategy.SPEED))
    before = alone(asked).recommendation
    assert before is not None
    pick = answered(asked, Loaded({before.memory_mb: (9_000.0, 100)})).recommendation
    assert pick is not None
    assert replace(pick, reasons=()) == replace(before, reasons=())
    assert "it answered 90 % of 1,000 calls, p95 9" in pick.reasons[-1]


def test_a_load_that_was_stopped_by_its_own_condition_was_not_borne() -> None:
    seen = {512: (100.0, 0), 1024: (100.0, 0)}
    pick = answered(question(), Loaded(seen, {512: Ending.BLOWN})).recommendation
    assert pick is not None
    assert pick.memory_mb == 1024


def test_a_load_that_was_cut_by_a_budget_says_nothing() -> None:
    loaded = Loaded({512: (9_000.0, 0)}, {512: Ending.CUT})
    asked = question()
    assert answered(asked, loaded).recommendation == alone(asked).recommendation
    assert loaded.rows(asked)[0].met is None


def played(asked: Question, bears: Mapping[int, tuple[float, int]] | None = None) -> list[int]:
    """The sizes that are put under load one after another, when each behaves as ``bears`` says."""
    order: list[int] = []
    while True:
        seen = {size: (bears or {}).get(size, (alone_ms(size), 0)) for size in order}
        loaded = Loaded(seen)
        found = next_under_load(asked, answered(asked, loaded), loaded.rows(asked), ())
        if found is None:
            return order
        order.append(found)


def test_the_pick_its_neighbours_and_the_current_size_are_put_under_load() -> None:
    asked = question(Goal(current_mb=128, strategy=Strategy.SPEED))
    pick = alone(asked).recommendation
    assert pick is not None
    order = played(asked)
    assert order[0] == pick.memory_mb
    assert 128 in order
    assert len(order) <= MOST_WITHOUT_SLO


def test_larger_sizes_are_tried_until_one_bears_the_load() -> None:
    slow = {size: (3.0 * alone_ms(size), 0) for size in range(128, 1537)}
    order = played(question(), slow)
    climb = order[: order.index(max(order)) + 1]
    assert climb == sorted(climb)
    assert max(order) >= 1024
    assert len(order) <= MOST


def test_the_climb_ends_where_a_larger_size_does_not_help() -> None:
    flat = dict.fromkeys(range(128, 1537), (2000.0, 0))
    assert len(played(question(), flat)) == 2


def test_the_end_of_the_range_is_the_last_step_of_the_climb() -> None:
    order = played(question(), {size: (9e5 / size, 0) for size in range(128, 1537)})
    assert order[-1] == 1536


def test_a_grid_puts_each_of_its_sizes_under_load() -> None:
    assert played(question(grid=True)) == list(SIZES)


@examples(15)
@example({}, {512}, False)
@given(
    st.dictionaries(
        st.sampled_from(SIZES), st.tuples(st.floats(1.0, 5_000.0), st.integers(0, CALLS))
    ),
    st.sets(st.sampled_from(SIZES), max_size=2),
    st.booleans(),
)
def test_the_next_size_is_a_new_one_of_the_range(
    seen: dict[int, tuple[float, int]], failed: set[int], grid: bool
) -> None:
    asked, loaded = question(grid=grid), Loaded(seen)
    found = next_under_load(asked, answered(asked, loaded), loaded.rows(asked), failed)
    assert found is None or (found not in seen and found not in failed and 128 <= found <= 1536)


@pytest.mark.parametrize(("under", "codes"), [(1.05, []), (1.6, ["slower-under-load"])])
def test_calls_that_take_longer_under_load_than_alone_are_told(
    under: float, codes: Sequence[str]
) -> None:
    loaded = Loaded({1024: (alone_ms(1024) * under, 0)})
    asked = question(Goal())
    found = load_doubts(loaded.rows(asked), measured())
    assert [advice.code for advice in found] == codes


def test_a_percentile_of_few_calls_is_told_to_be_one() -> None:
    asked = question(Goal(slos=(parse_slo("client_p99.9<1s"),)))
    [advice] = load_doubts(Loaded({512: (100.0, 0)}).rows(asked), measured())
    assert advice.code == "load-short"
